//! Where something stands in a configuration, and what is wrong there.

use std::{fmt, rc::Rc};

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    file: Rc<str>,
    /// From 1; 0 is the whole file.
    line: usize,
}

impl Place {
    pub(super) const fn new(file: Rc<str>, line: usize) -> Self {
        Self { file, line }
    }

    /// The whole file, before anything of it is known.
    pub(super) fn of_file(file: &str) -> Self {
        Self { file: file.into(), line: 0 }
    }

    pub(super) fn fault(&self, message: impl fmt::Display) -> Fault {
        Fault { text: format!("{self}: {}", one_line(&message.to_string())) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.file))?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

/// Why a configuration cannot be imported: `FILE:LINE: WHAT; REMEDY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text without what would break a line.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// A word of a configuration in quotes, cut to what a line can bear.
pub(super) fn quote(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

/// The names there are, for an error that says that one is not.
pub(super) fn listed(names: &[&str]) -> String {
    const NAMES_MAX: usize = 10;
    let mut text: Vec<String> = names.iter().take(NAMES_MAX).map(|name| quote(name)).collect();
    if names.len() > NAMES_MAX {
        text.push(format!("and {} more", names.len() - NAMES_MAX));
    }
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}
