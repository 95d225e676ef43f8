//! `fibonacci [N]`: the first N Fibonacci numbers, as long as they fit in 64 bits.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    let (mut this, mut next) = (0u64, 1u64);
    for _ in 0..number(command, 1, 20).min(92) {
        print!("{this} ");
        (this, next) = (next, this + next);
    }
    println!();
    0
}
