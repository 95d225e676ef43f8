//! The product of two matrices.
#![no_std]
#![no_main]
user::entry!(main);

type Matrix = [[i32; 3]; 3];
const A: Matrix = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];
const B: Matrix = [[2, 0, 1], [0, 3, 0], [1, 0, 2]];

fn main(_: &str) -> i32 {
    for row in A {
        (0..3).for_each(|j| print!("{:4}", (0..3).map(|k| row[k] * B[k][j]).sum::<i32>()));
        println!();
    }
    0
}
