//! Input: one queue for the keyboard and the serial line. The program in the
//! foreground reads it, and is blocked while it is empty. Lines are edited by the
//! program that reads them (user/src/line.rs).
//!
//! Input is not lost: when the queue is full, bytes stay in the devices. A program
//! that keeps reading receives Ctrl-C as an ordinary byte. One that does not read is
//! ended by Ctrl-C; only then is the input before it discarded.

use crate::global::Global;
use crate::process::{self, end_process, State, TICKS_PER_SECOND};
use crate::{keyboard, serial};
use common::STATUS_INTERRUPTED;

const CAPACITY: u64 = 64 * 1024; // a Ctrl-C after more bytes than that is not found yet
const PATIENCE: u32 = TICKS_PER_SECOND / 10; // until a program counts as not reading
const CTRL_C: u8 = 3;

struct Queue {
    bytes: [u8; CAPACITY as usize], // the n-th byte typed is at n % CAPACITY
    typed: u64,
    read: u64,
    unread_ticks: u32, // since the last read, while the queue is not empty
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

/// Moves bytes from the devices to the queue, until it is full.
pub fn receive() {
    receive_from(|| serial::read().or_else(keyboard::read));
}

/// The same from any source, such as selftest's.
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

/// Blocks the calling process until it is in the foreground and the queue has a byte.
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
        receive(); // devices with bytes waiting raise no new interrupt
    }
    byte
}

/// At each timer interrupt. Ctrl-C ends a process only here, never inside a system
/// call, which would return to the process.
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
