//! Line input with echo, editing and history. Backspace removes a character, Ctrl-U the
//! line. The arrow keys move the cursor and bring back earlier lines. Ctrl-C discards the
//! line, Ctrl-D on an empty line is the end of input.

use crate::getchar;
use common::{print, println, text, COMMAND_MAX};

const CTRL_B: u8 = 2; // left; these four are as in Emacs, and the keyboard driver sends them
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_F: u8 = 6; // right
const BACKSPACE: u8 = 8;
const CTRL_N: u8 = 14; // down
const CTRL_P: u8 = 16; // up
const CTRL_U: u8 = 21;
const ESCAPE: u8 = 27;
const DELETE: u8 = 127;
const ARROWS: [u8; 4] = [CTRL_P, CTRL_N, CTRL_F, CTRL_B]; // of ESC [ A to D
const LENGTH_MAX: usize = COMMAND_MAX - 1; // a zero byte follows
const HISTORY: usize = 16;

#[derive(Clone, Copy, PartialEq)]
struct Line {
    bytes: [u8; COMMAND_MAX],
    length: usize,
    cursor: usize,
}

const EMPTY: Line = Line { bytes: [0; COMMAND_MAX], length: 0, cursor: 0 };

pub struct Editor {
    lines: [Line; HISTORY], // the current line, then earlier ones, newest first
}

/// The next key. An escape sequence, such as an arrow key sends, is ESC, then [ or O,
/// optional parameters, and a final character. (ECMA-48, 5.4)
fn next_key() -> u8 {
    let mut last = 0;
    loop {
        let byte = getchar();
        last = match (last, byte) {
            (_, ESCAPE) => ESCAPE,
            (ESCAPE, b'[' | b'O') | (b'[', b' '..=b'?') => b'[',
            (b'[', b'A'..=b'D') => return ARROWS[usize::from(byte - b'A')],

            (b'[', b'@'..=b'~') => 0,
            _ => return byte,
        };
    }
}

fn back(n: usize) {
    (0..n).for_each(|_| print!("\x08"));
}

impl Line {
    fn insert(&mut self, byte: u8) {
        self.bytes.copy_within(self.cursor..self.length, self.cursor + 1);
        self.bytes[self.cursor] = byte;
        self.length += 1;
        self.cursor += 1;
    }

    fn erase(&mut self) {
        self.bytes.copy_within(self.cursor..self.length, self.cursor - 1);
        self.length -= 1;
        self.cursor -= 1;
    }

    fn text(&self, from: usize, to: usize) -> &str {
        text(&self.bytes[from..to])
    }

    /// Replaces `old` on the screen with this line.
    fn replace(&self, old: &Line) {
        let both = old.length.min(self.length);
        let same = (0..both).find(|&i| old.bytes[i] != self.bytes[i]).unwrap_or(both);
        back(old.cursor.saturating_sub(same));
        print!("{}", old.text(old.cursor.min(same), same));
        print!("{}", self.text(same, self.length));
        let blanks = old.length - both;
        print!("{:blanks$}", "");
        back(blanks + self.length - self.cursor);
    }
}

impl Editor {
    pub const fn new() -> Editor {
        Editor { lines: [EMPTY; HISTORY] }
    }

    /// Reads one line, without its line end; None at the end of input. It contains only
    /// printable ASCII. A line that is too long is returned as an empty one.
    pub fn read_line(&mut self) -> Option<&str> {
        self.lines[0].cursor = self.lines[0].length;
        if self.lines[0].length != 0 && self.lines[0].bytes != self.lines[1].bytes {
            self.lines.rotate_right(1);
        }
        self.lines[0] = EMPTY;
        let (mut recalled, mut too_long) = (0, false);
        loop {
            let [line, earlier @ ..] = &mut self.lines;
            let old = *line;
            match next_key() {
                b'\r' | b'\n' => break,
                CTRL_C => {
                    print!("^C");
                    *line = EMPTY;
                    break;
                }
                CTRL_D if line.length == 0 => {
                    println!();
                    return None;
                }
                BACKSPACE | DELETE if line.cursor > 0 => line.erase(),
                CTRL_B if line.cursor > 0 => line.cursor -= 1,
                CTRL_F if line.cursor < line.length => line.cursor += 1,
                CTRL_U => (*line, too_long) = (EMPTY, false),
                CTRL_P if recalled < HISTORY - 1 && earlier[recalled].length > 0 => {
                    *line = earlier[recalled];
                    recalled += 1;
                }
                CTRL_N if recalled > 0 => {
                    recalled -= 1;
                    *line = if recalled > 0 { earlier[recalled - 1] } else { EMPTY };
                }
                b' '..=b'~' if line.length == LENGTH_MAX => too_long = true,
                byte @ b' '..=b'~' => line.insert(byte),
                _ => {}
            }
            line.replace(&old);
        }
        println!();
        if too_long {
            println!("command line too long");
            self.lines[0] = EMPTY;
        }
        Some(self.lines[0].text(0, self.lines[0].length))
    }
}
