//! The registers of a trap, as trap.s saves them on the kernel stack. trap.rs and
//! syscall.rs read them; a new process starts with a frame that was made for it.

use crate::memory::VirtAddr;
use crate::segments::{USER_CODE, USER_DATA};

const FPU_SIZE: usize = 512;

/// trap.s uses the same layout. The CPU pushes the last part, from the error code or
/// `eip` on. The FPU state is saved only for traps from ring 3.
#[repr(C)]
pub struct TrapFrame {
    fpu: [u8; FPU_SIZE],
    _pad: u32,
    segments: [u32; 4], // GS, FS, ES, DS
    pub edi: u32,
    pub esi: u32,
    pub ebp: u32,
    _esp: u32, // saved by PUSHAD, not used
    pub ebx: u32,
    pub edx: u32,
    pub ecx: u32,
    pub eax: u32,
    pub vector: u32,
    pub error: u32,
    pub eip: u32,
    cs: u32,
    pub eflags: u32,
    esp: u32, // these two only if it came from ring 3
    ss: u32,
}

impl TrapFrame {
    /// The registers to enter user mode with. The FPU state has exceptions masked and
    /// registers empty, in the formats of FXSAVE and FNSAVE: the fields do not overlap.
    pub fn new(eip: VirtAddr, esp: VirtAddr) -> TrapFrame {
        let mut fpu = [0; FPU_SIZE];
        for (at, word) in [(0, 0x037f_u16), (8, 0xffff), (24, 0x1f80)] {
            fpu[at..at + 2].copy_from_slice(&word.to_le_bytes());
        }
        let data = u32::from(USER_DATA);
        let (cs, eflags) = (u32::from(USER_CODE), 0x202); // with IF

        // SAFETY: the rest are integers.
        let zero = unsafe { core::mem::zeroed() };
        TrapFrame { fpu, segments: [data; 4], eip: eip.0, cs, eflags, esp: esp.0, ss: data, ..zero }
    }

    pub fn is_from_user(&self) -> bool {
        self.cs & 3 != 0
    }
}
