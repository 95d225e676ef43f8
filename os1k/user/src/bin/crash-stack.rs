//! Pushes until the stack is used up and the page below it is hit.
#![no_std]
#![no_main]
// SAFETY: none: this is meant to end the program.
user::entry!(|_| unsafe { core::arch::asm!("2: push eax", "jmp 2b", options(noreturn)) });
