//! Ends the machine. Status 0 powers it off, where that works; any other status v is
//! written to a debug exit port, which ends the emulator with (v << 1) | 1.

use crate::port::{halt_forever, outb, outw, wait_for_interrupt};

/// A panic's status: the emulator ends with 101.
pub const PANIC: u8 = 50;

/// Resets the processor through the keyboard controller or the chipset.
pub fn reboot() -> ! {
    outb(0x64, 0xfe);
    outb(0xcf9, 6);
    halt_forever()
}

pub fn shutdown(status: u8) -> ! {
    if status == 0 {
        outw(0x604, 0x2000); // QEMU
        outw(0xb004, 0x2000); // Bochs, older QEMU
        outw(0x4004, 0x3400); // VirtualBox
        (0..10).for_each(|_| wait_for_interrupt()); // power-off may take some time
    }
    outb(0xf4, status);
    outb(0x501, status);
    halt_forever()
}
