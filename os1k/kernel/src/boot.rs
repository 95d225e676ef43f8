//! The first instructions: Multiboot 1 header, paging on, SSE on, a stack, then
//! `kernel_main`. And what the boot loader told us, copied before the memory it
//! lies in is given away. (Multiboot Specification 0.6.96; Intel SDM vol. 3, 2.5)

use crate::memory::PhysAddr;
use core::arch::global_asm;

const LOADER_MAGIC: u32 = 0x2bad_b002;
const INFO_MEMORY: u32 = 1 << 0;
const INFO_COMMAND_LINE: u32 = 1 << 2;
const DEFAULT_MEMORY: u32 = 16 << 20;

global_asm!(
    r#"
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
    lea esp, [kernel_stacks + 3 * 4096]     # the idle process's, above its guard page
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

    # The kernel's half of every address space, ready before the first
    # instruction: physical memory from 0 at 2 GiB up. The first 4 MiB, which
    # hold the kernel, in small pages; also at 0, for the jump above.
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
    .skip 64 * 4
low_table:
    .set page, 0
    .rept 1024
    .long page + 3
    .set page, page + 0x1000
    .endr
"#
);

pub struct BootInfo {
    /// Bytes of RAM from address 0 up to the first hole above 1 MiB.
    pub memory: u32,
    command_line: [u8; 64],
}

impl BootInfo {
    pub fn read(magic: u32, info: u32) -> BootInfo {
        let mut boot = BootInfo { memory: DEFAULT_MEMORY, command_line: [0; 64] };
        if magic != LOADER_MAGIC {
            return boot;
        }
        // SAFETY: the loader vouches for the structure and the string, and
        // nothing has been allocated over them yet.
        let field = |i: u32| unsafe { PhysAddr(info + 4 * i).direct().cast::<u32>().read() };
        let flags = field(0);
        if flags & INFO_MEMORY != 0 {
            boot.memory = field(2).saturating_mul(1024).saturating_add(1 << 20);
        }
        if flags & INFO_COMMAND_LINE != 0 {
            for (i, byte) in boot.command_line.iter_mut().enumerate() {
                // SAFETY: as above; the string ends with a zero byte.
                *byte = unsafe { PhysAddr(field(4) + i as u32).direct().read() };
                if *byte == 0 {
                    break;
                }
            }
        }
        boot
    }

    pub fn has_word(&self, word: &str) -> bool {
        self.command_line.split(|b| *b == b' ' || *b == 0).any(|w| w == word.as_bytes())
    }
}
