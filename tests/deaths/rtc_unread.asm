; The handler of the RTC does not read register C: it is called once.
; status: 124
; says: why: IRQ 8 \(clock\) can't come again before the RTC's register C is read
; says: hint: at eip .*: IRQ 8 was ended here, but the RTC's register C .* has not been read since
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x28, handler
        port 0x21, 0xfb
        port 0xa1, 0xfe
        port 0x70, 0x0b
        port 0x71, 0x42                 ; PIE, 24 hours
        sti
die:    hlt
        jmp die
handler:
        port 0xa0, 0x20
        port 0x20, 0x20
        iret
