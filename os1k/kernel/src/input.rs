//! What was typed and not yet read: one queue for keyboard and serial line, and
//! a reader, the program in the foreground, that sleeps until there is something
//! in it. Lines are edited by the program that reads them (user/src/line.rs).
//!
//! Nothing typed is lost: when the queue is full, bytes stay in the devices. To a
//! program that goes on reading, Ctrl-C is a byte like any other. One that does
//! not is ended by it, and only then is what was typed before it forgotten.

use crate::global::Global;
use crate::process::{self, end_process, State, TICKS_PER_SECOND};
use crate::{keyboard, serial};
use common::STATUS_INTERRUPTED;

const CAPACITY: u64 = 64 * 1024; // a Ctrl-C behind more than that is not seen yet
const PATIENCE: u32 = TICKS_PER_SECOND / 10; // with a program that does not read
const CTRL_C: u8 = 3;

struct Queue {
    bytes: [u8; CAPACITY as usize], // the n-th byte typed is at n % CAPACITY
    typed: u64,
    read: u64,
    unread_ticks: u32, // since the last read, while there is something to read
}

static QUEUE: Global<Queue> =
    Global::new(Queue { bytes: [0; CAPACITY as usize], typed: 0, read: 0, unread_ticks: 0 });

impl Queue {
    fn unread(&self) -> u64 {
        self.typed - self.read
    }
}

fn place(n: u64) -> usize {
    (n % CAPACITY) as usize
}

pub fn init() {
    receive(); // keys pressed early
    keyboard::init();
    serial::listen();
}

/// Takes what the devices have, as far as there is room.
pub fn receive() {
    receive_from(|| serial::read().or_else(keyboard::read));
}

/// The same from any source: selftest has one of its own.
pub fn receive_from(mut next: impl FnMut() -> Option<u8>) {
    let queue = &mut *QUEUE.lock();
    while queue.unread() < CAPACITY {
        match next() {
            Some(byte) => queue.bytes[place(queue.typed)] = byte,
            None => break,
        }
        queue.typed += 1;
    }
    process::wake(State::Reading);
}

/// Blocks the calling process until it is in the foreground and a byte is there.
pub fn getchar() -> u8 {
    while QUEUE.lock().unread() == 0 || process::foreground() != process::current_pid() {
        process::block(State::Reading);
    }
    let mut queue = QUEUE.lock();
    let byte = queue.bytes[place(queue.read)];
    queue.read += 1;
    queue.unread_ticks = 0;
    if queue.unread() == CAPACITY - 1 {
        drop(queue);
        receive(); // devices that waited for room raise no new interrupt
    }
    byte
}

/// The timer interrupt. The only place where Ctrl-C ends a process: never inside
/// a system call, which would return to it.
pub fn tick() {
    let queue = &mut *QUEUE.lock();
    queue.unread_ticks += u32::from(queue.unread() != 0);
    if queue.unread_ticks == PATIENCE {
        queue.unread_ticks = 0;
        let ctrl_c = (queue.read..queue.typed).find(|&n| queue.bytes[place(n)] == CTRL_C);
        let end = |_: &u64| end_process(process::foreground(), STATUS_INTERRUPTED).is_ok();
        queue.read = ctrl_c.filter(end).map_or(queue.read, |n| n + 1);
    }
}
