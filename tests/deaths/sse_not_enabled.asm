; Code of a compiler that was not told -mno-sse, before the kernel has enabled SSE.
; says: exception 6, #UD invalid opcode, error code 0, PLACE: an SSE instruction, and CR4.OSFXSR is 0
; says: ^  => [0-9a-f]+  0f 57 c0 .*
%include "kit.inc"
        kernel
die:    xorps xmm0, xmm0
        hlt
