//! Nodes as the placements see them.

/// A node as the placements see it: a name, a weight, a zone and a state.
///
/// The name is the identity and is what is hashed; addresses are the caller's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    name: &'a [u8],
    weight: u32,
    zone: Option<&'a [u8]>,
    state: State,
}

impl<'a> Node<'a> {
    /// A node with weight 1, no zone, up.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Self::from_bytes(name.as_bytes())
    }

    /// A node whose name is any bytes.
    #[must_use]
    pub const fn from_bytes(name: &'a [u8]) -> Self {
        Self { name, weight: 1, zone: None, state: State::Up }
    }

    /// The same node with another weight; 0 owns nothing.
    #[must_use]
    pub const fn with_weight(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// The same node in a zone; replicas go to different zones first.
    #[must_use]
    pub const fn with_zone(self, zone: &'a [u8]) -> Self {
        Self { zone: Some(zone), ..self }
    }

    /// The same node in another state.
    #[must_use]
    pub const fn with_state(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// The name, 1 to 1,024 bytes.
    #[must_use]
    pub const fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The weight: how many shares of the keys this node takes.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// The zone; `None` is a zone of its own.
    #[must_use]
    pub const fn zone(&self) -> Option<&'a [u8]> {
        self.zone
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The weight that counts: 0 while the node is drained (SPEC §4).
    #[must_use]
    pub const fn effective_weight(&self) -> u32 {
        match self.state {
            State::Drain => 0,
            State::Up | State::Down => self.weight,
        }
    }
}

/// Whether a node may own keys, and whether it answers.
///
/// Complete: a fourth state would change what every proxy does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Owns and answers.
    #[default]
    Up,
    /// Owns but does not answer; native layouts keep its keys where they are.
    Down,
    /// Counts as weight 0.
    Drain,
}

impl State {
    /// The state of that name in a cluster file: `up`, `down`, `drain`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "up" => Some(Self::Up),
            "down" => Some(Self::Down),
            "drain" => Some(Self::Drain),
            _ => None,
        }
    }

    /// The name in a cluster file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Drain => "drain",
        }
    }
}

/// The position of a node in the list that a table was built from.
///
/// A `u16` holds it: a table has at most 65,536 nodes and none is a sentinel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(u16);

impl NodeIndex {
    /// The index of that number.
    #[must_use]
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The index of a number that is known to be below 65,536.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "callers count nodes, at most 65,536")]
    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number as u16)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0 as u32
    }

    /// The number as it is held.
    pub(crate) const fn number(self) -> u16 {
        self.0
    }

    /// The number, to index a slice with.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }

    /// What the index is once the node of the index `removed`, another one, is gone.
    #[cfg(feature = "alloc")]
    pub(crate) const fn without(self, removed: Self) -> Self {
        if self.0 > removed.0 { Self(self.0 - 1) } else { self }
    }
}
