//! The PS/2 keyboard with an 8042 controller: scancodes of set 1 to characters, US layout.

use crate::global::Global;
use crate::port::{inb, outb};

const DATA: u16 = 0x60;
const STATUS: u16 = 0x64; // read: status, write: commands
const OUTPUT_FULL: u8 = 1;
const INPUT_FULL: u8 = 2;
const NO_CONTROLLER: u8 = 0xff;
const WRITE_COMMAND_BYTE: u8 = 0x60;
const COMMAND_BYTE: u8 = 0x65; // translate to set 1, no mouse, keyboard on, IRQ 1

const RELEASED: u8 = 0x80;
const LEFT_SHIFT: u8 = 0x2a;
const RIGHT_SHIFT: u8 = 0x36;
const CTRL: u8 = 0x1d;
const CAPS_LOCK: u8 = 0x3a;
const EXTENDED: u8 = 0xe0; // prefix; such keys are handled like those without it
const ARROWS: [(u8, u8); 4] = [(0x48, 16), (0x50, 14), (0x4d, 6), (0x4b, 2)]; // Ctrl-P, N, F, B

// Indexed by scancode; 0 where the key makes no character.
const PLAIN: &[u8; 0x3a] =
    b"\0\x1b1234567890-=\x08\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
const SHIFTED: &[u8; 0x3a] =
    b"\0\x1b!@#$%^&*()_+\x08\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

struct Modifiers {
    shift: bool,
    ctrl: bool,
    caps_lock: bool,
}

static MODIFIERS: Global<Modifiers> =
    Global::new(Modifiers { shift: false, ctrl: false, caps_lock: false });

fn send(port: u16, value: u8) {
    while inb(STATUS) & INPUT_FULL != 0 {}
    outb(port, value);
}

pub fn init() {
    if inb(STATUS) != NO_CONTROLLER {
        send(STATUS, WRITE_COMMAND_BYTE);
        send(DATA, COMMAND_BYTE);
    }
}

/// Reads scancodes until they make a character; None if there are no more.
pub fn read() -> Option<u8> {
    while matches!(inb(STATUS), s if s != NO_CONTROLLER && s & OUTPUT_FULL != 0) {
        if let byte @ Some(_) = decode(inb(DATA)) {
            return byte;
        }
    }
    None
}

fn decode(scancode: u8) -> Option<u8> {
    let mut keys = MODIFIERS.lock();
    let pressed = scancode & RELEASED == 0;
    match scancode & !RELEASED {
        _ if scancode == EXTENDED => return None,
        LEFT_SHIFT | RIGHT_SHIFT => keys.shift = pressed,
        CTRL => keys.ctrl = pressed,
        CAPS_LOCK if pressed => keys.caps_lock = !keys.caps_lock,
        key if pressed => {
            if let Some((_, arrow)) = ARROWS.iter().find(|arrow| arrow.0 == key) {
                return Some(*arrow);
            }
            let plain = *PLAIN.get(usize::from(key))?;
            let shift = keys.shift != (keys.caps_lock && plain.is_ascii_lowercase());
            let byte = if shift { SHIFTED[usize::from(key)] } else { plain };
            let byte = if keys.ctrl { byte & 0x1f } else { byte };
            return if plain == 0 { None } else { Some(byte) };
        }
        _ => {}
    }
    None
}
