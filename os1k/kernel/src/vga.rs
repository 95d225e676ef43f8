//! VGA text mode, 80 x 25 at 0xB8000: the same output as on the serial line. Moving
//! the cursor takes four port writes, so only the timer tick does it.

use crate::global::Global;
use crate::memory::PhysAddr;
use crate::port::outb;
use core::mem::replace;
use core::ops::Range;

const COLUMNS: usize = 80;
const ROWS: usize = 25;
const CELLS: usize = COLUMNS * ROWS;
const CRTC: u16 = 0x3d4;
const BLANK: u16 = 0x0720; // a space, light grey on black

struct Screen {
    cells: [u16; CELLS], // a copy: device memory is slow to read
    position: usize,     // where the next character goes
    cursor: usize,       // where the hardware cursor is
}

static SCREEN: Global<Screen> =
    Global::new(Screen { cells: [0; CELLS], position: 0, cursor: usize::MAX });

impl Screen {
    /// Copies cells to the device.
    fn show(&self, range: Range<usize>) {
        let device: *mut u16 = PhysAddr(0xb8000 + 2 * range.start as u32).direct().cast();
        let cells = &self.cells[range];
        // SAFETY: the range is inside the text buffer, which nothing else uses.
        unsafe { device.copy_from_nonoverlapping(cells.as_ptr(), cells.len()) }
    }

    /// Writes `value` from the position up to `end`.
    fn fill_to(&mut self, end: usize, value: u16) {
        let range = replace(&mut self.position, end)..end;
        self.cells[range.clone()].fill(value);
        self.show(range);
    }
}

pub fn clear() {
    let mut screen = SCREEN.lock();
    let position = screen.position;
    screen.fill_to(CELLS, BLANK);
    screen.position = position;
}

pub fn write(character: u8) {
    // After a panic in this function, only the serial line has output.
    let mut guard = match SCREEN.try_lock() {
        Some(guard) => guard,
        None => return,
    };
    let screen = &mut *guard;
    let column = screen.position % COLUMNS;
    match character {
        b'\n' => screen.fill_to(screen.position + COLUMNS - column, BLANK),
        b'\r' => screen.position -= column,
        8 => screen.position = screen.position.saturating_sub(1),
        _ => screen.fill_to(screen.position + 1, 0x0700 | u16::from(character)),
    }
    if screen.position == CELLS {
        screen.cells.copy_within(COLUMNS.., 0);
        screen.cells[CELLS - COLUMNS..].fill(BLANK);
        screen.position = CELLS - COLUMNS;
        screen.show(0..CELLS);
    }
}

/// Moves the hardware cursor if text was written since the last call.
pub fn update_cursor() {
    let mut screen = SCREEN.lock();
    if screen.cursor != screen.position {
        screen.cursor = screen.position;
        for (register, value) in [(0x0e, screen.cursor >> 8), (0x0f, screen.cursor & 0xff)] {
            outb(CRTC, register);
            outb(CRTC + 1, value as u8);
        }
    }
}
