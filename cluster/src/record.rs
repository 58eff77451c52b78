//! The records that the store keeps: who owns which positions, under which epoch.
//!
//! They are written by compare-and-swap only. Each is one JSON value under a textual key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The identity of a node's data directory: 128 random bits, made when the directory is created.
///
/// A known name that comes back with another incarnation has lost its disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(u128);

impl Incarnation {
    /// The incarnation of these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadIncarnation;

impl fmt::Display for BadIncarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an incarnation is 32 lower-case hexadecimal digits")
    }
}

impl std::error::Error for BadIncarnation {}

impl FromStr for Incarnation {
    type Err = BadIncarnation;

    fn from_str(text: &str) -> Result<Self, BadIncarnation> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(digit) {
            return Err(BadIncarnation);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| BadIncarnation)
    }
}

impl Serialize for Incarnation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Incarnation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `seg/<id>`: a run of positions, who owns it and under which epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentRecord {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// The owner's name.
    pub owner: String,
    /// The owner's incarnation; absent only while nobody has served a born segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// Grows by one at each decision about ownership, commit or abort.
    pub epoch: u64,
    /// Never falls: a start or takeover of a move adds one.
    pub attempt: u64,
    /// Where the segment stands.
    pub phase: Phase,
}

impl SegmentRecord {
    /// The same positions, to be served by `owner` from empty: when nobody has served them yet, or
    /// when an operator accepts that what was there is lost.
    #[must_use]
    pub fn born_anew(&self, owner: &str) -> Self {
        Self {
            owner: owner.into(),
            incarnation: None,
            epoch: self.epoch.saturating_add(1),
            phase: Phase::Born,
            ..self.clone()
        }
    }
}

/// Where a segment stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nobody has served it under this record: it starts empty.
    Born,
    /// Its owner serves it.
    Idle,
    /// Its owner serves it while its rows are copied to another node.
    Moving {
        /// The destination's name.
        to: String,
        /// The incarnation that the destination must have.
        to_incarnation: Incarnation,
    },
    /// The move is committed: the owner named here has to activate its sealed stage.
    Done,
}

/// `node/<name>`: where a node is reached, and which data directory it must have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRecord {
    /// `host:port` of its data listener.
    pub address: String,
    /// `host:port` of its control listener; empty: it has none, and is a node of level 0.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub control: String,
    /// The level of the node contract that it said it has (spec/NODE.md §7); absent until it was
    /// asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Its data directory's incarnation; absent until it was first reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
}

impl NodeRecord {
    /// The level of the node contract, as far as it is known: 0 without a control listener.
    #[must_use]
    pub const fn known_level(&self) -> Option<u8> {
        if self.control.is_empty() { Some(0) } else { self.level }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// `cfg/<n>`: an immutable target, the text of a cluster file.
///
/// `Debug` leaves out a text that holds a secret.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigRecord {
    /// The cluster file, canonical.
    pub toml: String,
    /// Why it was written, for the audit: `seed`, `add n4`, `apply cluster.toml` ...
    pub reason: String,
    /// Whether an operator accepts that keys of nodes which can't hand them over are lost.
    #[serde(default, skip_serializing_if = "is_false")]
    pub accept_loss: bool,
}

impl fmt::Debug for ConfigRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds_secret = self.toml.lines().any(|line| line.starts_with("key"));
        let toml = if holds_secret { "(holds a key)" } else { &self.toml };
        f.debug_struct("ConfigRecord")
            .field("toml", &toml)
            .field("reason", &self.reason)
            .field("accept_loss", &self.accept_loss)
            .finish()
    }
}

/// The key of a record in the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKey {
    /// `cfg/<n>`.
    Config(u64),
    /// `seg/<id>`.
    Segment(u64),
    /// `node/<name>`.
    Node(String),
    /// `ctl/paused`: present while an operator holds all moves.
    Paused,
    /// `log/<n>`: one line of the audit.
    Log(u64),
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(number) => write!(f, "cfg/{number}"),
            Self::Segment(id) => write!(f, "seg/{id}"),
            Self::Node(name) => write!(f, "node/{name}"),
            Self::Paused => f.write_str("ctl/paused"),
            Self::Log(number) => write!(f, "log/{number}"),
        }
    }
}

/// A text is not the key of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKey(String);

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the key of a record", self.0)
    }
}

impl std::error::Error for BadKey {}

impl FromStr for RecordKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let bad = || BadKey(text.into());
        let (kind, rest) = text.split_once('/').ok_or_else(bad)?;
        let number = |rest: &str| match rest.parse::<u64>() {
            Ok(number) if number.to_string() == rest => Ok(number),
            _ => Err(bad()),
        };
        match kind {
            "cfg" => number(rest).map(Self::Config),
            "seg" => number(rest).map(Self::Segment),
            "log" => number(rest).map(Self::Log),
            "node" if !rest.is_empty() => Ok(Self::Node(rest.into())),
            "ctl" if rest == "paused" => Ok(Self::Paused),
            _ => Err(bad()),
        }
    }
}

impl Serialize for RecordKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The value of a record; its kind follows from its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// Under `cfg/<n>`.
    Config(ConfigRecord),
    /// Under `seg/<id>`.
    Segment(SegmentRecord),
    /// Under `node/<name>`.
    Node(NodeRecord),
    /// Under `ctl/paused`: why.
    Paused(String),
    /// Under `log/<n>`: what was done.
    Log(String),
}

impl Record {
    /// The record's JSON text.
    ///
    /// # Panics
    /// Never: records hold only texts and numbers, which JSON can hold.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = match self {
            Self::Config(record) => serde_json::to_string(record),
            Self::Segment(record) => serde_json::to_string(record),
            Self::Node(record) => serde_json::to_string(record),
            Self::Paused(text) | Self::Log(text) => serde_json::to_string(text),
        };
        text.expect("records hold only texts and numbers, which JSON can hold")
    }

    /// Whether the key is one for records of this kind.
    #[must_use]
    pub const fn fits(&self, key: &RecordKey) -> bool {
        matches!(
            (self, key),
            (Self::Config(_), RecordKey::Config(_))
                | (Self::Segment(_), RecordKey::Segment(_))
                | (Self::Node(_), RecordKey::Node(_))
                | (Self::Paused(_), RecordKey::Paused)
                | (Self::Log(_), RecordKey::Log(_))
        )
    }

    /// Reads the record of that key.
    ///
    /// # Errors
    /// What does not fit a record of the key's kind, as a text.
    pub fn from_json(key: &RecordKey, json: &str) -> Result<Self, String> {
        let record = match key {
            RecordKey::Config(_) => serde_json::from_str(json).map(Self::Config),
            RecordKey::Segment(_) => serde_json::from_str(json).map(Self::Segment),
            RecordKey::Node(_) => serde_json::from_str(json).map(Self::Node),
            RecordKey::Paused => serde_json::from_str(json).map(Self::Paused),
            RecordKey::Log(_) => serde_json::from_str(json).map(Self::Log),
        };
        record.map_err(|error| format!("{key}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        for text in ["cfg/0", "seg/18446744073709551615", "node/a/b c", "ctl/paused", "log/7"] {
            let key: RecordKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
        }
        for text in ["", "cfg", "cfg/", "cfg/01", "cfg/-1", "node/", "ctl/other", "x/1"] {
            assert!(text.parse::<RecordKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn segments_read_back() {
        for phase in [
            Phase::Born,
            Phase::Idle,
            Phase::Done,
            Phase::Moving { to: "b".into(), to_incarnation: Incarnation::from_bits(7) },
        ] {
            let record = Record::Segment(SegmentRecord {
                lo: 0,
                hi: u64::MAX,
                owner: "a".into(),
                incarnation: None,
                epoch: 3,
                attempt: 4,
                phase,
            });
            let key = RecordKey::Segment(1);
            assert_eq!(Record::from_json(&key, &record.to_json()), Ok(record));
        }
        assert!(Record::from_json(&RecordKey::Segment(1), "{}").is_err());
    }
}
