; The I/O permission bitmap: a ring above IOPL may use the ports whose bits in the TSS are clear.
; The bits for every byte of the access count, and two bytes are always read. SDM vol. 1, 18.5.2.

%include "suite.inc"


; The TSS with a limit of the bitmap's first %1 bytes.
%macro tss_limit 1
        descriptor TSS, tss, tss.end - tss + (%1) - 1, TSS_32
        mov ax, TSS
        ltr ax
%endmacro

start:
        mov edi, tss.end
        mov ecx, 0x2001
        mov al, 0xff
        rep stosb
        and byte [tss.end + 0x40 / 8], 0x0f     ; ports 0x44 to 0x47
        and byte [tss.end + 0x50 / 8], 0x7f     ; 0x57
        and byte [tss.end + 0x58 / 8], 0xfe     ; 0x58
        and byte [tss.end + 0x78 / 8], 0x7f     ; 0x7f
        and byte [tss.end + 0x80 / 8], 0xfe     ; 0x80
        tss_limit 0x2001

        to_ring 3
        faults "a port whose bit is set", GP, 0, in al, 0x43
        runs "a port whose bit is clear", in al, 0x44
        runs "the last of four", in al, 0x47
        faults "the one behind them", GP, 0, in al, 0x48
        runs "a word with both bits clear", in ax, 0x46
        faults "a word whose second bit is set", GP, 0, in ax, 0x47
        faults "a word whose first bit is set", GP, 0, in ax, 0x43
        runs "a doubleword with all bits clear", in eax, 0x44
        faults "a doubleword whose last bit is set", GP, 0, in eax, 0x45
        runs "a word across two bytes of the bitmap", in ax, 0x57
        faults "a doubleword across two bytes", GP, 0, in eax, 0x57
        runs "OUT has the same rights", out 0x80, al
        faults "OUT to a port whose bit is set", GP, 0, out 0x81, al
        mov edx, 0x44
        mov edi, scratch
        runs "INSB", insb
        mov edx, 0x43
        faults "INSB without the right", GP, 0, insb
        mov esi, scratch
        faults "OUTSB without the right", GP, 0, outsb
        mov edx, 0xffff
        faults "port 0xffff", GP, 0, in al, dx
        to_ring_0
        and byte [tss.end + 0x1fff], 0x7f
        to_ring 3
        mov edx, 0xffff
        runs "port 0xffff, its bit clear", in al, dx
        faults "a word at port 0xffff", GP, 0, in ax, dx
        to_ring_0

        tss_limit 0x80 / 8 + 1
        to_ring 3
        runs "a port of the bitmap's last byte but one", in al, 0x7f
        faults "a port of the last byte: the byte behind it is outside", GP, 0, in al, 0x80
        to_ring_0
        tss_limit 0x80 / 8
        to_ring 3
        faults "a port whose next byte is outside", GP, 0, in al, 0x7f
        runs "ports before it are not affected", in al, 0x58
        to_ring_0
        mov word [tss.io_map], 0xfff0
        to_ring 3
        faults "a bitmap outside the TSS", GP, 0, in al, 0x44
        to_ring_0
        mov word [tss.io_map], tss.end - tss
        tss_limit -1
        to_ring 3
        faults "a TSS without a bitmap", GP, 0, in al, 0x44
        to_ring_0

        tss_limit 0x2001
        to_ring 3, 2 | EFLAGS_IOPL
        runs "up to IOPL the bitmap isn't looked at", in al, 0x43
        to_ring_0
        to_ring 1
        faults "ring 1 above IOPL 0", GP, 0, in al, 0x43
        runs "ring 1, a port whose bit is clear", in al, 0x44
        to_ring_0
        runs "ring 0", in al, 0x43

; A bit that becomes clear has its effect at once.
        to_ring 3
        faults "before", GP, 0, in al, 0x60
        and byte [tss.end + 0x60 / 8], 0xfe
        runs "the bitmap is read at each access", in al, 0x60
        to_ring_0
        done
