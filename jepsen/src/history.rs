//! What clients asked and were told: operations with their times, on keys of three kinds.

use std::fmt;

/// A key of the store. Each has a history of its own, which is checked alone: linearizability is a
/// property of single objects, and a set of objects has it if each of them does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// Read, written and deleted by everybody.
    Register(u32),
    /// Counted up by compare-and-set on the version.
    Counter(u32),
    /// An element of a client's set: written once, never changed.
    Element { client: u32, number: u32 },
}

impl Key {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Register(_) => "registers",
            Self::Counter(_) => "counters",
            Self::Element { .. } => "sets",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(number) => write!(f, "r/{number}"),
            Self::Counter(number) => write!(f, "c/{number}"),
            Self::Element { client, number } => write!(f, "s/{client}/{number}"),
        }
    }
}

/// What a row holds: a count, and a number that no other write of the run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Value {
    pub(crate) count: u64,
    pub(crate) id: u64,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}.{}", self.count, self.id >> 40, self.id & 0xff_ffff_ffff)
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Read,
    Write(Value),
    Delete,
    /// `If-Match` of that version.
    Swap(u64, Value),
    /// `If-None-Match: *`.
    Create(Value),
}

impl Ask {
    pub(crate) const fn value(self) -> Option<Value> {
        match self {
            Self::Write(value) | Self::Swap(_, value) | Self::Create(value) => Some(value),
            Self::Read | Self::Delete => None,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// 200: the value and its version.
    Found(Value, u64),
    /// 404.
    Absent,
    /// 201 or 204: the version that the write has.
    Written(u64),
    /// 204.
    Deleted,
    /// 412: the precondition did not hold.
    Unmet,
    /// There was no connection.
    Unsent,
    /// 503: not executed, by contract.
    Refused,
    /// 504, or no answer: executed once, or never.
    Unknown,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) key: Key,
    pub(crate) ask: Ask,
    pub(crate) told: Told,
    /// Microseconds since the run began: before the first byte was sent.
    pub(crate) start_us: u64,
    /// After the last byte was received.
    pub(crate) end_us: u64,
    pub(crate) client: u32,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.start_us, self.end_us);
        write!(
            f,
            "{:>5}.{:06} {:>5}.{:06} client {:<3} {:<9} ",
            start / 1_000_000,
            start % 1_000_000,
            end / 1_000_000,
            end % 1_000_000,
            self.client,
            self.key.to_string(),
        )?;
        match self.ask {
            Ask::Read => write!(f, "read"),
            Ask::Write(value) => write!(f, "write {value}"),
            Ask::Delete => write!(f, "delete"),
            Ask::Swap(version, value) => write!(f, "swap \"{version}\" for {value}"),
            Ask::Create(value) => write!(f, "create {value}"),
        }?;
        match self.told {
            Told::Found(value, version) => write!(f, " -> {value} \"{version}\""),
            Told::Absent => write!(f, " -> absent"),
            Told::Written(version) => write!(f, " -> \"{version}\""),
            Told::Deleted => write!(f, " -> deleted"),
            Told::Unmet => write!(f, " -> precondition failed"),
            Told::Unsent => write!(f, " -> no connection"),
            Told::Refused => write!(f, " -> refused"),
            Told::Unknown => write!(f, " -> unknown"),
        }
    }
}
