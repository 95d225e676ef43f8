//! System calls: calls the kernel function for each number in common/src/lib.rs. The
//! arguments are untrusted, and checked.

use crate::frame::TrapFrame;
use crate::fs::{with_files, Bytes, FileSystem};
use crate::memory::VirtAddr;
use crate::paging::{bytes_of, PAGE_W};
use crate::{console, input, memory, power, process, program, selftest};
use common::*;

pub fn handle_syscall(frame: &mut TrapFrame) {
    let (a, b, c, d) = (frame.ebx, frame.ecx, frame.edx, frame.esi);
    let result = match frame.eax {
        SYS_PUTCHAR => done(console::putchar(a as u8)),
        SYS_GETCHAR => Ok(i32::from(input::getchar())),
        SYS_EXIT => process::exit_process(a as i32),
        SYS_READFILE => readfile(a, b, c, 0),
        SYS_READ_AT => readfile(a, b, c, d),
        SYS_WRITEFILE => writefile(a, b, c, FileSystem::writefile),
        SYS_APPENDFILE => writefile(a, b, c, FileSystem::appendfile),
        SYS_REMOVEFILE => {
            with_string(a, |name| with_files(|fs| fs.removefile(name)).and_then(done))
        }
        SYS_LIST => with_files(|fs| fs.list(a)).and_then(|file| give(b, &file)),
        SYS_SPAWN => spawn(a, b),
        SYS_WAIT => process::wait(a),
        SYS_YIELD => done(process::yield_()),
        SYS_SLEEP => done(process::sleep(a)),
        SYS_GETPID => Ok(process::current_pid() as i32),
        SYS_PS => process::process_info(a).and_then(|process| give(b, &process)),
        SYS_UPTIME => Ok((process::uptime() & i32::MAX as u32) as i32),
        SYS_KILL => kill(a),
        SYS_MEM => Ok(memory::count()[if a == 0 { 0 } else { 1 }] as i32),
        SYS_REBOOT => power::reboot(),
        SYS_SHUTDOWN => power::shutdown(a as u8),
        SYS_SELFTEST => selftest::run(a),
        _ => Err(ERR_NO_SYSCALL),
    };
    frame.eax = result.unwrap_or_else(|error| error) as u32;
}

fn done(_: ()) -> Result<i32> {
    Ok(0)
}

/// Copies bytes from the calling process.
fn read(from: u32, bytes: &mut [u8]) -> Result<()> {
    process::with_space(|space| space.read(VirtAddr(from), bytes)).ok_or(ERR_BAD_ADDRESS)
}

/// Copies bytes to the calling process.
fn write(to: u32, bytes: &[u8]) -> Result<()> {
    process::with_space(|space| space.write(VirtAddr(to), bytes, PAGE_W)).ok_or(ERR_BAD_ADDRESS)
}

fn give<T: Record>(to: u32, record: &T) -> Result<i32> {
    write(to, bytes_of(record)).and_then(done)
}

/// Calls `f` with a string of the calling process, without the zero byte that ends it.
fn with_string<T>(from: u32, f: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    let mut buffer = [0; FILE_NAME_MAX];
    for i in 0..buffer.len() {
        read(from.wrapping_add(i as u32), &mut buffer[i..=i])?;
        if buffer[i] == 0 {
            return f(&buffer[..i]);
        }
    }
    Err(ERR_NAME)
}

/// Checks a buffer before the disk is used: copying cannot fail after that.
fn check(address: u32, len: u32, flags: u32) -> Result<()> {
    let may = process::with_space(|space| space.may(VirtAddr(address), len as usize, flags));
    ensure(may, ERR_BAD_ADDRESS)
}

fn readfile(name: u32, buf: u32, len: u32, offset: u32) -> Result<i32> {
    check(buf, len, PAGE_W)?;
    let mut copy = |at, bytes: &mut [u8]| write(buf + at, bytes).expect("checked");
    let read = |name: &[u8]| with_files(|fs| fs.readfile(name, offset, len, &mut copy));
    with_string(name, read).map(|n| n as i32)
}

type Write = fn(&mut FileSystem, &[u8], u32, Bytes) -> Result<()>;

fn writefile(name: u32, buf: u32, len: u32, how: Write) -> Result<i32> {
    check(buf, len, 0)?;
    let mut copy = |at, bytes: &mut [u8]| read(buf + at, bytes).expect("checked");
    let write = |name: &[u8]| with_files(|fs| how(fs, name, len, &mut copy));
    with_string(name, write).map(|_| len as i32)
}

fn spawn(command: u32, flags: u32) -> Result<i32> {
    let parent = if flags & SPAWN_BACKGROUND != 0 { 0 } else { process::current_pid() };
    with_string(command, |command| {
        let command = core::str::from_utf8(command).map_err(|_| ERR_INVALID)?;
        program::start(command, parent).map(|pid| pid as i32)
    })
}

fn kill(pid: u32) -> Result<i32> {
    process::end_process(pid, STATUS_KILLED)?;
    process::yield_(); // the caller may have been the one
    Ok(0)
}
