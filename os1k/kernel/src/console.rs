//! Where the kernel's and the programs' output goes: the serial line and the screen.

use crate::{serial, vga};

/// `print!` in the common crate calls it by name.
#[no_mangle]
pub fn putchar(character: u8) {
    serial::write(character);
    vga::write(character);
}
