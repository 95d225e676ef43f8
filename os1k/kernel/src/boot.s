# The first instructions and the first page tables. See boot.rs.

    .section .boot, "ax"
    .balign 4
    .long 0x1badb002, 3, -(0x1badb002 + 3)  # page-aligned modules, memory size

    # From a Multiboot loader: EAX = magic, EBX = info, flat segments, paging off.
    .global _start
_start:
    cli
    cld
    mov edi, eax
    mov esi, ebx
    mov eax, cr4
    or eax, 0x10                            # PSE: 4 MiB pages
    mov cr4, eax
    lea eax, [kernel_directory - 0x80000000]
    mov cr3, eax
    mov eax, cr0
    and eax, 0x9ffffff3                     # caches on; EM, TS off: use the FPU
    or eax, 0x80010022                      # PG, WP, NE, MP
    mov cr0, eax
    lea eax, [high]
    jmp eax                                 # from 1 MiB to 2 GiB + 1 MiB

    .text
high:
    lea esp, [kernel_stacks + 3 * 4096]     # of the idle process, above its guard page
    mov eax, 1
    cpuid
    test edx, 1 << 24                       # FXSR
    jz 3f
    mov byte ptr [has_fxsave], 1
    mov eax, cr4
    or eax, 0x200                           # OSFXSR
    test edx, 1 << 25                       # SSE
    jz 2f
    or eax, 0x400                           # OSXMMEXCPT
2:  mov cr4, eax
3:  fninit
    xor ebp, ebp                            # backtraces end here
    sub esp, 8                              # the ABI: 16-aligned at a call
    push esi
    push edi
    call kernel_main

    .bss
    .global has_fxsave
has_fxsave:
    .skip 1

    # The kernel's half of every address space: physical memory from 0 on is mapped at
    # 2 GiB. The first 4 MiB, which contain the kernel, are in small pages; they are also
    # mapped at 0, for the jump above.
    .data
    .balign 4096
    .global kernel_directory, low_table
kernel_directory:
    .long low_table - 0x80000000 + 3
    .skip 511 * 4
    .long low_table - 0x80000000 + 3
    .set page, 0x400000
    .rept 447
    .long page + 0x83                       # large, writable, present
    .set page, page + 0x400000
    .endr
    .skip 58 * 4
    .long 0xfe800000 + 0x9b                 # large, uncached: virtio_blk.rs
    .skip 5 * 4
low_table:
    .set page, 0
    .rept 1024
    .long page + 3
    .set page, page + 0x1000
    .endr
