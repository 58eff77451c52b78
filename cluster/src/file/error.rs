//! Errors of cluster files: where, what, and what to do.

use core::fmt;

/// What is wrong with a cluster file, and where.
///
/// Its text is `FILE:LINE: FIELD: MESSAGE`, without the parts that are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    name: &'static str,
    source_name: Option<String>,
    line: Option<usize>,
    field: Option<String>,
    message: String,
}

impl FileError {
    pub(super) fn whole(name: &'static str, source_name: &str, message: &str) -> Self {
        let source_name = Some(source_name.to_owned());
        Self { name, source_name, line: None, field: None, message: message.to_owned() }
    }

    pub(super) const fn new(
        name: &'static str,
        source_name: Option<String>,
        line: Option<usize>,
        field: Option<String>,
        message: String,
    ) -> Self {
        Self { name, source_name, line, field, message }
    }

    /// The machine name, for vectors and scripts: `unknown-field` and so on (SPEC §9).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The line, from 1, if the fault is at one.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The field, such as `node[1].weight` (nodes count from 0), if the fault is in one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong and how to mend it, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source_name, self.line) {
            (Some(source_name), Some(line)) => write!(f, "{source_name}:{line}: ")?,
            (Some(source_name), None) => write!(f, "{source_name}: ")?,
            (None, _) => {}
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl core::error::Error for FileError {}

/// A fault by node and field, before anybody knows the line.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) message: String,
    /// The other place of a duplicate.
    pub(super) twin: Option<(usize, &'static str)>,
    /// What to do, said after the twin.
    pub(super) remedy: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Whole,
    /// The option `removed`.
    Removed,
    /// A field that has no line of its own.
    Absent(&'static str),
    /// A field at the top, or one of `options`, by its path.
    Field(String),
    /// A node by index; its field, or `""` for the node itself.
    Node(usize, &'static str),
}

impl Fault {
    pub(super) fn new(name: &'static str, place: Place, message: impl ToString) -> Self {
        Self { name, place, message: message.to_string(), twin: None, remedy: None }
    }

    pub(super) fn node(
        name: &'static str,
        index: usize,
        field: &'static str,
        message: impl ToString,
    ) -> Self {
        Self::new(name, Place::Node(index, field), message)
    }

    pub(super) fn twin(mut self, index: usize, field: &'static str) -> Self {
        self.twin = Some((index, field));
        self
    }

    pub(super) fn remedy(mut self, text: &'static str) -> Self {
        self.remedy = Some(text);
        self
    }
}

/// The text in quotes, escaped, and cut to what a line of an error can bear.
pub(super) fn quote(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}
