//! Definitions that the kernel and the user programs share: system call numbers, error
//! values, limits, and the records that system calls fill in. Also the memory functions
//! that the compiler calls.
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
pub const SYS_SELFTEST: u32 = 21; // (number of a test in the kernel) -> 0 if it passes

/// `SYS_SPAWN` flag: no process will wait for this one.
pub const SPAWN_BACKGROUND: u32 = 1;

macro_rules! errors {
    ($($name:ident = $value:literal $message:literal)*) => {
        $(pub const $name: i32 = $value;)*
        pub fn error_message(error: i32) -> &'static str {
            match error {
                $($value => $message,)*
                _ => "unknown error",
            }
        }
    };
}

// Errors are negative results.
errors! {
    ERR_NO_SYSCALL = -1 "no such system call"
    ERR_BAD_ADDRESS = -2 "bad address"
    ERR_NOT_FOUND = -3 "not found"
    ERR_NO_MEMORY = -4 "out of memory"
    ERR_NO_SLOT = -5 "no free process slots"
    ERR_BAD_PROGRAM = -6 "not a program"
    ERR_NO_PROCESS = -7 "no such process"
    ERR_INVALID = -8 "invalid argument"
    ERR_NO_DISK = -9 "no disk"
    ERR_DISK = -10 "disk error"
    ERR_READ_ONLY = -11 "the disk is read-only"
    ERR_DISK_FULL = -12 "the disk is full"
    ERR_NAME = -13 "a name that is empty or too long"
    ERR_NOT_TAR = -14 "not a tar archive"
    ERR_CHECKSUM = -15 "a header with a wrong checksum"
    ERR_CUT_SHORT = -16 "the archive is cut short"
}

pub type Result<T> = core::result::Result<T, i32>;

pub fn ensure(holds: bool, error: i32) -> Result<()> {
    holds.then_some(()).ok_or(error)
}

/// Exit statuses of processes that were ended.
pub const STATUS_PANIC: i32 = 101;
pub const STATUS_FAULT: i32 = 128; // plus the exception's number
pub const STATUS_INTERRUPTED: i32 = 130;
pub const STATUS_KILLED: i32 = 137;

pub const PROCS_MAX: usize = 8;
pub const COMMAND_MAX: usize = 128;
pub const FILE_NAME_MAX: usize = 260; // 257 for prefix, slash, name and zero byte: no padding
pub const PROCESS_NAME_MAX: usize = 16;

/// `SYS_PS` and `SYS_LIST` fill these in. Texts end with zero bytes if they are shorter
/// than the field.
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
