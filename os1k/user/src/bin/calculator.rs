//! `calculator [EXPRESSION]`: whole numbers, + - * / and parentheses. Without an
//! expression it reads one a line, until Ctrl-D.
#![no_std]
#![no_main]
use user::*;
entry!(main);

fn main(command: &str) -> i32 {
    match command.split_once(' ') {
        Some((_, expression)) => show(expression),
        None => {
            let mut editor = Editor::new();
            while let Input::Line(line) = editor.read_line() {
                show(line);
            }
        }
    }
    0
}

fn show(expression: &str) {
    let mut rest = expression.as_bytes();
    match sum(&mut rest).filter(|_| peek(&mut rest).is_none()) {
        Some(value) => println!("{value}"),
        None => println!("not an expression, or a number too large"),
    }
}

/// The next character that is no blank.
fn peek(rest: &mut &[u8]) -> Option<u8> {
    while let [b' ', after @ ..] = *rest {
        *rest = after;
    }
    rest.first().copied()
}

fn take(rest: &mut &[u8], characters: &[u8]) -> Option<u8> {
    let found = peek(rest).filter(|c| characters.contains(c))?;
    *rest = &rest[1..];
    Some(found)
}

fn sum(rest: &mut &[u8]) -> Option<i64> {
    let mut value = product(rest)?;
    while let Some(operator) = take(rest, b"+-") {
        let right = product(rest)?;
        value = if operator == b'+' { value.checked_add(right) } else { value.checked_sub(right) }?;
    }
    Some(value)
}

fn product(rest: &mut &[u8]) -> Option<i64> {
    let mut value = factor(rest)?;
    while let Some(operator) = take(rest, b"*/") {
        let right = factor(rest)?;
        value = if operator == b'*' { value.checked_mul(right) } else { value.checked_div(right) }?;
    }
    Some(value)
}

fn factor(rest: &mut &[u8]) -> Option<i64> {
    if take(rest, b"-").is_some() {
        return factor(rest)?.checked_neg();
    }
    if take(rest, b"(").is_some() {
        let value = sum(rest)?;
        return take(rest, b")").map(|_| value);
    }
    let digit = |c: u8| i64::from(c - b'0');
    let mut value = digit(take(rest, b"0123456789")?);
    while let Some(c) = rest.first().filter(|c| c.is_ascii_digit()) {
        value = value.checked_mul(10)?.checked_add(digit(*c))?;
        *rest = &rest[1..];
    }
    Some(value)
}
