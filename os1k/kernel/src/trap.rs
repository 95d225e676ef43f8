//! Traps: 256 IDT entries that all end in `handle_trap`, and what the CPU's
//! exceptions mean: a user program's own fault ends that program, the kernel's
//! ends the machine. (Intel SDM vol. 3, 6.3 and 6.15)

use crate::global::Global;
use crate::memory::VirtAddr;
use crate::process;
use crate::segments::{DOUBLE_FAULT_TSS, KERNEL_CODE, USER_CODE, USER_DATA};
use crate::{address_of, irq, syscall};
use common::println;
use core::arch::{asm, global_asm};
use core::fmt;

const FPU_SIZE: usize = 512;
const SYSCALL: u32 = 0x80;
const NMI: u32 = 2;
const DOUBLE_FAULT: usize = 8;
const PAGE_FAULT: u32 = 14;
const MACHINE_CHECK: u32 = 18;

/// What a trap leaves on the kernel stack. The CPU pushes the end of it, from
/// the error code or `eip` on; the FPU state is there for traps from ring 3 only.
#[repr(C)]
pub struct TrapFrame {
    fpu: [u8; FPU_SIZE],
    _pad: u32,
    segments: [u32; 4], // GS, FS, ES, DS
    edi: u32,
    pub esi: u32,
    ebp: u32,
    _esp: u32, // PUSHAD's, of no use
    pub ebx: u32,
    pub edx: u32,
    pub ecx: u32,
    pub eax: u32,
    vector: u32,
    error: u32,
    eip: u32,
    cs: u32,
    eflags: u32,
    esp: u32, // these two only if it came from ring 3
    ss: u32,
}

global_asm!(include_str!("trap.s"));

static IDT: Global<[u64; 256]> = Global::new([0; 256]);

pub fn init() {
    let stubs = address_of!(trap_stubs).0;
    let mut idt = IDT.lock();
    for (vector, gate) in idt.iter_mut().enumerate() {
        let address = u64::from(stubs + 16 * vector as u32);
        let dpl = if vector as u32 == SYSCALL { 3 } else { 0 };
        *gate = 0x8e00 << 32 | dpl << 45 // an interrupt gate: IF is cleared
            | u64::from(KERNEL_CODE) << 16
            | (address & 0xffff)
            | (address >> 16) << 48;
    }
    idt[DOUBLE_FAULT] = 0x8500 << 32 | u64::from(DOUBLE_FAULT_TSS) << 16; // a task gate
    let pointer = [0x7ff << 16, IDT.as_ptr() as u32];
    // SAFETY: the table is complete and static.
    unsafe { asm!("lidt [{} + 2]", in(reg) &pointer, options(nostack)) };
}

impl TrapFrame {
    /// To enter user mode with. The FPU state has exceptions masked and registers
    /// empty, in FXSAVE's format and in FNSAVE's at once: they do not overlap.
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

    fn is_from_user(&self) -> bool {
        self.cs & 3 != 0
    }
}

#[no_mangle]
extern "C" fn handle_trap(frame: &mut TrapFrame) {
    let address: u32;
    // SAFETY: reads a register. Before anything else can fault.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack)) };
    match frame.vector {
        SYSCALL => {
            syscall::handle_syscall(frame);
            process::end_if_killed();
        }
        0..=31 => handle_exception(frame, VirtAddr(address)),
        vector if irq::handle_irq(vector) => {
            if frame.is_from_user() {
                process::yield_(); // the next one's turn; idle yields by itself
            }
        }
        vector => println!("unexpected interrupt {vector:#x}"),
    }
}

fn handle_exception(frame: &TrapFrame, address: VirtAddr) {
    let what = Exception { frame, address };
    if !frame.is_from_user() || frame.vector == NMI || frame.vector == MACHINE_CHECK {
        let TrapFrame { eax, ebx, ecx, edx, esi, edi, ebp, eflags, .. } = *frame;
        println!("\neax={eax:08x} ebx={ebx:08x} ecx={ecx:08x} edx={edx:08x}");
        println!("esi={esi:08x} edi={edi:08x} ebp={ebp:08x} eflags={eflags:08x}");
        panic!("{what}");
    }
    process::with_current(|name, pid| println!("{name} (pid {pid}) killed: {what}"));
    let status = common::STATUS_FAULT + frame.vector as i32;
    process::end_process(process::current_pid(), status).expect("the shell is gone");
    process::yield_();
}

struct Exception<'a> {
    frame: &'a TrapFrame,
    address: VirtAddr,
}

const NAMES: &str = "divide error,debug exception,non-maskable interrupt,breakpoint,overflow,\
    bound range exceeded,invalid opcode,device not available,double fault,coprocessor overrun,\
    invalid TSS,segment not present,stack-segment fault,general protection fault,page fault,\
    reserved exception,x87 floating-point exception,alignment check,machine check,\
    SIMD floating-point exception,virtualization exception,control protection exception";

impl fmt::Display for Exception<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let TrapFrame { vector, error, eip, .. } = *self.frame;
        f.write_str(NAMES.split(',').nth(vector as usize).unwrap_or("reserved exception"))?;
        if vector == PAGE_FAULT {
            let how = if error & 2 != 0 { "writing" } else { "reading" };
            let why = if error & 1 != 0 { "not allowed" } else { "not mapped" };
            write!(f, " {how} {:#010x} ({why})", self.address.0)?;
        }
        write!(f, " at eip={eip:#010x}, error={error:#x}")
    }
}
