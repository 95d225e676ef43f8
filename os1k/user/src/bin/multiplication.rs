//! `multiplication [N]`: the multiplication table up to N times N.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    let n = number(command, 1, 10).min(99);
    for i in 1..=n {
        (1..=n).for_each(|j| print!("{:5}", i * j));
        println!();
    }
    0
}
