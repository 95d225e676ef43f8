//! What the kernel and its user programs agree on: system call numbers, error
//! values, limits and the records that cross the boundary. And the four memory
//! functions every Rust program expects to find.
#![no_std]

mod print;

pub use print::Output;

core::arch::global_asm!(include_str!("mem.s"));

/// System calls: number in EAX, arguments in EBX, ECX, EDX, ESI, result in EAX.
/// Numbers 1 to 5 are the book's. A string ends with a zero byte.
pub const SYS_PUTCHAR: u32 = 1; // (character)
pub const SYS_GETCHAR: u32 = 2; // () -> character
pub const SYS_EXIT: u32 = 3; // (status)
pub const SYS_READFILE: u32 = 4; // (name, buffer, length) -> bytes read
pub const SYS_WRITEFILE: u32 = 5; // (name, bytes, length) -> bytes written
pub const SYS_SPAWN: u32 = 6; // (command line, flags) -> pid
pub const SYS_WAIT: u32 = 7; // (pid) -> status
pub const SYS_YIELD: u32 = 8; // ()
pub const SYS_SLEEP: u32 = 9; // (milliseconds)
pub const SYS_GETPID: u32 = 10; // () -> pid
pub const SYS_PS: u32 = 11; // (slot, ProcessInfo)
pub const SYS_UPTIME: u32 = 12; // () -> milliseconds since boot
pub const SYS_KILL: u32 = 13; // (pid)
pub const SYS_SHUTDOWN: u32 = 14; // (status)
pub const SYS_MEM: u32 = 15; // (0: free pages, 1: all pages)
pub const SYS_READ_AT: u32 = 16; // (name, buffer, length, offset) -> bytes read
pub const SYS_APPENDFILE: u32 = 17; // (name, bytes, length) -> bytes written
pub const SYS_REMOVEFILE: u32 = 18; // (name)
pub const SYS_LIST: u32 = 19; // (0 or `next` of the file before, FileInfo)
pub const SYS_REBOOT: u32 = 20; // ()
pub const SYS_SELFTEST: u32 = 21; // (which of the kernel's own tests) -> 0 if it holds

/// `SYS_SPAWN` flag: nobody will wait for this process.
pub const SPAWN_BACKGROUND: u32 = 1;

/// Errors are negative results: -1 for the first of these, and so on.
const ERRORS: &str = "no such system call
bad address
not found
out of memory
no free process slots
not a program
no such process
invalid argument
no disk
disk error
the disk is read-only
the disk is full
the name is empty or too long
not a tar archive
a header with a wrong checksum
the archive is cut short";
pub const ERR_NO_SYSCALL: i32 = -1;
pub const ERR_BAD_ADDRESS: i32 = -2;
pub const ERR_NOT_FOUND: i32 = -3;
pub const ERR_NO_MEMORY: i32 = -4;
pub const ERR_NO_SLOT: i32 = -5;
pub const ERR_BAD_PROGRAM: i32 = -6;
pub const ERR_NO_PROCESS: i32 = -7;
pub const ERR_INVALID: i32 = -8;
pub const ERR_NO_DISK: i32 = -9;
pub const ERR_DISK: i32 = -10;
pub const ERR_READ_ONLY: i32 = -11;
pub const ERR_DISK_FULL: i32 = -12;
pub const ERR_NAME: i32 = -13;
pub const ERR_NOT_TAR: i32 = -14;
pub const ERR_CHECKSUM: i32 = -15;
pub const ERR_CUT_SHORT: i32 = -16;

pub type Result<T> = core::result::Result<T, i32>;

pub fn error_message(error: i32) -> &'static str {
    ERRORS.lines().nth(error.unsigned_abs() as usize - 1).unwrap_or("unknown error")
}

/// Exit statuses of processes that did not end by themselves.
pub const STATUS_PANIC: i32 = 101;
pub const STATUS_FAULT: i32 = 128; // plus the exception's number
pub const STATUS_INTERRUPTED: i32 = 130;
pub const STATUS_KILLED: i32 = 137;

pub const PROCS_MAX: usize = 8;
pub const COMMAND_MAX: usize = 128;
pub const FILE_NAME_MAX: usize = 260; // 257 for prefix, slash, name and zero byte: no padding
pub const PROCESS_NAME_MAX: usize = 16;

/// What `SYS_PS` and `SYS_LIST` fill in. Texts end with zero bytes, if there is room.
#[repr(C)]
pub struct ProcessInfo {
    pub pid: u32,
    pub parent: u32,
    pub ticks: u32,
    pub state: [u8; 8],
    pub name: [u8; PROCESS_NAME_MAX],
}

#[repr(C)]
pub struct FileInfo {
    pub size: u32,
    pub next: u32,
    pub name: [u8; FILE_NAME_MAX],
}

/// Safe to copy byte by byte.
///
/// # Safety
/// The type is `repr(C)`, without padding, and every pattern of bits is a value.
pub unsafe trait Record {}
// SAFETY: words and bytes only, the words first.
unsafe impl Record for ProcessInfo {}
// SAFETY: as above.
unsafe impl Record for FileInfo {}

pub fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or("?").trim_end_matches('\0')
}
