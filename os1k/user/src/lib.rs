//! The library of user programs: the entry point, system calls, `print!` and line input.
#![no_std]

mod line;
mod syscalls;

pub use common::*;
pub use line::Editor;
pub use syscalls::*;

// So that cargo links again when the linker script has changed.
const _: &[u8] = include_bytes!("../../../linker/user.ld");

// The kernel puts the address and the length of the command on top of the stack.
core::arch::global_asm!(include_str!("start.s"));

extern "Rust" {
    fn user_main(command: &str) -> i32;
}

/// Names the function or closure with which a program begins, and imports this library.
/// The function gets the command that started the program, and returns the exit status.
#[macro_export]
macro_rules! entry {
    ($main:expr) => {
        #[allow(unused_imports)]
        use $crate::*;
        #[no_mangle]
        fn user_main(command: &str) -> i32 {
            ($main)(command)
        }
    };
}

/// Word `n` of a command as a number, or `default` if there are fewer words. If the word
/// is not a number, the program ends.
pub fn number(command: &str, n: usize, default: u32) -> u32 {
    let word = command.split_ascii_whitespace().nth(n);
    word.map_or(Ok(default), str::parse).unwrap_or_else(|_| {
        println!("not a number: {}", word.unwrap_or(""));
        exit(2)
    })
}

/// The book's two processes: prints a letter for ever, and never yields.
pub fn proc_entry(letter: char) -> ! {
    println!("starting process {letter}");
    loop {
        print!("{letter}");
        (0..300_000).for_each(|_| core::hint::spin_loop());
    }
}

#[no_mangle]
unsafe extern "C" fn start(command: *const u8, length: usize) -> ! {
    // SAFETY: the kernel copied it there from a &str.
    let command = core::str::from_utf8_unchecked(core::slice::from_raw_parts(command, length));
    exit(user_main(command))
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    println!("{info}");
    exit(STATUS_PANIC)
}
