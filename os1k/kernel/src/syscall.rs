//! System calls: the numbers and arguments of common/src/lib.rs to the kernel
//! functions behind them. Nothing a user program passes in can hurt the kernel.

use crate::memory::VirtAddr;
use crate::trap::TrapFrame;
use crate::{console, input, memory, power, process};
use common::*;

pub fn handle_syscall(frame: &mut TrapFrame) {
    let (a, b, c) = (frame.ebx, frame.ecx, frame.edx);
    let result = match frame.eax {
        SYS_PUTCHAR => done(console::putchar(a as u8)),
        SYS_GETCHAR => Ok(i32::from(input::getchar())),
        SYS_EXIT => {
            println!("process {} exited", process::current_pid());
            process::exit_process(a as i32)
        }
        SYS_SPAWN => spawn(VirtAddr(a), b as usize, c),
        SYS_WAIT => process::wait(a),
        SYS_YIELD => done(process::yield_()),
        SYS_SLEEP => done(process::sleep(a)),
        SYS_GETPID => Ok(process::current_pid() as i32),
        SYS_PS => done(process::ps()),
        SYS_UPTIME => Ok((process::uptime() & i32::MAX as u32) as i32),
        SYS_KILL => kill(a),
        SYS_SHUTDOWN => power::shutdown(a as u8),
        SYS_MEM => Ok(memory::count()[if a == 0 { 0 } else { 1 }] as i32),
        _ => Err(ERR_NO_SYSCALL),
    };
    frame.eax = result.unwrap_or_else(|error| error) as u32;
}

fn done(_: ()) -> Result<i32, i32> {
    Ok(0)
}

fn spawn(command: VirtAddr, length: usize, flags: u32) -> Result<i32, i32> {
    let mut buffer = [0; COMMAND_MAX];
    let bytes = buffer.get_mut(..length).ok_or(ERR_INVALID)?;
    process::with_space(|space| space.read(command, bytes)).ok_or(ERR_BAD_ADDRESS)?;
    let command = core::str::from_utf8(bytes).map_err(|_| ERR_INVALID)?;
    let background = flags & SPAWN_BACKGROUND != 0;
    let parent = if background { 0 } else { process::current_pid() };
    process::create_process(command, parent).map(|pid| pid as i32)
}

fn kill(pid: u32) -> Result<i32, i32> {
    process::end_process(pid, STATUS_KILLED)?;
    process::yield_(); // the caller may have been the one
    Ok(0)
}
