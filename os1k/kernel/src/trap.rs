//! Traps: 256 IDT entries that all lead to `handle_trap`. An exception in a user
//! program ends that program; one in the kernel is a panic. (Intel SDM vol. 3, 6.3
//! and 6.15)

use crate::frame::TrapFrame;
use crate::global::Global;
use crate::segments::{DOUBLE_FAULT_TSS, KERNEL_CODE};
use crate::{address_of, irq, process, syscall};
use common::println;
use core::arch::{asm, global_asm};
use core::fmt;

const SYSCALL: u32 = 0x80;
const NMI: u32 = 2;
const DOUBLE_FAULT: usize = 8;
const PAGE_FAULT: u32 = 14;
const MACHINE_CHECK: u32 = 18;

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

#[no_mangle]
extern "C" fn handle_trap(frame: &mut TrapFrame) {
    match frame.vector {
        SYSCALL => {
            syscall::handle_syscall(frame);
            process::end_if_killed();
        }
        0..=31 => handle_exception(frame),
        vector if irq::handle_irq(vector) => {
            if frame.is_from_user() {
                process::yield_(); // idle yields by itself
            }
        }
        vector => println!("unexpected interrupt {vector:#x}"),
    }
}

fn handle_exception(frame: &TrapFrame) {
    if !frame.is_from_user() || frame.vector == NMI || frame.vector == MACHINE_CHECK {
        let TrapFrame { eax, ebx, ecx, edx, esi, edi, ebp, eflags, .. } = *frame;
        println!("\neax={eax:08x} ebx={ebx:08x} ecx={ecx:08x} edx={edx:08x}");
        println!("esi={esi:08x} edi={edi:08x} ebp={ebp:08x} eflags={eflags:08x}");
        panic!("{frame}");
    }
    process::with_current(|name, pid| println!("{name} (pid {pid}) killed: {frame}"));
    let status = common::STATUS_FAULT + frame.vector as i32;
    process::end_process(process::current_pid(), status).expect("the shell is gone");
    process::yield_();
}

const NAMES: &str = "divide error,debug exception,non-maskable interrupt,breakpoint,overflow,\
    bound range exceeded,invalid opcode,device not available,double fault,coprocessor overrun,\
    invalid TSS,segment not present,stack-segment fault,general protection fault,page fault,\
    reserved exception,x87 floating-point exception,alignment check,machine check,\
    SIMD floating-point exception,virtualization exception,control protection exception";

/// Describes the exception that made this frame.
impl fmt::Display for TrapFrame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let TrapFrame { vector, error, eip, .. } = *self;
        f.write_str(NAMES.split(',').nth(vector as usize).unwrap_or("reserved exception"))?;
        if vector == PAGE_FAULT {
            let how = if error & 2 != 0 { "writing" } else { "reading" };
            let why = if error & 1 != 0 { "not allowed" } else { "not mapped" };
            let address: u32;
            // SAFETY: reads a register. Only another page fault changes it, and there is
            // none before this line: interrupts are off, and no other process runs.
            unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack)) };
            write!(f, " {how} {address:#010x} ({why})")?;
        }
        write!(f, " at eip={eip:#010x}, error={error:#x}")
    }
}
