//! x86 instructions that Rust does not have: port I/O, waiting for an interrupt.

use crate::global::assert_unlocked;
use core::arch::asm;

pub fn outb(port: u16, value: u8) {
    // SAFETY: the drivers program devices so that these change no memory that Rust uses.
    // Not `nomem`: the compiler must not move writes to memory after this instruction.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack)) }
}

pub fn outw(port: u16, value: u16) {
    // SAFETY: as above.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack)) }
}

pub fn inb(port: u16) -> u8 {
    let value: u8;
    // SAFETY: as above.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nostack)) }
    value
}

/// Waits until an interrupt has been handled; interrupts are off before and after.
#[track_caller]
pub fn wait_for_interrupt() {
    assert_unlocked();
    // SAFETY: `sti` takes effect after the next instruction has begun, so an interrupt
    // cannot come between it and `hlt`; the handlers preserve all registers.
    unsafe { asm!("sti", "hlt", "cli") }
}

pub fn halt_forever() -> ! {
    loop {
        // SAFETY: stops the CPU.
        unsafe { asm!("cli", "hlt") }
    }
}
