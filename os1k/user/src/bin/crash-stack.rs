//! Calls itself until the stack is used up and the page below it is hit.
#![no_std]
#![no_main]
use user::*;
entry!(main);

fn main(_: &str) -> i32 {
    deeper(&[0; 256])
}

fn deeper(above: &[i32; 256]) -> i32 {
    if getpid() == 0 {
        return above[0]; // never, but the compiler does not know
    }
    let here = [above[0]; 256];
    deeper(&here) + here[1]
}
