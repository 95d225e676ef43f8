//! VGA text mode, 80 x 25 at 0xB8000: the same output as on the serial line.
//! Four port writes move the cursor, so that is left to the timer tick.

use crate::global::Global;
use crate::memory::PhysAddr;
use crate::port::outb;

const COLUMNS: usize = 80;
const ROWS: usize = 25;
const CRTC: u16 = 0x3d4;
const BLANK: u16 = 0x0720; // a space, light grey on black

struct Screen {
    cells: [u16; COLUMNS * ROWS], // what is there: device memory is slow to read
    position: usize,              // where the next character goes
    cursor: usize,                // where the hardware cursor is
}

static SCREEN: Global<Screen> =
    Global::new(Screen { cells: [0; COLUMNS * ROWS], position: 0, cursor: usize::MAX });

impl Screen {
    fn set(&mut self, index: usize, value: u16) {
        if self.cells[index] != value {
            self.cells[index] = value;
            let cell: *mut u16 = PhysAddr(0xb8000 + 2 * index as u32).direct().cast();
            // SAFETY: `index` is inside the text buffer, which nobody else touches.
            unsafe { cell.write_volatile(value) }
        }
    }

    /// Moves on to `position`, blanking what lies between.
    fn blank_to(&mut self, position: usize) {
        (self.position..position).for_each(|i| self.set(i, BLANK));
        self.position = position;
    }
}

pub fn clear() {
    let mut screen = SCREEN.lock();
    let position = screen.position;
    screen.blank_to(COLUMNS * ROWS);
    screen.position = position;
}

pub fn write(character: u8) {
    // In a panic in here, the serial line will have to do.
    let mut guard = match SCREEN.try_lock() {
        Some(guard) => guard,
        None => return,
    };
    let screen = &mut *guard;
    let column = screen.position % COLUMNS;
    match character {
        b'\n' => screen.blank_to(screen.position + COLUMNS - column),
        b'\r' => screen.position -= column,
        8 => screen.position = screen.position.saturating_sub(1),
        _ => {
            screen.set(screen.position, 0x0700 | u16::from(character));
            screen.position += 1;
        }
    }
    if screen.position >= COLUMNS * ROWS {
        (COLUMNS..COLUMNS * ROWS).for_each(|i| screen.set(i - COLUMNS, screen.cells[i]));
        screen.position = COLUMNS * (ROWS - 1);
        screen.blank_to(COLUMNS * ROWS);
        screen.position = COLUMNS * (ROWS - 1);
    }
}

/// Moves the hardware cursor if text has moved on since the last call.
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
