//! Writes to an I/O port, which ring 3 may not.
#![no_std]
#![no_main]
user::entry!(main);

fn main(_: &str) -> i32 {
    // SAFETY: none: this is meant to end the program.
    unsafe { core::arch::asm!("out 0x80, al", options(noreturn)) }
}
