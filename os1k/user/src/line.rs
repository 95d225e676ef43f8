//! Line input: echoes what is typed and edits it. Backspace takes a character
//! away, Ctrl-U all of them, Ctrl-C gives the line up, Ctrl-D on an empty line
//! is the end of input.

use crate::getchar;
use common::{print, println};

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const CTRL_U: u8 = 21;
const ESCAPE: u8 = 27;
const DELETE: u8 = 127;

pub enum Input<'a> {
    Line(&'a str),
    TooLong,
    End,
}

/// The next byte that is not part of an escape sequence, as arrow keys send:
/// ESC and [ or O, parameters, and a last character. (ECMA-48, 5.4)
fn next_key() -> u8 {
    let mut last = 0;
    loop {
        let byte = getchar();
        last = match (last, byte) {
            (_, ESCAPE) => ESCAPE,
            (ESCAPE, b'[' | b'O') | (b'[', b' '..=b'?') => b'[',
            (b'[', b'@'..=b'~') => 0,
            _ => return byte,
        };
    }
}

/// Reads one line, without its end. The characters are printable ASCII.
pub fn read_line(buffer: &mut [u8]) -> Input<'_> {
    let mut length = 0; // may go past the buffer: the rest of a long line is read all the same
    loop {
        let erase = match next_key() {
            b'\r' | b'\n' => break,
            CTRL_C => {
                print!("^C");
                length = 0;
                break;
            }
            CTRL_D if length == 0 => {
                println!();
                return Input::End;
            }
            BACKSPACE | DELETE => length.min(1),
            CTRL_U => length,
            byte @ b' '..=b'~' => {
                if let Some(place) = buffer.get_mut(length) {
                    *place = byte;
                }
                length += 1;
                print!("{}", byte as char);
                0
            }
            _ => 0,
        };
        length -= erase;
        (0..erase).for_each(|_| print!("\x08 \x08"));
    }
    println!();
    match buffer.get(..length) {
        Some(line) => Input::Line(core::str::from_utf8(line).unwrap_or("")),
        None => Input::TooLong,
    }
}
