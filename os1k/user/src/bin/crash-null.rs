//! Writes to address 0, where nothing is mapped.
#![no_std]
#![no_main]
// SAFETY: none: this is meant to end the program.
user::entry!(|_| unsafe { core::arch::asm!("mov byte ptr [0], 1", options(noreturn)) });
