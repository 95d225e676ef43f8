//! System calls as functions. Results below zero are errors (`common::ERR_...`).

use common::*;

/// Number in EAX, arguments in EBX, ECX, EDX, ESI, result in EAX. (Rust's `asm!` does
/// not take ESI by name.)
pub fn syscall(number: u32, a: u32, b: u32, c: u32, d: u32) -> i32 {
    let result: i32;
    // SAFETY: the kernel checks its arguments; it writes only to the buffers that the
    // functions below pass.
    unsafe {
        core::arch::asm!(
            "xchg esi, {d}",
            "int 0x80",
            "xchg esi, {d}",
            d = in(reg) d,
            inout("eax") number => result,
            in("ebx") a,
            in("ecx") b,
            in("edx") c,
        );
    }
    result
}

/// `print!` calls this by name.
#[no_mangle]
pub fn putchar(character: u8) {
    syscall(SYS_PUTCHAR, u32::from(character), 0, 0, 0);
}

/// Blocks until there is input.
pub fn getchar() -> u8 {
    syscall(SYS_GETCHAR, 0, 0, 0, 0) as u8
}

pub fn exit(status: i32) -> ! {
    syscall(SYS_EXIT, status as u32, 0, 0, 0);
    unreachable!()
}

/// Calls `f` with the address of a copy of `text` that ends with a zero byte, as the
/// kernel expects strings. Text that is too long for the kernel has no zero byte, and the
/// kernel refuses it.
fn with_zero<T>(text: &str, f: impl FnOnce(u32) -> T) -> T {
    let mut bytes = [1; FILE_NAME_MAX + 1];
    bytes.iter_mut().zip(text.bytes().chain([0])).for_each(|(to, from)| *to = from);
    f(bytes.as_ptr() as u32)
}

/// Reads the file, at most as much as the buffer holds; returns the number of bytes.
pub fn readfile(name: &str, buf: &mut [u8]) -> i32 {
    read_at(name, buf, 0)
}

/// The same, from `offset` on.
pub fn read_at(name: &str, buf: &mut [u8], offset: u32) -> i32 {
    let (address, len) = (buf.as_mut_ptr() as u32, buf.len() as u32);
    with_zero(name, |name| syscall(SYS_READ_AT, name, address, len, offset))
}

/// Makes the file or replaces its contents; returns the number of bytes.
pub fn writefile(name: &str, buf: &[u8]) -> i32 {
    with_zero(name, |n| syscall(SYS_WRITEFILE, n, buf.as_ptr() as u32, buf.len() as u32, 0))
}

/// Adds to the end of the file, or makes it.
pub fn appendfile(name: &str, buf: &[u8]) -> i32 {
    with_zero(name, |n| syscall(SYS_APPENDFILE, n, buf.as_ptr() as u32, buf.len() as u32, 0))
}

pub fn removefile(name: &str) -> i32 {
    with_zero(name, |name| syscall(SYS_REMOVEFILE, name, 0, 0, 0))
}

/// All files.
pub fn list() -> impl Iterator<Item = FileInfo> {
    let mut next = 0;
    core::iter::from_fn(move || {
        let mut file = FileInfo { size: 0, next: 0, name: [0; FILE_NAME_MAX] };
        let result = syscall(SYS_LIST, next, &mut file as *mut FileInfo as u32, 0, 0);
        next = file.next;
        (result == 0).then_some(file)
    })
}

/// All processes.
pub fn ps() -> impl Iterator<Item = ProcessInfo> {
    (0..PROCS_MAX as u32).filter_map(|slot| {
        let mut process =
            ProcessInfo { pid: 0, parent: 0, ticks: 0, state: [0; 8], name: [0; PROCESS_NAME_MAX] };
        let address = &mut process as *mut ProcessInfo as u32;
        (syscall(SYS_PS, slot, address, 0, 0) == 0).then_some(process)
    })
}

/// Starts the program a command names; returns its pid.
pub fn spawn(command: &str, flags: u32) -> i32 {
    with_zero(command, |command| syscall(SYS_SPAWN, command, flags, 0, 0))
}

/// Blocks until the child has ended; returns its status, 0 to 255.
pub fn wait(pid: i32) -> i32 {
    syscall(SYS_WAIT, pid as u32, 0, 0, 0)
}

/// (`yield` is a keyword of Rust.)
pub fn yield_() {
    syscall(SYS_YIELD, 0, 0, 0, 0);
}

pub fn sleep(milliseconds: u32) {
    syscall(SYS_SLEEP, milliseconds, 0, 0, 0);
}

pub fn getpid() -> i32 {
    syscall(SYS_GETPID, 0, 0, 0, 0)
}

/// Milliseconds since boot.
pub fn uptime() -> i32 {
    syscall(SYS_UPTIME, 0, 0, 0, 0)
}

pub fn kill(pid: u32) -> i32 {
    syscall(SYS_KILL, pid, 0, 0, 0)
}

pub fn reboot() -> ! {
    syscall(SYS_REBOOT, 0, 0, 0, 0);
    unreachable!()
}

/// Status 0 powers the machine off; others go to its debug exit port.
pub fn shutdown(status: i32) -> ! {
    syscall(SYS_SHUTDOWN, status as u32, 0, 0, 0);
    unreachable!()
}

/// (free, all) pages of memory.
pub fn mem() -> (i32, i32) {
    (syscall(SYS_MEM, 0, 0, 0, 0), syscall(SYS_MEM, 1, 0, 0, 0))
}
