//! From TOML to a [`Config`]: types, ranges, unknown and missing fields.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use toml_edit::{Document, Item, TableLike, Value};

use super::{Config, ConfigError, Limits};
use crate::{coordinator::CoordinatorLimits, data::KeySource};

const SECTIONS: [&str; 4] = ["proxy", "key", "limits", "moves"];
const PROXY_FIELDS: [&str; 10] = [
    "listen",
    "admin_listen",
    "admin_token_file",
    "node_listen",
    "node_token_file",
    "allow_remote",
    "store",
    "cluster",
    "mode",
    "workers",
];
const KEY_FIELDS: [&str; 1] = ["from"];
const WORKERS_MAX: u64 = 1_024;
const DAY_MS: u64 = 86_400_000;

pub(super) fn parse(
    text: &str,
    source_name: &str,
    directory: &Path,
) -> Result<Config, ConfigError> {
    let document = Document::parse(text).map_err(|error| {
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        ConfigError {
            source_name: source_name.into(),
            line: Some(line_of(text, error.span().map_or(0, |span| span.start))),
            field: None,
            message: format!("not TOML: {message}"),
        }
    })?;
    let reader = Reader { text, source_name, directory };
    let top = Section { reader: &reader, name: "", table: Some(document.as_table()) };
    top.refuse_unknown(&SECTIONS)?;

    let proxy = top.section("proxy", &PROXY_FIELDS)?;
    let listen = proxy.address("listen")?;
    let allow_remote = proxy.boolean("allow_remote")?.unwrap_or(false);
    let inner = |field: &'static str| {
        let address = proxy.address(field)?;
        if address.ip().is_loopback() || allow_remote {
            return Ok(address);
        }
        let message = format!(
            "{address} can be reached from other machines, and the listener is protected by its \
             token alone; listen on 127.0.0.1, or set allow_remote = true"
        );
        Err(proxy.error(field, message))
    };
    let (admin_listen, node_listen) = (inner("admin_listen")?, inner("node_listen")?);
    let listeners =
        [("listen", listen), ("admin_listen", admin_listen), ("node_listen", node_listen)];
    for (index, (field, address)) in listeners.iter().enumerate() {
        let twin = listeners[..index].iter().find(|(_, other)| other == address);
        if let Some((other, _)) = twin.filter(|_| address.port() != 0) {
            let message = format!("{address} is already that of {other}; give each its own");
            return Err(proxy.error(field, message));
        }
    }
    match proxy.text("mode")? {
        None | Some("pinned") => {}
        Some("cache") => {
            let message = "\"cache\" is not there yet; \"pinned\" is the only mode".to_owned();
            return Err(proxy.error("mode", message));
        }
        Some(other) => {
            return Err(proxy.error("mode", format!("expected \"pinned\", found {other:?}")));
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = proxy.number("workers", 1, WORKERS_MAX)?;

    let key = top.section("key", &KEY_FIELDS)?;
    let from = key.required_text("from")?;
    let source = KeySource::parse(from).map_err(|message| key.error("from", message))?;

    Ok(Config {
        listen,
        admin_listen,
        admin_token_file: proxy.required_path("admin_token_file")?,
        node_listen,
        node_token_file: proxy.required_path("node_token_file")?,
        store: proxy.required_path("store")?,
        cluster: proxy.path("cluster")?,
        workers: workers.map_or(Ok(cores), |count| usize_of(&proxy, "workers", count))?,
        key: source,
        limits: limits(&top)?,
        moves: moves(&top)?,
    })
}

fn limits(top: &Section<'_>) -> Result<Limits, ConfigError> {
    const COUNT: (u64, u64) = (1, 1_000_000);
    const MS: (u64, u64) = (1, DAY_MS);
    let mut limits = Limits::default();
    let mut sizes: [(&'static str, (u64, u64), &mut usize); 7] = [
        ("connections_max", COUNT, &mut limits.connections_max),
        ("requests_in_flight_max", COUNT, &mut limits.requests_in_flight_max),
        ("parked_max", COUNT, &mut limits.parked_max),
        ("head_bytes_max", (1_024, 1 << 20), &mut limits.head_bytes_max),
        ("replay_bytes_max", (0, 16 << 20), &mut limits.replay_bytes_max),
        ("key_bytes_max", (1, 64 << 10), &mut limits.key_bytes_max),
        ("node_idle_connections_max", (0, 100_000), &mut limits.node_idle_connections_max),
    ];
    let mut numbers: [(&'static str, (u64, u64), &mut u64); 10] = [
        ("park_ms_max", (0, DAY_MS), &mut limits.park_ms_max),
        ("body_bytes_max", (0, u64::MAX >> 1), &mut limits.body_bytes_max),
        ("head_ms_max", MS, &mut limits.head_ms_max),
        ("idle_ms_max", MS, &mut limits.idle_ms_max),
        ("stall_ms_max", MS, &mut limits.stall_ms_max),
        ("connect_ms_max", MS, &mut limits.connect_ms_max),
        ("answer_ms_max", MS, &mut limits.answer_ms_max),
        ("node_idle_ms_max", MS, &mut limits.node_idle_ms_max),
        ("node_connection_age_ms_max", MS, &mut limits.node_connection_age_ms_max),
        ("shutdown_ms_max", (0, DAY_MS), &mut limits.shutdown_ms_max),
    ];
    let names: Vec<&str> = sizes.iter().map(|(name, ..)| *name).collect();
    let names: Vec<&str> =
        names.into_iter().chain(numbers.iter().map(|(name, ..)| *name)).collect();
    let section = top.optional_section("limits", &names)?;
    for (name, (least, most), limit) in &mut sizes {
        if let Some(number) = section.number(name, *least, *most)? {
            **limit = usize_of(&section, name, number)?;
        }
    }
    for (name, (least, most), limit) in &mut numbers {
        if let Some(number) = section.number(name, *least, *most)? {
            **limit = number;
        }
    }
    Ok(limits)
}

fn moves(top: &Section<'_>) -> Result<CoordinatorLimits, ConfigError> {
    const MANY: (u64, u64) = (1, 1_000_000_000);
    const RATE: (u64, u64) = (0, u64::MAX >> 1);
    const BYTES: (u64, u64) = (1, 1 << 40);
    const MS: (u64, u64) = (1, DAY_MS);
    let mut limits = CoordinatorLimits::default();
    let mut sizes: [(&'static str, &mut usize); 2] =
        [("moves_max", &mut limits.moves_max), ("node_moves_max", &mut limits.node_moves_max)];
    let mut rounds_max = u64::from(limits.each.delta_rounds_max);
    let (throttle, each) = (&mut limits.throttle, &mut limits.each);
    let mut numbers: [(&'static str, (u64, u64), &mut u64); 11] = [
        ("rows_per_second_max", RATE, &mut throttle.rows_per_second_max),
        ("bytes_per_second_max", RATE, &mut throttle.bytes_per_second_max),
        ("segment_rows_max", MANY, &mut limits.segment_rows_max),
        ("segment_bytes_max", BYTES, &mut limits.segment_bytes_max),
        ("page_bytes_max", (1, 64 << 20), &mut limits.page_bytes_max),
        ("delta_rows_small", (0, MANY.1), &mut each.delta_rows_small),
        ("delta_rounds_max", (1, 1_000_000), &mut rounds_max),
        ("silence_ms_max", MS, &mut each.silence_ms_max),
        ("pause_ms_max", MS, &mut each.pause_ms_max),
        ("call_retry_ms", MS, &mut each.retry_ms),
        ("retry_ms", MS, &mut limits.retry_ms),
    ];
    let names: Vec<&str> = sizes.iter().map(|(name, _)| *name).collect();
    let names: Vec<&str> =
        names.into_iter().chain(numbers.iter().map(|(name, ..)| *name)).collect();
    let section = top.optional_section("moves", &names)?;
    for (name, limit) in &mut sizes {
        if let Some(number) = section.number(name, 1, 1_000)? {
            **limit = usize_of(&section, name, number)?;
        }
    }
    for (name, (least, most), limit) in &mut numbers {
        if let Some(number) = section.number(name, *least, *most)? {
            **limit = number;
        }
    }
    limits.each.delta_rounds_max = u32::try_from(rounds_max).unwrap_or(u32::MAX);
    Ok(limits)
}

fn usize_of(section: &Section<'_>, field: &str, number: u64) -> Result<usize, ConfigError> {
    usize::try_from(number)
        .map_err(|_| section.error(field, format!("{number} is too large for this machine")))
}

struct Reader<'a> {
    text: &'a str,
    source_name: &'a str,
    directory: &'a Path,
}

/// A table of the file; `None` if it is left out.
struct Section<'a> {
    reader: &'a Reader<'a>,
    name: &'static str,
    table: Option<&'a dyn TableLike>,
}

impl<'a> Section<'a> {
    fn section(&self, name: &'static str, fields: &[&str]) -> Result<Self, ConfigError> {
        let section = self.optional_section(name, fields)?;
        if section.table.is_none() {
            let message = format!("the section is missing; add [{name}]");
            return Err(self.error(name, message));
        }
        Ok(section)
    }

    fn optional_section(&self, name: &'static str, fields: &[&str]) -> Result<Self, ConfigError> {
        let table = match self.item(name) {
            None => None,
            Some(item) => Some(item.as_table_like().ok_or_else(|| {
                self.error(
                    name,
                    format!("expected a table, written [{name}], found {}", found(item)),
                )
            })?),
        };
        let section = Section { reader: self.reader, name, table };
        section.refuse_unknown(fields)?;
        Ok(section)
    }

    fn refuse_unknown(&self, fields: &[&str]) -> Result<(), ConfigError> {
        let mut present = self.table.into_iter().flat_map(TableLike::iter);
        match present.find(|(name, _)| !fields.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let known = fields.join(", ");
                Err(self.error(name, format!("unknown field; the fields here are {known}")))
            }
        }
    }

    fn item(&self, field: &str) -> Option<&'a Item> {
        self.table.and_then(|table| table.get(field))
    }

    fn text(&self, field: &str) -> Result<Option<&'a str>, ConfigError> {
        let Some(item) = self.item(field) else { return Ok(None) };
        match item.as_str() {
            Some("") => Err(self.error(field, "is empty".into())),
            Some(text) => Ok(Some(text)),
            None => {
                let found = found(item);
                Err(self.error(field, format!("expected a text, written in quotes, found {found}")))
            }
        }
    }

    fn required_text(&self, field: &str) -> Result<&'a str, ConfigError> {
        self.text(field)?.ok_or_else(|| self.error(field, "is missing".into()))
    }

    fn path(&self, field: &str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.text(field)?.map(|path| self.reader.directory.join(path)))
    }

    fn required_path(&self, field: &str) -> Result<PathBuf, ConfigError> {
        self.path(field)?.ok_or_else(|| self.error(field, "is missing".into()))
    }

    fn address(&self, field: &str) -> Result<SocketAddr, ConfigError> {
        let text = self.required_text(field)?;
        text.parse().map_err(|_| {
            let message = format!(
                "expected IP:PORT, such as \"127.0.0.1:8080\" or \"[::1]:8080\", found {text:?}"
            );
            self.error(field, message)
        })
    }

    fn boolean(&self, field: &str) -> Result<Option<bool>, ConfigError> {
        let Some(item) = self.item(field) else { return Ok(None) };
        let truth = item.as_bool().ok_or_else(|| {
            self.error(field, format!("expected true or false, found {}", found(item)))
        });
        truth.map(Some)
    }

    fn number(&self, field: &str, least: u64, most: u64) -> Result<Option<u64>, ConfigError> {
        let Some(item) = self.item(field) else { return Ok(None) };
        let number = item.as_integer().and_then(|number| u64::try_from(number).ok());
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let found = found(item);
                let message =
                    format!("expected a whole number from {least} to {most}, found {found}");
                Err(self.error(field, message))
            }
        }
    }

    fn error(&self, field: &str, message: String) -> ConfigError {
        let key = self.table.and_then(|table| table.get_key_value(field));
        let span = key.and_then(|(key, item)| key.span().or_else(|| item.span()));
        let path = match self.name {
            "" => field.to_owned(),
            section => format!("{section}.{field}"),
        };
        ConfigError {
            source_name: self.reader.source_name.into(),
            line: span.map(|span| line_of(self.reader.text, span.start)),
            field: Some(path),
            message,
        }
    }
}

/// The line, from 1, of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// What stands there instead of what was expected.
fn found(item: &Item) -> String {
    match item {
        Item::Value(Value::String(text)) => format!("the text {:?}", text.value()),
        Item::Value(Value::Integer(number)) => number.value().to_string(),
        Item::Value(Value::Boolean(truth)) => truth.value().to_string(),
        Item::Value(other) => format!("a {}", other.type_name()),
        Item::Table(_) => "a table".into(),
        Item::ArrayOfTables(_) => "an array of tables".into(),
        Item::None => "nothing".into(),
    }
}
