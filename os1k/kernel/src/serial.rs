//! COM1, a 16550A UART: output waits until the UART is ready, input arrives by IRQ 4.
//! (PC16550D datasheet)

use crate::port::{inb, outb};

const COM1: u16 = 0x3f8;
const RBR_THR: u16 = COM1; // divisor low byte while DLAB is set
const IER: u16 = COM1 + 1; // divisor high byte while DLAB is set
const FCR: u16 = COM1 + 2;
const LCR: u16 = COM1 + 3;
const MCR: u16 = COM1 + 4;
const LSR: u16 = COM1 + 5;

const FCR_ENABLE: u8 = 0x01;
const LSR_DR: u8 = 0x01;
const LSR_THRE: u8 = 0x20;
const LCR_8N1: u8 = 0x03;
const LCR_DLAB: u8 = 0x80;
const MCR_DTR_RTS_OUT2: u8 = 0x0b; // OUT2 connects the interrupt line
const MCR_LOOP: u8 = 0x10;
const NO_UART: u8 = 0xff; // what an empty port reads

pub fn init() {
    outb(IER, 0);
    outb(LCR, LCR_DLAB | LCR_8N1);
    outb(RBR_THR, 1); // 115200 baud
    outb(IER, 0);
    outb(LCR, LCR_8N1);
    // Enabling the FIFO would discard a byte that has already arrived: in that case it
    // stays off. Loopback keeps new bytes out during the check.
    outb(MCR, MCR_LOOP);
    if inb(LSR) & LSR_DR == 0 {
        outb(FCR, FCR_ENABLE);
    }
    outb(MCR, MCR_DTR_RTS_OUT2);
}

/// Enables interrupts on received data. To be called after the interrupt controller has
/// been initialized, which discards earlier edges.
pub fn listen() {
    outb(IER, 1);
}

pub fn write(byte: u8) {
    while inb(LSR) & LSR_THRE == 0 {}
    outb(RBR_THR, byte);
}

pub fn read() -> Option<u8> {
    let lsr = inb(LSR);
    (lsr != NO_UART && lsr & LSR_DR != 0).then(|| inb(RBR_THR))
}
