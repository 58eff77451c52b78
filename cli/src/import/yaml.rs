//! YAML as a tree whose parts know their lines; JSON is YAML too.
//!
//! Scalars are texts: what they mean is for the program that reads them to say.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{
    place::{Fault, Place, quote},
    source::Source,
};

/// Lists and maps in one another, at most.
const DEPTH_MAX: usize = 128;

/// A text with one document.
#[derive(Debug)]
pub(super) struct Document<'s> {
    source: &'s Source,
    parts: Vec<Part>,
    root: usize,
}

#[derive(Debug)]
struct Part {
    line: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Scalar { text: String, is_plain: bool },
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
}

/// A list or map that is being read; of a map, keys and values in turn.
struct Open {
    part: usize,
    children: Vec<usize>,
}

impl<'s> Document<'s> {
    /// Reads the text. An alias is the part that it names, so nothing is copied.
    pub(super) fn parse(source: &'s Source) -> Result<Self, Fault> {
        let mut parts: Vec<Part> = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let mut anchors: HashMap<usize, usize> = HashMap::new();
        let mut root = None;
        for event in Parser::new_from_str(&source.text) {
            let (event, span) = event.map_err(|error| {
                let message = format!("not YAML: {}", error.info());
                source.place(error.marker().line()).fault(message)
            })?;
            let line = span.start.line();
            let place = source.place(line);
            let done = match event {
                Event::Scalar(text, style, anchor, _) => {
                    let is_plain = style == ScalarStyle::Plain;
                    let kind = Kind::Scalar { text: text.into_owned(), is_plain };
                    parts.push(Part { line, kind });
                    anchors.insert(anchor, parts.len() - 1);
                    parts.len() - 1
                }
                Event::Alias(anchor) => *anchors
                    .get(&anchor)
                    .ok_or_else(|| place.fault("an alias of nothing that stands before it"))?,
                Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                    if open.len() >= DEPTH_MAX {
                        return Err(place.fault(format!("deeper than {DEPTH_MAX} levels")));
                    }
                    let is_list = matches!(event, Event::SequenceStart(..));
                    let kind = if is_list { Kind::List(Vec::new()) } else { Kind::Map(Vec::new()) };
                    parts.push(Part { line, kind });
                    anchors.insert(anchor, parts.len() - 1);
                    open.push(Open { part: parts.len() - 1, children: Vec::new() });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(Open { part, children }) = open.pop() else { continue };
                    match &mut parts[part].kind {
                        Kind::List(list) => *list = children,
                        Kind::Map(map) => {
                            *map =
                                children.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
                        }
                        Kind::Scalar { .. } => {}
                    }
                    part
                }
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(place.fault("a second document; one is expected"));
                }
                _ => continue,
            };
            match open.last_mut() {
                Some(open) => open.children.push(done),
                None => root = Some(done),
            }
        }
        let root = root.ok_or_else(|| source.place(0).fault("is empty"))?;
        Ok(Self { source, parts, root })
    }

    pub(super) const fn root(&self) -> Value<'_> {
        Value { document: self, part: self.root }
    }
}

/// A part of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'d> {
    document: &'d Document<'d>,
    part: usize,
}

impl<'d> Value<'d> {
    fn part(self) -> &'d Part {
        &self.document.parts[self.part]
    }

    pub(super) fn place(self) -> Place {
        self.document.source.place(self.part().line)
    }

    pub(super) fn fault(self, message: impl core::fmt::Display) -> Fault {
        self.place().fault(message)
    }

    /// Nothing: an empty plain scalar or a `null`.
    pub(super) fn is_null(self) -> bool {
        match &self.part().kind {
            Kind::Scalar { text, is_plain } => {
                *is_plain && matches!(text.as_str(), "" | "~" | "null")
            }
            _ => false,
        }
    }

    pub(super) fn is_plain(self) -> bool {
        matches!(&self.part().kind, Kind::Scalar { is_plain: true, .. })
    }

    /// A scalar's text.
    pub(super) fn text(self, what: &str) -> Result<&'d str, Fault> {
        match &self.part().kind {
            Kind::Scalar { text, .. } => Ok(text),
            _ => Err(self.wrong(&format!("{what}: expected a text"))),
        }
    }

    pub(super) fn integer(self, what: &str) -> Result<u64, Fault> {
        let text = self.text(what)?;
        text.parse().map_err(|_| {
            self.fault(format!("{what}: expected a whole number, found {}", quote(text)))
        })
    }

    pub(super) fn boolean(self, what: &str) -> Result<bool, Fault> {
        match self.text(what)? {
            "true" => Ok(true),
            "false" => Ok(false),
            text => {
                Err(self.fault(format!("{what}: expected true or false, found {}", quote(text))))
            }
        }
    }

    pub(super) fn list(self, what: &str) -> Result<Vec<Self>, Fault> {
        let document = self.document;
        match &self.part().kind {
            Kind::List(list) => Ok(list.iter().map(|&part| Self { document, part }).collect()),
            _ => Err(self.wrong(&format!("{what}: expected a list"))),
        }
    }

    /// The fields of a map, each name once.
    pub(super) fn map(self, what: &str) -> Result<Map<'d>, Fault> {
        self.fields(what, str::to_owned)
    }

    /// The fields of a protobuf message, each once, whichever of its two spellings it has.
    pub(super) fn message(self, what: &str) -> Result<Map<'d>, Fault> {
        self.fields(what, snake_case)
    }

    fn fields(self, what: &str, identity: fn(&str) -> String) -> Result<Map<'d>, Fault> {
        let document = self.document;
        let Kind::Map(pairs) = &self.part().kind else {
            return Err(self.wrong(&format!("{what}: expected a map")));
        };
        let mut fields: Vec<(&str, Value<'d>, Value<'d>)> = Vec::with_capacity(pairs.len());
        let mut seen: HashMap<String, Place> = HashMap::with_capacity(pairs.len());
        for &(key, value) in pairs {
            let (key, value) = (Self { document, part: key }, Self { document, part: value });
            let name = key.text(what)?;
            if let Some(first) = seen.insert(identity(name), key.place()) {
                let message = format!("{} again; the first is at {first}", quote(name));
                return Err(key.fault(message));
            }
            fields.push((name, key, value));
        }
        Ok(Map { value: self, fields, identity })
    }

    fn wrong(self, message: &str) -> Fault {
        let found = match &self.part().kind {
            Kind::Scalar { text, .. } => quote(text),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        };
        self.fault(format!("{message}, found {found}"))
    }
}

/// A map's fields in order.
#[derive(Clone, Debug)]
pub(super) struct Map<'d> {
    pub(super) value: Value<'d>,
    /// Name, the key that has the line, value.
    pub(super) fields: Vec<(&'d str, Value<'d>, Value<'d>)>,
    /// By what names are the same.
    identity: fn(&str) -> String,
}

impl<'d> Map<'d> {
    /// The value of a field, unless it is null.
    pub(super) fn get(&self, name: &str) -> Option<Value<'d>> {
        let mut fields = self.fields.iter().filter(|(_, _, value)| !value.is_null());
        fields.find(|(key, _, _)| (self.identity)(key) == name).map(|it| it.2)
    }

    /// Only these fields are there.
    pub(super) fn only(&self, what: &str, known: &[&str]) -> Result<(), Fault> {
        let mut fields = self.fields.iter();
        match fields.find(|(name, _, _)| !known.contains(&(self.identity)(name).as_str())) {
            None => Ok(()),
            Some((name, key, _)) => {
                let message = format!(
                    "{} of {what} is not known and might change which host a key gets; known are: \
                     {}",
                    quote(name),
                    known.join(", ")
                );
                Err(key.fault(message))
            }
        }
    }
}

/// `lbPolicy` as `lb_policy`; other names stay, since capitals at the start do.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
            snake.push(letter.to_ascii_lowercase());
        } else {
            snake.push(letter);
        }
    }
    snake
}
