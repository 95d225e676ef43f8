//! `primes [N]`: the primes up to N.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0);
    let primes = (2..=number(command, 1, 100)).filter(is_prime);
    let count = primes.inspect(|prime| print!("{prime} ")).count();
    println!("\n{count} primes");
    0
}
