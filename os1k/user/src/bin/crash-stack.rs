//! Pushes until the stack is full and the page below it is reached.
#![no_std]
#![no_main]
// SAFETY: none: this is meant to end the program.
user::entry!(|_| unsafe { core::arch::asm!("2: push eax", "jmp 2b", options(noreturn)) });
