//! What the kernel and its user programs agree on: system call numbers, error
//! values, limits and the records that cross the boundary. And the four memory
//! functions every Rust program expects to find.
#![no_std]

mod mem;
mod print;

pub use print::Output;

/// System calls: number in EAX, arguments in EBX, ECX, EDX, result in EAX.
/// Numbers 1 to 5 are the book's.
pub const SYS_PUTCHAR: u32 = 1; // (character)
pub const SYS_GETCHAR: u32 = 2; // () -> character
pub const SYS_EXIT: u32 = 3; // (status)
pub const SYS_READFILE: u32 = 4; // this one and the next come with the disk
pub const SYS_WRITEFILE: u32 = 5;
pub const SYS_SPAWN: u32 = 6; // (command line, length, flags) -> pid
pub const SYS_WAIT: u32 = 7; // (pid) -> status
pub const SYS_YIELD: u32 = 8; // ()
pub const SYS_SLEEP: u32 = 9; // (milliseconds)
pub const SYS_GETPID: u32 = 10; // () -> pid
pub const SYS_PS: u32 = 11; // () prints the list of processes
pub const SYS_UPTIME: u32 = 12; // () -> milliseconds since boot
pub const SYS_KILL: u32 = 13; // (pid)
pub const SYS_SHUTDOWN: u32 = 14; // (status)
pub const SYS_MEM: u32 = 15; // (0: free pages, 1: all pages)

/// `SYS_SPAWN` flag: nobody will wait for this process.
pub const SPAWN_BACKGROUND: u32 = 1;

/// Errors are negative results.
pub const ERR_NO_SYSCALL: i32 = -1;
pub const ERR_BAD_ADDRESS: i32 = -2;
pub const ERR_NOT_FOUND: i32 = -3;
pub const ERR_NO_MEMORY: i32 = -4;
pub const ERR_NO_SLOT: i32 = -5;
pub const ERR_BAD_PROGRAM: i32 = -6;
pub const ERR_NO_PROCESS: i32 = -7;
pub const ERR_INVALID: i32 = -8;

/// Exit statuses of processes that did not end by themselves.
pub const STATUS_PANIC: i32 = 101;
pub const STATUS_FAULT: i32 = 128; // plus the exception's number
pub const STATUS_INTERRUPTED: i32 = 130;
pub const STATUS_KILLED: i32 = 137;

pub const PROCS_MAX: usize = 8;
pub const COMMAND_MAX: usize = 128;
