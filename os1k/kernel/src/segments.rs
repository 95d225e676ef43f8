//! GDT and two task state segments: one holds the kernel stack for traps from ring 3,
//! the other gives a double fault a stack of its own.
//! (Intel SDM vol. 3, 3.4.5 and 8.2)

use crate::address_of;
use crate::global::Global;
use crate::memory::VirtAddr;
use core::arch::global_asm;
use core::mem::size_of;

pub const KERNEL_CODE: u16 = 0x08;
pub const KERNEL_DATA: u16 = 0x10;
pub const USER_CODE: u16 = 0x18 | 3;
pub const USER_DATA: u16 = 0x20 | 3;
const TSS: u16 = 0x28;
pub const DOUBLE_FAULT_TSS: u16 = 0x30;

/// Fields of a TSS that we use, as indices of 32-bit words.
const ESP0: usize = 1;
const SS0: usize = 2;
const CR3: usize = 7;
const EIP: usize = 8;
const EFLAGS: usize = 9;
const ESP: usize = 14;
const ES: usize = 18; // then CS, SS, DS, FS, GS
const IO_MAP: usize = 25; // high half: its offset; past the limit means no ports in ring 3

type Tss = [u32; 26];
static TASK: Global<Tss> = Global::new([0; 26]);
static DOUBLE_FAULT_TASK: Global<Tss> = Global::new([0; 26]);
static DOUBLE_FAULT_STACK: Global<[u32; 1024]> = Global::new([0; 1024]);
static GDT: Global<[u64; 7]> = Global::new([
    0,
    0x00cf_9a00_0000_ffff, // flat 4 GiB: kernel code, kernel data, user code, user data
    0x00cf_9200_0000_ffff,
    0x00cf_fa00_0000_ffff,
    0x00cf_f200_0000_ffff,
    0,
    0,
]);

global_asm!(include_str!("segments.s"));

extern "C" {
    fn load_segments(pointer: &[u32; 2]);
}

/// Sets the fields that both tasks need, and the descriptor.
fn init_task(task: &Global<Tss>, selector: u16) {
    let base = task.as_ptr() as u64;
    let limit = size_of::<Tss>() as u64 - 1;
    GDT.lock()[usize::from(selector) / 8] =
        0x0000_8900_0000_0000 | limit | (base & 0xff_ffff) << 16 | (base >> 24) << 56;
    let mut task = task.lock();
    task[SS0] = u32::from(KERNEL_DATA);
    task[IO_MAP] = (size_of::<Tss>() as u32) << 16;
}

pub fn init() {
    init_task(&TASK, TSS);
    init_task(&DOUBLE_FAULT_TASK, DOUBLE_FAULT_TSS);
    let mut task = DOUBLE_FAULT_TASK.lock();
    task[CR3] = address_of!(kernel_directory).to_phys().0;
    task[EIP] = address_of!(double_fault_entry).0;
    task[EFLAGS] = 2;
    task[ESP] = DOUBLE_FAULT_STACK.as_ptr() as u32 + size_of::<[u32; 1024]>() as u32;
    task[ES..ES + 6].fill(u32::from(KERNEL_DATA));
    task[ES + 1] = u32::from(KERNEL_CODE);

    let limit = size_of::<[u64; 7]>() as u32 - 1;
    // SAFETY: the table is complete and static; code and data stay flat.
    unsafe { load_segments(&[limit << 16, GDT.as_ptr() as u32]) };
}

/// Sets the stack for the next trap from ring 3.
pub fn set_kernel_stack(top: VirtAddr) {
    TASK.lock()[ESP0] = top.0;
}

#[no_mangle]
extern "C" fn double_fault() -> ! {
    let (eip, esp) = TASK.try_lock().map_or((0, 0), |task| (task[EIP], task[ESP]));
    panic!("double fault (kernel stack overflow?) at eip={eip:#010x}, esp={esp:#010x}");
}
