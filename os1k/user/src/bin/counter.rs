//! `counter [N [MILLISECONDS]]`: counts to N, with a pause before each number.
#![no_std]
#![no_main]
use user::*;
entry!(main);

fn main(command: &str) -> i32 {
    let mut numbers = command.split_ascii_whitespace().skip(1).map(str::parse);
    match (numbers.next().unwrap_or(Ok(10)), numbers.next().unwrap_or(Ok(1000))) {
        (Ok(last), Ok(pause)) => (1..=last).for_each(|n| {
            sleep(pause);
            println!("{n}");
        }),
        _ => {
            println!("usage: counter [N [MILLISECONDS]]");
            return 1;
        }
    }
    0
}
