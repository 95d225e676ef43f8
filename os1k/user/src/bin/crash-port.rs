//! Writes to an I/O port, which ring 3 may not.
#![no_std]
#![no_main]
// SAFETY: none: this is meant to end the program.
user::entry!(|_| unsafe { core::arch::asm!("out 0x80, al", options(noreturn)) });
