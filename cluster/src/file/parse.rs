//! From TOML to nodes: types, unknown and missing fields; what the values mean is checked after.

use std::path::Path;

use ringway::{BuildError, Layout, OptionValue, SipKey, State};
use toml_edit::{Document, InlineTable, Item, Table as TomlTable, TableLike, Value};

use super::{
    FILE_BYTES_MAX, NODES_MAX, NodeEntry,
    error::{Fault, FileError, Place, quote},
    key_file,
    suggest::nearest,
    too_large,
};

const TOP_FIELDS: [&str; 3] = ["layout", "options", "node"];
/// The option that is a secret, and the one that says in which file it is.
const KEY: &str = "key";
const KEY_FILE: &str = "key_file";
const NODE_FIELDS: [&str; 11] = [
    "name",
    "weight",
    "zone",
    "address",
    "control",
    "state",
    "hash_text",
    "id",
    "guid",
    "vnodes",
    "tokens",
];
/// A native layout reads so many of them: from the first on.
const NATIVE_NODE_FIELDS: usize = 6;

/// Where the parts of a cluster stand in its file; empty for one that was never in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    source_name: Option<String>,
    /// The line of the layout or the option that was read last.
    field: Option<usize>,
    /// The line of the option `removed`.
    removed: Option<usize>,
    nodes: Vec<NodeLines>,
}

/// The lines of a node: of its head, then of each of [`NODE_FIELDS`].
type NodeLines = [u32; 1 + NODE_FIELDS.len()];

impl Origin {
    /// The same file without lines.
    pub(super) fn file(&self) -> Self {
        Self { source_name: self.source_name.clone(), ..Self::default() }
    }

    /// The fault with file and line.
    pub(super) fn locate(&self, fault: Fault) -> FileError {
        let (line, field) = match fault.place {
            Place::Whole => (None, None),
            Place::Absent(field) => (None, Some(field.to_owned())),
            Place::Removed => (self.removed, Some("options.removed".to_owned())),
            Place::Field(field) => (self.field, Some(field)),
            Place::Node(index, "") => (self.line(index, ""), Some(format!("node[{index}]"))),
            Place::Node(index, field) => {
                (self.line(index, field), Some(format!("node[{index}].{field}")))
            }
        };
        let mut message = fault.message;
        if let Some((index, field)) = fault.twin {
            message.push_str(&format!(" node[{index}].{field}"));
            if let Some(line) = self.line(index, field) {
                message.push_str(&format!(" (line {line})"));
            }
        }
        if let Some(remedy) = fault.remedy {
            message.push_str("; ");
            message.push_str(remedy);
        }
        FileError::new(fault.name, self.source_name.clone(), line, field, message)
    }

    fn line(&self, index: usize, field: &str) -> Option<usize> {
        let lines = self.nodes.get(index)?;
        let place = NODE_FIELDS.iter().position(|&known| known == field).map_or(0, |at| at + 1);
        let line = if lines[place] == 0 { lines[0] } else { lines[place] };
        usize::try_from(line).ok().filter(|&line| line > 0)
    }
}

pub(super) fn parse(
    text: &str,
    source_name: &str,
    folder: Option<&Path>,
) -> Result<(Layout, Vec<NodeEntry>, Origin), FileError> {
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(FileError::whole("too-large", source_name, &too_large()));
    }
    let reader = Reader { source_name, source: text, folder, lines: Lines::new(text) };
    let document = Document::parse(text).map_err(|error| {
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        let line = reader.lines.of(error.span().map_or(0, |span| span.start));
        let message = format!("not TOML: {message}");
        FileError::new("syntax", Some(source_name.to_owned()), Some(line), None, message)
    })?;
    reader.file(document.as_table())
}

/// The layout of that name, or which names there are.
pub(super) fn layout_of(name: &str) -> Result<Layout, Fault> {
    Layout::from_name(name).map_err(|error| {
        let known: Vec<&str> =
            Layout::names().iter().chain(Layout::compat_names()).copied().collect();
        let hint = did_you_mean(name, &known);
        let message = format!("{}: {error}{hint}", quote(name));
        Fault::new(error.name(), Place::Field("layout".to_owned()), message)
    })
}

pub(super) fn set_option(
    layout: Layout,
    name: &str,
    value: OptionValue<'_>,
) -> Result<Layout, Fault> {
    let layout_name = layout.name();
    let mut known = layout.option_names().to_vec();
    if known.contains(&KEY) {
        known.push(KEY_FILE);
    }
    layout.with_option(name, value).map_err(|error| {
        let message = match error {
            BuildError::UnknownOption => format!(
                "unknown option; those of {layout_name} are {}{}",
                known.join(", "),
                did_you_mean(name, &known)
            ),
            BuildError::BadOption { expected } => {
                let found = match value {
                    OptionValue::Integer(number) => number.to_string(),
                    // What was meant as a secret is not shown either.
                    OptionValue::Text(text) if name == KEY => {
                        format!("a text of {} bytes", text.len())
                    }
                    OptionValue::Text(text) => format!("the text {}", quote(text)),
                    OptionValue::Boolean(truth) => truth.to_string(),
                    OptionValue::List(numbers) => list_words(numbers),
                    other => format!("{other:?}"),
                };
                format!("expected {expected}, found {found}")
            }
            other => other.to_string(),
        };
        Fault::new(error.name(), Place::Field(format!("options.{}", plain(name))), message)
    })
}

/// Reads the items of one document; its errors have file, line and field.
struct Reader<'a> {
    source_name: &'a str,
    /// The whole text.
    source: &'a str,
    /// Where the file stands; `None` for a text that was not read from one.
    folder: Option<&'a Path>,
    lines: Lines,
}

impl Reader<'_> {
    fn file(&self, top: &TomlTable) -> Result<(Layout, Vec<NodeEntry>, Origin), FileError> {
        self.refuse_unknown(top, "", &TOP_FIELDS, |name| {
            NODE_FIELDS.contains(&name).then_some("it belongs below a [[node]]")
        })?;
        let mut origin =
            Origin { source_name: Some(self.source_name.to_owned()), ..Origin::default() };
        let layout = self.layout(top, &mut origin)?;
        let nodes = match top.get("node") {
            None => Vec::new(),
            Some(item) => self.nodes(item, &layout, self.line_of(top, "node"), &mut origin)?,
        };
        Ok((layout, nodes, origin))
    }

    fn layout(&self, top: &TomlTable, origin: &mut Origin) -> Result<Layout, FileError> {
        let mut layout = Layout::default();
        if let Some(item) = top.get("layout") {
            let line = self.line_of(top, "layout");
            origin.field = Some(line);
            let name = self.text(item, line, "layout")?;
            layout = layout_of(name).map_err(|fault| origin.locate(fault))?;
        }
        let Some(item) = top.get("options") else { return Ok(layout) };
        let options = item.as_table_like().ok_or_else(|| {
            let expected = "expected a table, written [options]";
            let line = self.line_of(top, "options");
            self.mismatch("wrong-type", item, line, "options", expected)
        })?;
        for (name, item) in options.iter() {
            let line = self.line_of(options, name);
            origin.field = Some(line);
            let takes_key = layout.option_names().contains(&KEY);
            if takes_key && (name == KEY || name == KEY_FILE) && layout.sip_key().is_some() {
                let message = "key and key_file are two ways to give one key; keep one of them";
                return Err(self.error("bad-key-file", line, &format!("options.{name}"), message));
            }
            if takes_key && name == KEY_FILE {
                let key = self.key(item, line)?;
                let value = OptionValue::Text(key.expose_hex());
                layout = set_option(layout, KEY, value).map_err(|fault| origin.locate(fault))?;
                continue;
            }
            if name == "removed" {
                origin.removed = Some(line);
            }
            let numbers;
            if TOP_FIELDS.contains(&name) {
                let message = "belongs above [options], with the layout";
                return Err(self.error(
                    "unknown-option",
                    line,
                    &format!("options.{name}"),
                    message,
                ));
            }
            let value = match item.as_value() {
                Some(Value::Integer(number)) => OptionValue::Integer(*number.value()),
                Some(Value::String(text)) => OptionValue::Text(text.value()),
                Some(Value::Boolean(truth)) => OptionValue::Boolean(*truth.value()),
                Some(Value::Array(array)) if array.iter().all(Value::is_integer) => {
                    let fitting = |number| u32::try_from(number).unwrap_or(u32::MAX);
                    let integers = array.iter().filter_map(Value::as_integer);
                    numbers = integers.map(fitting).collect::<Vec<u32>>();
                    OptionValue::List(&numbers)
                }
                _ => {
                    let field = format!("options.{}", plain(name));
                    let expected = "expected a whole number, a text, true or false, or an array of \
                                    whole numbers";
                    return Err(self.mismatch("bad-option", item, line, &field, expected));
                }
            };
            layout = set_option(layout, name, value).map_err(|fault| origin.locate(fault))?;
        }
        Ok(layout)
    }

    /// The key in the file that `key_file` names.
    fn key(&self, item: &Item, line: usize) -> Result<SipKey, FileError> {
        let field = "options.key_file";
        let expected = "expected the path of a file, written in quotes";
        let path = item
            .as_str()
            .ok_or_else(|| self.mismatch("bad-option", item, line, field, expected))?;
        key_file::read(path, self.folder)
            .map_err(|message| self.error("bad-key-file", line, field, &message))
    }

    fn nodes(
        &self,
        item: &Item,
        layout: &Layout,
        line: usize,
        origin: &mut Origin,
    ) -> Result<Vec<NodeEntry>, FileError> {
        let expected = "expected an array of tables; write [[node]], with two brackets";
        let mut tables: Vec<(&dyn TableLike, Option<core::ops::Range<usize>>)> = Vec::new();
        match item {
            Item::ArrayOfTables(array) => {
                tables.extend(array.iter().map(|table| (table as &dyn TableLike, table.span())));
            }
            Item::Value(Value::Array(array)) => {
                for value in array {
                    let table: &InlineTable = value
                        .as_inline_table()
                        .ok_or_else(|| self.mismatch("wrong-type", item, line, "node", expected))?;
                    tables.push((table, table.span()));
                }
            }
            _ => return Err(self.mismatch("wrong-type", item, line, "node", expected)),
        }
        if tables.len() > NODES_MAX {
            let head = tables[NODES_MAX].1.as_ref().map_or(line, |span| self.lines.of(span.start));
            let count = tables.len();
            let message = format!("{count} nodes, but a cluster has at most {NODES_MAX}");
            return Err(self.error(
                "too-many-nodes",
                head,
                &format!("node[{NODES_MAX}]"),
                &message,
            ));
        }
        let mut nodes = Vec::with_capacity(tables.len());
        for (index, (table, span)) in tables.into_iter().enumerate() {
            let head = span.map_or(line, |span| self.lines.of(span.start));
            nodes.push(self.node(table, layout, index, head)?);
            let mut lines: NodeLines = [0; 1 + NODE_FIELDS.len()];
            lines[0] = u32::try_from(head).unwrap_or(0);
            for (place, field) in lines[1..].iter_mut().zip(NODE_FIELDS) {
                if table.get(field).is_some() {
                    *place = u32::try_from(self.line_of(table, field)).unwrap_or(0);
                }
            }
            origin.nodes.push(lines);
        }
        Ok(nodes)
    }

    fn node(
        &self,
        table: &dyn TableLike,
        layout: &Layout,
        index: usize,
        head: usize,
    ) -> Result<NodeEntry, FileError> {
        let at = format!("node[{index}]");
        let known = match layout.is_compat() {
            true => &NODE_FIELDS[..],
            false => &NODE_FIELDS[..NATIVE_NODE_FIELDS],
        };
        self.refuse_unknown(table, &format!("{at}."), known, |name| {
            if TOP_FIELDS.contains(&name) {
                Some("it belongs at the top, above the first [[node]]")
            } else {
                NODE_FIELDS.contains(&name).then_some("deployed programs' layouts read it")
            }
        })?;
        let text = |field: &str| {
            table
                .get(field)
                .map(|item| self.text(item, self.line_of(table, field), &format!("{at}.{field}")))
                .transpose()
        };
        let Some(name) = text("name")? else {
            let message = "is missing; add name = \"...\", the identity that is hashed";
            return Err(self.error("missing-name", head, &format!("{at}.name"), message));
        };
        let mut node = NodeEntry::new(name);
        node.zone = text("zone")?.map(str::to_owned);
        node.address = text("address")?.map(str::to_owned);
        node.control = text("control")?.map(str::to_owned);
        if let Some(item) = table.get("weight") {
            let weight = match item {
                Item::Value(Value::Float(number)) if layout.takes_fractions() => {
                    // As it is written: a float would round.
                    decimal(number.span().and_then(|span| self.source.get(span)))
                }
                item => item.as_integer().and_then(|whole| Some((u32::try_from(whole).ok()?, 0))),
            };
            (node.weight, node.deployed.weight_millionths) = weight.ok_or_else(|| {
                let decimals =
                    if layout.takes_fractions() { ", or one with up to six decimals" } else { "" };
                let expected = format!("expected a whole number from 0 to {}{decimals}", u32::MAX);
                let line = self.line_of(table, "weight");
                self.mismatch("bad-weight", item, line, &format!("{at}.weight"), &expected)
            })?;
        }
        node.deployed.hash_text = text("hash_text")?.map(str::to_owned);
        node.deployed.guid = text("guid")?.map(str::to_owned);
        let number = |field: &str| {
            let Some(item) = table.get(field) else { return Ok(None) };
            match item.as_integer().map(u32::try_from) {
                Some(Ok(number)) => Ok(Some(number)),
                _ => {
                    let expected = format!("expected a whole number from 0 to {}", u32::MAX);
                    let line = self.line_of(table, field);
                    Err(self.mismatch(
                        "wrong-type",
                        item,
                        line,
                        &format!("{at}.{field}"),
                        &expected,
                    ))
                }
            }
        };
        node.deployed.id = number("id")?;
        node.deployed.vnodes = number("vnodes")?;
        if let Some(item) = table.get("tokens") {
            let tokens = item.as_array().map(|array| array.iter().map(Value::as_integer).collect());
            node.deployed.tokens = Some(tokens.flatten().ok_or_else(|| {
                let expected = "expected an array of whole numbers of 64 bits";
                let line = self.line_of(table, "tokens");
                self.mismatch("wrong-type", item, line, &format!("{at}.tokens"), expected)
            })?);
        }
        if let Some(name) = text("state")? {
            node.state = State::from_name(name).ok_or_else(|| {
                let known = [State::Up, State::Down, State::Drain].map(State::name);
                let hint = did_you_mean(name, &known);
                let found = quote(name);
                let message =
                    format!("expected \"up\", \"down\" or \"drain\", found {found}{hint}");
                let line = self.line_of(table, "state");
                self.error("bad-state", line, &format!("{at}.state"), &message)
            })?;
        }
        Ok(node)
    }

    fn refuse_unknown(
        &self,
        table: &dyn TableLike,
        prefix: &str,
        known: &[&str],
        elsewhere: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<(), FileError> {
        for (name, _) in table.iter() {
            if known.contains(&name) {
                continue;
            }
            let hint = match elsewhere(name) {
                Some(hint) => format!("; {hint}"),
                None => did_you_mean(name, known),
            };
            let message = format!("unknown field; the fields here are {}{hint}", known.join(", "));
            let field = format!("{prefix}{}", plain(name));
            return Err(self.error("unknown-field", self.line_of(table, name), &field, &message));
        }
        Ok(())
    }

    fn text<'i>(&self, item: &'i Item, line: usize, field: &str) -> Result<&'i str, FileError> {
        item.as_str().ok_or_else(|| {
            self.mismatch("wrong-type", item, line, field, "expected a text, written in quotes")
        })
    }

    fn mismatch(
        &self,
        name: &'static str,
        item: &Item,
        line: usize,
        field: &str,
        expected: &str,
    ) -> FileError {
        self.error(name, line, field, &format!("{expected}, found {}", found(item)))
    }

    fn error(&self, name: &'static str, line: usize, field: &str, message: &str) -> FileError {
        let source_name = Some(self.source_name.to_owned());
        FileError::new(name, source_name, Some(line), Some(field.to_owned()), message.to_owned())
    }

    /// The line of a key that the table has.
    fn line_of(&self, table: &dyn TableLike, name: &str) -> usize {
        let key = table.get_key_value(name);
        let span = key.and_then(|(key, item)| key.span().or_else(|| item.span()));
        self.lines.of(span.map_or(0, |span| span.start))
    }
}

/// Where lines begin, to tell the line of an offset.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        Self(ends.map(|(offset, _)| offset + 1).collect())
    }

    /// The line, from 1, of a byte offset.
    fn of(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|&start| start <= offset)
    }
}

/// Whole part and millionths of a decimal number as it is written: up to six decimals.
fn decimal(text: Option<&str>) -> Option<(u32, u32)> {
    let (whole, decimals) = text?.split_once('.')?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(decimals) || decimals.len() > 6 {
        return None;
    }
    Some((whole.parse().ok()?, format!("{decimals:0<6}").parse().ok()?))
}

fn did_you_mean(word: &str, known: &[&str]) -> String {
    nearest(word, known).map_or_else(String::new, |best| format!("; did you mean {best}?"))
}

/// The list in so many words as an error can bear.
fn list_words(numbers: &[u32]) -> String {
    const SHOWN_MAX: usize = 8;
    let words = |&number: &u32| match number {
        u32::MAX => "a number out of range".to_owned(),
        number => number.to_string(),
    };
    let mut shown: Vec<String> = numbers.iter().take(SHOWN_MAX).map(words).collect();
    if numbers.len() > SHOWN_MAX {
        shown.push(format!("... ({} numbers)", numbers.len()));
    }
    format!("[{}]", shown.join(", "))
}

/// A key as one would write it: quoted only if it must be.
fn plain(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !name.is_empty() && name.len() <= 60 && name.bytes().all(bare) {
        name.to_owned()
    } else {
        quote(name)
    }
}

/// What stands there instead of what was expected.
fn found(item: &Item) -> String {
    match item {
        Item::Value(Value::String(text)) => format!("the text {}", quote(text.value())),
        Item::Value(Value::Integer(number)) => number.value().to_string(),
        Item::Value(Value::Float(number)) => format!("{:?}", number.value()),
        Item::Value(Value::Boolean(truth)) => truth.value().to_string(),
        Item::Value(Value::Datetime(time)) => format!("the time {}", time.value()),
        Item::Value(Value::Array(_)) => "an array".to_owned(),
        Item::Value(Value::InlineTable(_)) | Item::Table(_) => "a table".to_owned(),
        Item::ArrayOfTables(_) => "an array of tables".to_owned(),
        Item::None => "nothing".to_owned(),
    }
}
