//! What was typed and not yet read: one queue for keyboard and serial line, and
//! readers that sleep until there is something in it. When it is full, bytes stay
//! in the devices. Lines are edited by the program that reads them (user/src/line.rs).

use crate::global::Global;
use crate::process::{self, State};
use crate::{keyboard, serial};

const CAPACITY: usize = 1024;
const CTRL_C: u8 = 3;

struct Queue {
    bytes: [u8; CAPACITY],
    first: usize,
    count: usize,
}

static QUEUE: Global<Queue> = Global::new(Queue { bytes: [0; CAPACITY], first: 0, count: 0 });

pub fn has_room() -> bool {
    QUEUE.lock().count < CAPACITY
}

/// Only when there is room. Ctrl-C goes to the program in the foreground, if any.
pub fn push(byte: u8) {
    if byte == CTRL_C && process::interrupt_foreground() {
        return;
    }
    let mut queue = QUEUE.lock();
    let end = (queue.first + queue.count) % CAPACITY;
    queue.bytes[end] = byte;
    queue.count += 1;
    process::wake(State::Reading);
}

fn pop() -> Option<u8> {
    let mut queue = QUEUE.lock();
    if queue.count == 0 {
        return None;
    }
    let byte = queue.bytes[queue.first];
    queue.first = (queue.first + 1) % CAPACITY;
    queue.count -= 1;
    Some(byte)
}

/// Blocks the calling process until a byte is there.
pub fn getchar() -> u8 {
    loop {
        let was_full = !has_room();
        let byte = pop();
        if was_full {
            // Devices that waited for room raise no new interrupt.
            serial::receive();
            keyboard::receive();
        }
        match byte {
            Some(byte) => return byte,
            None => process::block(State::Reading),
        }
    }
}
