//! x86 instructions that Rust has no words for: port I/O, interrupts on and off.

use crate::global::assert_unlocked;
use core::arch::asm;

pub fn outb(port: u16, value: u8) {
    // SAFETY: the drivers program devices such that they touch no memory Rust
    // knows of. Not `nomem`: memory is to be written before the device is told.
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

/// Sleeps until an interrupt has been served; interrupts are off before and after.
#[track_caller]
pub fn wait_for_interrupt() {
    assert_unlocked();
    // SAFETY: `sti` takes effect after `hlt` has begun, so no wake-up is lost; the
    // handlers keep every register.
    unsafe { asm!("sti", "hlt", "cli") }
}

pub fn halt_forever() -> ! {
    loop {
        // SAFETY: stops the CPU.
        unsafe { asm!("cli", "hlt") }
    }
}
