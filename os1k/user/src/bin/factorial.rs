//! `factorial [N]`: N!, if it fits in 64 bits.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    let n = number(command, 1, 10);
    match (1..=u64::from(n)).try_fold(1, u64::checked_mul) {
        Some(product) => println!("{n}! = {product}"),
        None => println!("{n}! is too large"),
    }
    0
}
