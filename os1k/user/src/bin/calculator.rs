//! `calculator [EXPRESSION]`: whole numbers, + - * / and parentheses. Without an
//! expression it reads one per line, until Ctrl-D.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    match command.split_once(' ') {
        Some((_, expression)) => show(expression),
        None => {
            let mut editor = Editor::new();
            while let Some(line) = editor.read_line() {
                show(line);
            }
        }
    }
    0
}

fn show(text: &str) {
    let mut rest = text.as_bytes();
    match expression(&mut rest, 0).filter(|_| next(&mut rest).is_none()) {
        Some(value) => println!("{value}"),
        None => println!("not an expression, or a number too large"),
    }
}

/// The next character that is not a blank.
fn next(rest: &mut &[u8]) -> Option<u8> {
    *rest = &rest[rest.iter().take_while(|c| **c == b' ').count()..];
    rest.first().copied()
}

/// Operands with operators between them that bind more tightly than `level`.
fn expression(rest: &mut &[u8], level: u32) -> Option<i64> {
    let mut value = operand(rest)?;
    while let Some(operator) = next(rest) {
        let (binds, apply): (u32, fn(i64, i64) -> Option<i64>) = match operator {
            b'+' => (1, i64::checked_add),
            b'-' => (1, i64::checked_sub),
            b'*' => (2, i64::checked_mul),
            b'/' => (2, i64::checked_div),
            _ => break,
        };
        if binds <= level {
            break;
        }
        *rest = &rest[1..];
        value = apply(value, expression(rest, binds)?)?;
    }
    Some(value)
}

fn operand(rest: &mut &[u8]) -> Option<i64> {
    let first = next(rest)?;
    let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    let (taken, after) = rest.split_at(digits.max(1));
    *rest = after;
    match first {
        b'-' => operand(rest)?.checked_neg(),
        b'(' => {
            let value = expression(rest, 0);
            *rest = rest.strip_prefix(b")")?;
            value
        }
        _ => core::str::from_utf8(taken).ok()?.parse().ok(),
    }
}
