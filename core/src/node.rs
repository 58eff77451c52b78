//! Nodes as the placements see them.

use crate::{BuildError, check};

/// A node as the placements see it: a name, a weight, a zone and a state.
///
/// The name is the identity and is what is hashed; addresses are the caller's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    name: &'a [u8],
    weight: u32,
    zone: Option<&'a [u8]>,
    state: State,
    #[cfg(feature = "alloc")]
    fields: Fields<'a>,
}

/// What only some deployed programs' layouts read of a node.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    /// What the weight is above a whole number, in millionths: below a million.
    pub(crate) millionths: u32,
    pub(crate) address: Option<&'a str>,
    pub(crate) hash_text: Option<&'a [u8]>,
    pub(crate) id: Option<u32>,
    pub(crate) guid: Option<&'a [u8]>,
    pub(crate) vnodes: Option<u32>,
    pub(crate) tokens: Option<&'a [i64]>,
}

#[cfg(feature = "alloc")]
impl Fields<'_> {
    const NONE: Self = Self {
        millionths: 0,
        address: None,
        hash_text: None,
        id: None,
        guid: None,
        vnodes: None,
        tokens: None,
    };
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
        Self {
            name,
            weight: 1,
            zone: None,
            state: State::Up,
            #[cfg(feature = "alloc")]
            fields: Fields::NONE,
        }
    }

    /// The same node with another weight; 0 owns nothing.
    #[must_use]
    pub const fn with_weight(self, weight: u32) -> Self {
        Self {
            weight,
            #[cfg(feature = "alloc")]
            fields: Fields { millionths: 0, ..self.fields },
            ..self
        }
    }

    /// The same node with a weight in millionths, up to 2^32 - 1 millions of them.
    ///
    /// `ats-parent` and `varnish-shard` take such weights; to other layouts a part of a whole is an
    /// error. A greater number counts as the greatest.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "below 2^32, and below a million")]
    #[cfg(feature = "alloc")]
    pub const fn with_weight_millionths(self, millionths: u64) -> Self {
        const MAX: u64 = u32::MAX as u64 * MILLION;
        let millionths = if millionths > MAX { MAX } else { millionths };
        let weight = (millionths / MILLION) as u32;
        let rest = (millionths % MILLION) as u32;
        Self { weight, fields: Fields { millionths: rest, ..self.fields }, ..self }
    }

    /// The same node at that address, `ip:port`, which `haproxy-consistent` can be told to hash.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn with_address(self, address: &'a str) -> Self {
        Self { fields: Fields { address: Some(address), ..self.fields }, ..self }
    }

    /// The same node with a text that is hashed instead of its name: `spymemcached-ketama`,
    /// `varnish-shard` (`ident`), `ats-parent` (`&hash_string`).
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn with_hash_text(self, text: &'a [u8]) -> Self {
        Self { fields: Fields { hash_text: Some(text), ..self.fields }, ..self }
    }

    /// The same node with that `id`, which `haproxy-consistent` hashes.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn with_id(self, id: u32) -> Self {
        Self { fields: Fields { id: Some(id), ..self.fields }, ..self }
    }

    /// The same node with that `guid`, which `haproxy-consistent` can be told to hash.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn with_guid(self, guid: &'a [u8]) -> Self {
        Self { fields: Fields { guid: Some(guid), ..self.fields }, ..self }
    }

    /// The same node with a number of points of its own, in `npm-hashring`.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn with_vnodes(self, vnodes: u32) -> Self {
        Self { fields: Fields { vnodes: Some(vnodes), ..self.fields }, ..self }
    }

    /// The same node with those tokens, in `cassandra-token`.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn with_tokens(self, tokens: &'a [i64]) -> Self {
        Self { fields: Fields { tokens: Some(tokens), ..self.fields }, ..self }
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn with_fields(self, fields: Fields<'a>) -> Self {
        Self { fields, ..self }
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

    /// The weight: how many shares of the keys this node takes. A part of a whole is left out.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// The weight in millionths, none left out.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn weight_millionths(&self) -> u64 {
        self.weight as u64 * MILLION + self.fields.millionths as u64
    }

    /// The address, if it was given.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn address(&self) -> Option<&'a str> {
        self.fields.address
    }

    /// The text that is hashed instead of the name, if it was given.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn hash_text(&self) -> Option<&'a [u8]> {
        self.fields.hash_text
    }

    /// The `id`, if it was given.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn id(&self) -> Option<u32> {
        self.fields.id
    }

    /// The `guid`, if it was given.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn guid(&self) -> Option<&'a [u8]> {
        self.fields.guid
    }

    /// The number of points of its own, if it was given.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn vnodes(&self) -> Option<u32> {
        self.fields.vnodes
    }

    /// The tokens; none unless given.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub const fn tokens(&self) -> &'a [i64] {
        match self.fields.tokens {
            Some(tokens) => tokens,
            None => &[],
        }
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn fields(&self) -> &Fields<'a> {
        &self.fields
    }

    /// The weight as the nearest number in double precision to its decimals.
    #[cfg(feature = "compat")]
    pub(crate) fn weight_f64(&self) -> f64 {
        // Both are exact, so the quotient is rounded once, as a decimal that is read.
        self.weight_millionths() as f64 / MILLION as f64
    }

    /// The zone; `None` is a zone of its own.
    #[must_use]
    pub const fn zone(&self) -> Option<&'a [u8]> {
        self.zone
    }

    /// That its texts have 1 to 1,024 bytes each. Every build checks that; this is for who has to
    /// know before there is memory for one.
    ///
    /// # Errors
    /// [`BuildError::BadText`] about a node of that index.
    pub fn check_texts(&self, index: usize) -> Result<(), BuildError> {
        check::node_texts(index, self)
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

#[cfg(feature = "alloc")]
const MILLION: u64 = 1_000_000;

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
