//! Process B of the book's chapter on processes, with a `B` for ever; but it never
//! yields: the timer takes turns between it and its fellow.
#![no_std]
#![no_main]
use user::*;
entry!(main);

fn main(_: &str) -> i32 {
    println!("starting process B");
    loop {
        putchar(b'B');
        (0..300_000).for_each(|_| core::hint::spin_loop());
    }
}
