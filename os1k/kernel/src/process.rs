//! Processes: eight slots, scheduled round robin. `create_process` starts one,
//! `exit_process` ends one. `kernel_main` becomes the idle process, in slot 0. The
//! kernel is not preempted: inside it, processes change only where `yield_` is called.

use crate::frame::TrapFrame;
use crate::global::{assert_unlocked, Global};
use crate::memory::{VirtAddr, PAGE_SIZE};
use crate::paging::{self, AddressSpace};
use crate::port::wait_for_interrupt;
use crate::{address_of, power, segments};
use common::*;
use core::arch::global_asm;
use core::mem::size_of;

pub const TICKS_PER_SECOND: u32 = 100;
const MS_PER_TICK: u32 = 1000 / TICKS_PER_SECOND;
const KERNEL_STACK_SIZE: usize = 8 * 1024;
const IDLE: usize = 0;
const SHELL_PID: u32 = 1;

#[derive(Clone, Copy, PartialEq)]
pub enum State {
    Unused,
    Runnable,
    Reading,
    Disk,          // waits for the disk, or its turn at it
    Waiting(u32),  // for the process with this pid
    Sleeping(u32), // until this tick
    Exited(i32),   // with this status, which its parent has not asked for yet
}

struct Process {
    pid: u32,
    parent: u32, // 0: no process will wait for it
    state: State,
    sp: u32, // of the kernel stack, while it is not running
    space: Option<AddressSpace>,
    ticks: u32,
    at_disk: bool,       // uses the disk: must not be ended now,
    killed: Option<i32>, // but afterwards, with this status
    name: [u8; PROCESS_NAME_MAX],
}

struct Table {
    procs: [Process; PROCS_MAX],
    current: usize,
    next_pid: u32,
    now: u32, // ticks since boot
}

const UNUSED: Process = Process {
    pid: 0,
    parent: 0,
    state: State::Unused,
    sp: 0,
    space: None,
    ticks: 0,
    at_disk: false,
    killed: None,
    name: [0; PROCESS_NAME_MAX],
};

static TABLE: Global<Table> =
    Global::new(Table { procs: [UNUSED; PROCS_MAX], current: IDLE, next_pid: SHELL_PID, now: 0 });

extern "C" {
    fn switch_context(prev_sp: *mut u32, next_sp: *const u32);
    fn trap_return();
}

// Each slot has a kernel stack of 8 KiB, above a guard page of 4 KiB that is not mapped,
// so that an overflow does not reach the next stack.
//
// `switch_context` saves the registers that a C function must preserve, and changes
// stacks. `create_process` puts such registers on the stack of a new process.
global_asm!(include_str!("switch.s"));

fn stack_bottom(slot: usize) -> u32 {
    address_of!(kernel_stacks).0 + (slot * (PAGE_SIZE + KERNEL_STACK_SIZE) + PAGE_SIZE) as u32
}

fn stack_top(slot: usize) -> u32 {
    stack_bottom(slot) + KERNEL_STACK_SIZE as u32
}

/// Makes the caller the idle process.
pub fn init() {
    let guards = (0..PROCS_MAX).map(|slot| VirtAddr(stack_bottom(slot) - PAGE_SIZE as u32));
    paging::init(guards);
    let idle = &mut TABLE.lock().procs[IDLE];
    idle.state = State::Runnable;
    idle.name[..4].copy_from_slice(b"idle");
}

impl Table {
    fn current(&mut self) -> &mut Process {
        &mut self.procs[self.current]
    }

    /// A running or exited process other than idle.
    fn find(&mut self, pid: u32) -> Option<&mut Process> {
        self.procs[IDLE + 1..].iter_mut().find(|p| p.pid == pid && p.state != State::Unused)
    }

    /// The next runnable process after the current one; idle if there is none.
    fn pick_next(&self) -> usize {
        (1..=PROCS_MAX)
            .map(|i| (self.current + i) % PROCS_MAX)
            .find(|&i| i != IDLE && self.procs[i].state == State::Runnable)
            .unwrap_or(IDLE)
    }

    fn wake(&mut self, state: State) {
        for p in self.procs.iter_mut().filter(|p| p.state == state) {
            p.state = State::Runnable;
        }
    }
}

/// Makes a process that owns `space` and starts with the registers in `cpu`; returns its
/// pid. `parent` is the pid of the process that will wait for it, or 0.
pub fn create_process(name: &str, parent: u32, space: AddressSpace, cpu: TrapFrame) -> Result<u32> {
    let mut table = TABLE.lock();
    let free = table.procs.iter().position(|p| p.state == State::Unused);
    let slot = free.ok_or(ERR_NO_SLOT)?;
    let pid = table.next_pid;
    table.next_pid += 1;

    // Fills the kernel stack as if the process had yielded just before it returned to user
    // mode.
    let frame = stack_top(slot) - size_of::<TrapFrame>() as u32;
    let sp = frame - 20;
    // SAFETY: the slot is unused, so nothing is on its stack; both fit in it.
    unsafe {
        (frame as *mut TrapFrame).write(cpu);
        (sp as *mut [u32; 5]).write([0, 0, 0, 0, trap_return as *const () as u32]);
    }
    let mut process =
        Process { pid, parent, state: State::Runnable, sp, space: Some(space), ..UNUSED };
    process.name.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    table.procs[slot] = process;
    Ok(pid)
}

/// Switches to the next runnable process; returns when the caller's turn comes again.
/// (`yield` is a keyword of Rust.)
#[track_caller]
pub fn yield_() {
    assert_unlocked();
    let (prev_sp, next_sp) = {
        let mut table = TABLE.lock();
        let next = table.pick_next();
        if next == table.current {
            return;
        }
        let prev = core::mem::replace(&mut table.current, next);
        segments::set_kernel_stack(VirtAddr(stack_top(next)));
        match &table.procs[next].space {
            Some(space) => space.activate(),
            None => paging::use_kernel_space(),
        }
        (&mut table.procs[prev].sp as *mut u32, &table.procs[next].sp as *const u32)
    };
    // SAFETY: both slots are static; `next` was left by this function or prepared
    // by `create_process`; nothing is locked.
    unsafe { switch_context(prev_sp, next_sp) };
}

/// Blocks the calling process until `wake` is called with the same state.
#[track_caller]
pub fn block(state: State) {
    if TABLE.lock().current == IDLE {
        return wait_for_interrupt(); // while booting: there is no other process yet
    }
    TABLE.lock().current().state = state;
    yield_();
}

/// Waits until no other process is in here, and runs `f`, which may block. The calling
/// process is not ended before its system call is done.
pub fn at_disk<T>(f: impl FnOnce() -> T) -> T {
    while TABLE.lock().procs.iter().any(|p| p.at_disk) {
        block(State::Disk);
    }
    TABLE.lock().current().at_disk = true;
    let result = f();
    let mut table = TABLE.lock();
    table.current().at_disk = false;
    table.wake(State::Disk);
    result
}

/// At the end of a system call: ends the calling process if it was killed at the disk.
pub fn end_if_killed() {
    let killed = TABLE.lock().current().killed;
    if let Some(status) = killed {
        end_process(current_pid(), status).expect("killed twice");
        yield_();
    }
}

pub fn wake(state: State) {
    TABLE.lock().wake(state);
}

pub fn sleep(milliseconds: u32) {
    let ticks = milliseconds.saturating_add(MS_PER_TICK - 1) / MS_PER_TICK + 1;
    let until = TABLE.lock().now.wrapping_add(ticks);
    block(State::Sleeping(until));
}

/// At each timer interrupt, 100 times a second.
pub fn tick() {
    let mut table = TABLE.lock();
    table.now = table.now.wrapping_add(1);
    table.current().ticks += 1;
    let now = table.now;
    table.wake(State::Sleeping(now));
    table.wake(State::Disk); // in case its interrupt uses an unknown line
}

pub fn uptime() -> u32 {
    TABLE.lock().now.wrapping_mul(MS_PER_TICK)
}

pub fn current_pid() -> u32 {
    TABLE.lock().current().pid
}

/// Runs `f` on the memory of the calling process.
pub fn with_space<T>(f: impl FnOnce(&mut AddressSpace) -> T) -> T {
    let mut table = TABLE.lock();
    f(table.current().space.as_mut().expect("a system call without a process"))
}

/// Ends a process, but not idle or the first shell. Frees its memory, and its slot
/// unless a parent may still ask for the status. If it is the calling process, the
/// next `yield_` does not return.
pub fn end_process(pid: u32, status: i32) -> Result<()> {
    ensure(pid > SHELL_PID, ERR_INVALID)?;
    let mut table = TABLE.lock();
    let living = |p: &&mut Process| !matches!(p.state, State::Exited(_));
    let process = table.find(pid).filter(living).ok_or(ERR_NO_PROCESS)?;
    if process.at_disk {
        process.killed = Some(status);
        return Ok(());
    }
    // It may be the current one, and an active address space must not be freed.
    paging::use_kernel_space();
    process.space = None;
    process.state = if process.parent == 0 { State::Unused } else { State::Exited(status) };
    if let Some(space) = &table.current().space {
        space.activate();
    }
    for child in table.procs.iter_mut().filter(|p| p.parent == pid) {
        child.parent = 0;
        if let State::Exited(_) = child.state {
            child.state = State::Unused;
        }
    }
    table.wake(State::Waiting(pid));
    Ok(())
}

/// Ends the calling process. When the shell ends, so does the machine.
pub fn exit_process(status: i32) -> ! {
    let pid = current_pid();
    println!("process {pid} exited");
    if pid == SHELL_PID {
        power::shutdown(status as u8);
    }
    end_process(pid, status).expect("no current process");
    yield_();
    unreachable!()
}

/// The process in the foreground: the last in the chain of the first shell, the process it
/// waits for, the process that one waits for, and so on.
pub fn foreground() -> u32 {
    let mut table = TABLE.lock();
    let mut last = SHELL_PID;
    while let Some(State::Waiting(child)) = table.find(last).map(|p| p.state) {
        last = child;
    }
    last
}

/// Blocks until the calling process's child `pid` has ended; returns its status.
pub fn wait(pid: u32) -> Result<i32> {
    loop {
        {
            let mut table = TABLE.lock();
            let me = table.current().pid;
            let child = table.find(pid).filter(|p| p.parent == me).ok_or(ERR_NO_PROCESS)?;
            if let State::Exited(status) = child.state {
                child.state = State::Unused;
                return Ok(status & 0xff);
            }
            table.wake(State::Reading); // the child may read from now on
        }
        block(State::Waiting(pid));
    }
}

/// The name and pid of the calling process, for messages.
pub fn with_current(f: impl FnOnce(&str, u32)) {
    let mut table = TABLE.lock();
    let process = table.current();
    f(text(&process.name), process.pid)
}

/// The process in slot `slot`.
pub fn process_info(slot: u32) -> Result<ProcessInfo> {
    let table = TABLE.lock();
    let p = table.procs.get(slot as usize).ok_or(ERR_INVALID)?;
    let state = *match p.state {
        State::Unused => return Err(ERR_NO_PROCESS),
        State::Runnable if slot as usize == table.current => b"running\0",
        State::Runnable => b"ready\0\0\0",
        State::Reading => b"reading\0",
        State::Disk => b"disk\0\0\0\0",
        State::Waiting(_) => b"waiting\0",
        State::Sleeping(_) => b"sleeping",
        State::Exited(_) => b"exited\0\0",
    };
    Ok(ProcessInfo { pid: p.pid, parent: p.parent, ticks: p.ticks, state, name: p.name })
}
