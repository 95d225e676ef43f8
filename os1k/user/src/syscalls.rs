//! System calls as functions. Results below zero are errors (`common::ERR_...`).

use common::*;

/// Number in EAX, arguments in EBX, ECX, EDX, result in EAX.
fn syscall(number: u32, a: u32, b: u32, c: u32) -> i32 {
    let result: i32;
    // SAFETY: the kernel checks everything; it writes only where a caller below
    // has said it may.
    unsafe {
        core::arch::asm!(
            "int 0x80",
            inout("eax") number => result,
            in("ebx") a,
            in("ecx") b,
            in("edx") c,
        );
    }
    result
}

/// `print!` calls it by name.
#[no_mangle]
pub fn putchar(character: u8) {
    syscall(SYS_PUTCHAR, u32::from(character), 0, 0);
}

/// Blocks until something has been typed.
pub fn getchar() -> u8 {
    syscall(SYS_GETCHAR, 0, 0, 0) as u8
}

pub fn exit(status: i32) -> ! {
    syscall(SYS_EXIT, status as u32, 0, 0);
    unreachable!()
}

/// Starts the program a command names; returns its pid.
pub fn spawn(command: &str, flags: u32) -> i32 {
    syscall(SYS_SPAWN, command.as_ptr() as u32, command.len() as u32, flags)
}

/// Blocks until the child has ended; returns its status, 0 to 255.
pub fn wait(pid: i32) -> i32 {
    syscall(SYS_WAIT, pid as u32, 0, 0)
}

/// (`yield` is a word of Rust's own.)
pub fn yield_() {
    syscall(SYS_YIELD, 0, 0, 0);
}

pub fn sleep(milliseconds: u32) {
    syscall(SYS_SLEEP, milliseconds, 0, 0);
}

pub fn getpid() -> i32 {
    syscall(SYS_GETPID, 0, 0, 0)
}

/// Prints the list of processes.
pub fn ps() {
    syscall(SYS_PS, 0, 0, 0);
}

/// Milliseconds since boot.
pub fn uptime() -> i32 {
    syscall(SYS_UPTIME, 0, 0, 0)
}

pub fn kill(pid: u32) -> i32 {
    syscall(SYS_KILL, pid, 0, 0)
}

/// Status 0 powers the machine off; others go to its debug exit port.
pub fn shutdown(status: i32) -> ! {
    syscall(SYS_SHUTDOWN, status as u32, 0, 0);
    unreachable!()
}

/// (free, all) pages of memory.
pub fn mem() -> (i32, i32) {
    (syscall(SYS_MEM, 0, 0, 0), syscall(SYS_MEM, 1, 0, 0))
}
