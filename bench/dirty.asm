; Writes to 100 pages of RAM, one byte each, then halts: what bench/restore.c puts back.

        bits 32
        org 0x100000

        mov edi, 0x200000
        mov ecx, 100
.page:
        inc byte [edi]
        add edi, 5 * 4096
        loop .page
        cli
        hlt
