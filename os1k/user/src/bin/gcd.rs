//! `gcd A B`: the greatest common divisor, by Euclid.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    let (mut a, mut b) = (number(command, 1, 48), number(command, 2, 36));
    print!("gcd({a}, {b}) = ");
    while b != 0 {
        (a, b) = (b, a % b);
    }
    println!("{a}");
    0
}
