; An option ROM with which Bochs boots Linux without a boot loader or a disk: called by the BIOS when its tables
; are made, it asks for the memory map and enters the kernel as a PVH guest (Xen, docs/misc/pvh.pandoc; the structs
; are those of xen/include/public/arch-x86/hvm/start_info.h).
;
; Kernel and initrd lie in `optramimage1`. Bochs 2.7 keeps the guest's memory in blocks of 128 KiB, gives a block
; its place on the host when it is touched first, and reads an optramimage in one piece to the place of its first
; block. So the file is spread over the blocks that are touched next, whichever they are. The image therefore
; begins with blocks of zeros for what the BIOS touches meanwhile, then a block that begins with MARK. This code
; touches block after block until it sees the mark, and from there each of the payload's, in order. A Bochs that
; reads the image to where it belongs does as well.
;
;   nasm -f bin -DENTRY=... -DIMAGE=... -DKERNEL_SIZE=... -DINITRD_SIZE=... -DOPTIONS="'...'"
;     ENTRY: of the kernel; IMAGE: where the optramimage is; the sizes in bytes; OPTIONS: the kernel's
        bits 16
        org 0

ROM     equ 0xd0000
BLOCK   equ 0x20000             ; BX_MEM_BLOCK_LEN
MARK    equ 'LAB!'
KERNEL  equ 0x1000000           ; where the kernel is linked to be
SMAP    equ 'PAMS'

start_info  equ 0x20000
modules     equ start_info + 0x40
memory_map  equ start_info + 0x80
STACK       equ 0x20000

%define blocks(size) (((size) + BLOCK - 1) / BLOCK)

        db 0x55, 0xaa, (end - $$) / 512

        cli
        cld
        mov ax, start_info >> 4
        mov ds, ax
        mov es, ax
        xor eax, eax
        xor di, di
        mov cx, 0x1000 / 4
        rep stosd

; The BIOS' entries of 20 bytes are the first 20 of PVH's 24.
        mov di, memory_map - start_info
        xor ebx, ebx
        xor bp, bp
next_range:
        mov eax, 0xe820
        mov edx, SMAP
        mov ecx, 20
        int 0x15
        jc all_ranges
        add di, 24
        inc bp
        test ebx, ebx
        jnz next_range
all_ranges:
        cli
        mov dword [0], 0x336ec578               ; magic
        mov dword [4], 1                        ; version
        mov dword [12], 1                       ; modules: the initrd
        mov dword [16], modules
        mov dword [24], ROM + options
        mov dword [40], memory_map
        mov word [48], bp
        mov dword [modules - start_info + 8], INITRD_SIZE

        in al, 0x92                             ; A20
        or al, 2
        and al, ~1
        out 0x92, al
        mov ax, cs
        mov ds, ax
        o32 lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x08:ROM + protected

        bits 32
protected:
        mov eax, 0x10
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov fs, eax
        mov gs, eax
        mov esp, STACK

        mov esi, IMAGE
find_mark:
        add esi, BLOCK
        cmp dword [esi], MARK
        jne find_mark
        add esi, BLOCK
        mov edi, esi
        mov ecx, blocks(KERNEL_SIZE) + blocks(INITRD_SIZE)
touch:
        mov eax, [edi]
        add edi, BLOCK
        loop touch

        lea eax, [esi + blocks(KERNEL_SIZE) * BLOCK]
        mov [modules], eax
        mov edi, KERNEL
        mov ecx, (KERNEL_SIZE + 3) / 4
        rep movsd

        mov ebx, start_info
        mov eax, ENTRY
        jmp eax

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw $ - gdt - 1
        dd ROM + gdt
options: db OPTIONS, 0
        align 512, db 0
        times 511 db 0
        db 0                                    ; for the checksum
end:
