//! Writes to address 0, where nothing is mapped.
#![no_std]
#![no_main]
user::entry!(main);

fn main(_: &str) -> i32 {
    // SAFETY: none: this is meant to end the program.
    unsafe { core::arch::asm!("mov byte ptr [0], 1", options(noreturn)) }
}
