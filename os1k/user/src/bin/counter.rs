//! `counter [N [MILLISECONDS]]`: counts to N, with a pause before each number.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    let pause = number(command, 2, 1000);
    for n in 1..=number(command, 1, 10) {
        sleep(pause);
        println!("{n}");
    }
    0
}
