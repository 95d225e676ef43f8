//! A kernel panic: prints its place, its reason and the return addresses on the stack,
//! and ends the machine with a status of its own.

use crate::global::Global;
use crate::{address_of, power};
use common::{print, println};
use core::arch::asm;
use core::panic::PanicInfo;

const MAX_FRAMES: usize = 16;

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    static PANICKED: Global<bool> = Global::new(false);
    if !core::mem::replace(&mut *PANICKED.lock(), true) {
        println!("\nPANIC: {info}");
        backtrace();
    }
    power::shutdown(power::PANIC)
}

/// Follows the chain of saved EBPs while it stays inside a stack. Code without frame
/// pointers, such as the core library, may end it early.
fn backtrace() {
    let stacks = address_of!(__data).0..address_of!(__kernel_end).0 - 8;
    let mut frame: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, ebp", out(reg) frame, options(nomem, nostack)) };
    print!("backtrace:");
    for _ in 0..MAX_FRAMES {
        if !stacks.contains(&frame) || frame % 4 != 0 {
            break;
        }
        // SAFETY: inside the kernel's data.
        let [next, return_address] = unsafe { (frame as *const [u32; 2]).read() };
        print!(" {return_address:08x}");
        frame = if next > frame { next } else { 0 };
    }
    println!();
}
