//! Writes to the kernel's memory, which is mapped but not for user programs.
#![no_std]
#![no_main]
user::entry!(main);

fn main(_: &str) -> i32 {
    // SAFETY: none: this is meant to end the program.
    unsafe { core::arch::asm!("mov byte ptr [0x80100000], 1", options(noreturn)) }
}
