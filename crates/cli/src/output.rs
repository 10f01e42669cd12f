//! What commands print: text for people, JSON for programs.

use std::borrow::Cow;
use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde_json::Value;

/// Prints text. Unlike `print!`, a reader that went away is an error and no panic. What would steer
/// a terminal is shown instead.
pub fn print(text: &str) -> Result<()> {
    write(&harmless(text))
}

/// Prints a JSON document.
pub fn print_json(document: &Value) -> Result<()> {
    print_json_lines(&format!("{document:#}\n"))
}

/// Prints lines of JSON, which stays what it was: control characters have a form of their own there.
pub fn print_json_lines(text: &str) -> Result<()> {
    write(&written_out(text, steers, |letter| format!("\\u{:04x}", u32::from(letter))))
}

fn write(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Whether a command failed only because nobody reads its output any more.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// Lines of text with what else would steer a terminal written out: names are stored as they were
/// given, by whoever may give them.
pub fn harmless(text: &str) -> Cow<'_, str> {
    written_out(text, steers, |letter| letter.escape_default().collect())
}

/// A name, in one line: with a line break in it, it could look like a row of its own.
pub fn one_line(name: &str) -> Cow<'_, str> {
    written_out(name, char::is_control, |letter| letter.escape_default().collect())
}

fn steers(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
}

fn written_out(
    text: &str,
    is_meant: impl Fn(char) -> bool,
    form: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&is_meant) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_meant(letter) {
            shown.push_str(&form(letter));
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Columns under their headings, as wide as their widest cell.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell))).collect();
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: [&str; N]| {
        let mut row = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            row.push_str(cell);
            row.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    };
    line(headings);
    for row in &rows {
        line(row.each_ref().map(Cow::as_ref));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_do_not_trail() {
        let rows = [["a".to_owned(), "1".to_owned()], ["größer".to_owned(), String::new()]];
        assert_eq!(table(["NAME", "N"], &rows), "NAME    N\na       1\ngrößer\n");
    }

    #[test]
    fn names_cannot_steer_a_terminal_or_look_like_rows() {
        let rows = [["a\u{1b}[2J\nb".to_owned(), "1".to_owned()]];
        assert_eq!(table(["NAME", "N"], &rows), "NAME           N\na\\u{1b}[2J\\nb  1\n");
        assert_eq!(harmless("größer\n\tb\r\u{9b}"), "größer\n\tb\\r\\u{9b}");
        assert_eq!(one_line("größer"), "größer");
    }
}
