//! Writes to the kernel's memory, which is mapped but not for user programs.
#![no_std]
#![no_main]
// SAFETY: none: this is meant to end the program.
user::entry!(|_| unsafe { core::arch::asm!("mov byte ptr [0x80100000], 1", options(noreturn)) });
