//! The output of the kernel and of programs goes to the serial line and the screen.

use crate::{serial, vga};

/// `print!` in the common crate calls this by name.
#[no_mangle]
pub fn putchar(character: u8) {
    serial::write(character);
    vga::write(character);
}
