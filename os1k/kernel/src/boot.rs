//! The first instructions: Multiboot 1 header, paging on, SSE on, a stack, then
//! `kernel_main`. Also the boot loader's information, copied before its memory is
//! used for something else. (Multiboot Specification 0.6.96; Intel SDM vol. 3, 2.5)

use crate::memory::PhysAddr;
use core::arch::global_asm;

const LOADER_MAGIC: u32 = 0x2bad_b002;
const INFO_MEMORY: u32 = 1 << 0;
const INFO_COMMAND_LINE: u32 = 1 << 2;
const DEFAULT_MEMORY: u32 = 16 << 20;

global_asm!(include_str!("boot.s"));

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
        // SAFETY: the loader put the structure and the string there, and
        // no memory has been allocated yet.
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
