//! `echo WORDS`: prints the words.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    println!("{}", command.strip_prefix("echo ").unwrap_or("").trim_start());
    0
}
