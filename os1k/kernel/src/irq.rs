//! Hardware interrupts: the two 8259 controllers, set to vectors 0x20 and 0x28,
//! and the 8254 timer at 100 Hz. (Intel 8259A and 8254 datasheets)

use crate::port::{inb, outb};
use crate::process::{self, TICKS_PER_SECOND};
use crate::{input, vga, virtio_blk};

const PIC1: u16 = 0x20; // command; data is the next port
const PIC2: u16 = 0xa0;
const ICW1_INIT_ICW4: u8 = 0x11;
const ICW4_8086: u8 = 0x01;
const OCW2_EOI: u8 = 0x20;
const OCW3_READ_ISR: u8 = 0x0b;
const VECTOR: u32 = 0x20;

const PIT_CHANNEL_0: u16 = 0x40;
const PIT_CONTROL: u16 = 0x43;
const PIT_RATE_GENERATOR: u8 = 0x34; // channel 0, low byte then high byte, mode 2
const PIT_HZ: u32 = 1_193_182;

const TIMER: u32 = 0;
const KEYBOARD: u32 = 1;
const CASCADE: u32 = 2;
const SERIAL: u32 = 4;
// Slot n of virtio-mmio has the n-th line of 5, 9, 10, 11; in QEMU's microvm, line 5 + n.
const DISKS: [u32; 5] = [5, 9, 10, 11, 12];

pub fn init() {
    let steps = [(PIC1, VECTOR as u8, 1 << CASCADE), (PIC2, VECTOR as u8 + 8, CASCADE as u8)];
    for (pic, vector, cascade) in steps {
        outb(pic, ICW1_INIT_ICW4);
        outb(pic + 1, vector);
        outb(pic + 1, cascade);
        outb(pic + 1, ICW4_8086);
    }
    let lines = [TIMER, KEYBOARD, CASCADE, SERIAL].iter().chain(&DISKS);
    let enabled = lines.fold(0u16, |mask, line| mask | 1 << line);
    outb(PIC1 + 1, !enabled as u8);
    outb(PIC2 + 1, (!enabled >> 8) as u8);

    let divisor = (PIT_HZ / TICKS_PER_SECOND) as u16;
    outb(PIT_CONTROL, PIT_RATE_GENERATOR);
    outb(PIT_CHANNEL_0, divisor as u8);
    outb(PIT_CHANNEL_0, (divisor >> 8) as u8);
}

fn in_service(pic: u16, line: u32) -> bool {
    outb(pic, OCW3_READ_ISR);
    inb(pic) & 1 << line != 0
}

/// Acknowledges an interrupt and handles it. False if `vector` is not an IRQ.
pub fn handle_irq(vector: u32) -> bool {
    let irq = match vector.checked_sub(VECTOR) {
        Some(irq) if irq < 16 => irq,
        _ => return false,
    };
    // Lines 7 and 15 can be spurious: the request was withdrawn, and the controller has
    // nothing in service. A spurious 15 still has the cascade in service on the first.
    if irq == 7 && !in_service(PIC1, 7) {
        return true;
    }
    if irq == 15 && !in_service(PIC2, 7) {
        outb(PIC1, OCW2_EOI);
        return true;
    }
    if irq >= 8 {
        outb(PIC2, OCW2_EOI);
    }
    outb(PIC1, OCW2_EOI);
    match irq {
        TIMER => {
            process::tick();
            input::tick();
            vga::update_cursor();
        }
        KEYBOARD | SERIAL => input::receive(),
        irq if DISKS.contains(&irq) => virtio_blk::handle_interrupt(),
        _ => {}
    }
    true
}
