//! `print!` and `println!`, for the kernel and for programs. Each of the two has its own
//! `putchar`, as in the book.

use core::fmt;

extern "Rust" {
    fn putchar(character: u8);
}

pub struct Output;

impl fmt::Write for Output {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        // SAFETY: every putchar is an ordinary safe function.
        s.bytes().for_each(|byte| unsafe { putchar(byte) });
        Ok(())
    }
}

#[macro_export]
macro_rules! print {
    ($($arg:tt)*) => {{
        let _ = core::fmt::Write::write_fmt(&mut $crate::Output, format_args!($($arg)*));
    }};
}

#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($arg:tt)*) => { $crate::print!("{}\n", format_args!($($arg)*)) };
}
