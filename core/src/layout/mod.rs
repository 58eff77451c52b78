//! Layouts: named mappings that never change once released.

#[cfg(feature = "compat")]
pub(crate) mod compat;
mod hash_tag;
mod names;
#[cfg(feature = "alloc")]
mod removed;
pub(crate) mod sip_key;

#[cfg(feature = "compat")]
pub use self::compat::{Compat, Program};
pub(crate) use self::names::write_names;
#[cfg(feature = "alloc")]
pub use self::removed::Removed;
pub use self::{hash_tag::HashTag, sip_key::SipKey};
use self::{
    names::{COMPAT_NAMES, NAMES},
    sip_key::Secret,
};
#[cfg(feature = "alloc")]
use crate::node::Fields;
use crate::{BuildError, Node, NodeIndex, check, key_hash, memory::at_least};

/// At most this many nodes in a table (SPEC §8).
pub(crate) const NODES_MAX: usize = 65_536;
/// At most this many points on a ring (SPEC §8).
pub(crate) const POINTS_MAX: u64 = 1 << 24;
/// At most this many bytes in a name or zone (SPEC §8).
pub(crate) const TEXT_BYTES_MAX: usize = 1_024;

/// One never-changing mapping from keys to nodes, named in configuration files.
///
/// A fix that would move a key is a new variant, never an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `ringway-v1`, the default: a ring of 32-bit positions under XXH3 (SPEC §4).
    RingwayV1 {
        /// Points for each unit of weight, 1 to 65,536; 160 unless told.
        vnodes: u32,
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// `jump-v1`: Lamping and Veach's jump hash; the place in the list is the identity (SPEC §11).
    JumpV1 {
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// `jumpback-v1`: Ertl's `JumpBackHash`; the place in the list is the identity (SPEC §12).
    JumpbackV1 {
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// `rendezvous-v1`: the best of all nodes' scores owns (SPEC §13).
    RendezvousV1 {
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// `maglev-v1`: a table of entries that the nodes fill in turns (SPEC §14).
    MaglevV1 {
        /// How many entries, a prime number up to 16,777,213; 65,537 unless told.
        table_size: u32,
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// `balanced-v1`: slots that go to the best score with room (SPEC §15).
    BalancedV1 {
        /// How many slots, a power of two from 2^8 to 2^24; 65,536 unless told.
        slots: u32,
        /// How much of its share a node has room for, in thousandths, 1,000 to 65,535; 1,050
        /// unless told.
        room_permille: u32,
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// `ringway-keyed-v1`: the ring under a secret hash, for keys and names that others choose
    /// (SPEC §16).
    RingwayKeyedV1 {
        /// Points for each unit of weight, 1 to 65,536; 160 unless told.
        vnodes: u32,
        /// The secret; a table needs one.
        key: Option<SipKey>,
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// `memento-v1`: jump, with removal of any node; the place in the list is the identity
    /// (SPEC §17). Without an allocator there is `Memento` alone.
    #[cfg(feature = "alloc")]
    MementoV1 {
        /// The places of the nodes that were removed, in the order of removal; none unless told.
        removed: Removed,
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
    /// A deployed program's mapping, bit for bit (`docs/layouts.md`).
    #[cfg(feature = "compat")]
    Compat(Compat),
}

impl Layout {
    /// `ringway-v1` with its defaults.
    #[must_use]
    pub const fn ringway_v1() -> Self {
        Self::RingwayV1 { vnodes: 160, hash_tag: None }
    }

    /// `jump-v1` with its defaults.
    #[must_use]
    pub const fn jump_v1() -> Self {
        Self::JumpV1 { hash_tag: None }
    }

    /// `jumpback-v1` with its defaults.
    #[must_use]
    pub const fn jumpback_v1() -> Self {
        Self::JumpbackV1 { hash_tag: None }
    }

    /// `rendezvous-v1` with its defaults.
    #[must_use]
    pub const fn rendezvous_v1() -> Self {
        Self::RendezvousV1 { hash_tag: None }
    }

    /// `maglev-v1` with its defaults.
    #[must_use]
    pub const fn maglev_v1() -> Self {
        Self::MaglevV1 { table_size: TABLE_SIZE, hash_tag: None }
    }

    /// `balanced-v1` with its defaults.
    #[must_use]
    pub const fn balanced_v1() -> Self {
        Self::BalancedV1 { slots: SLOTS, room_permille: ROOM_PERMILLE, hash_tag: None }
    }

    /// `ringway-keyed-v1` under that secret.
    #[must_use]
    pub const fn ringway_keyed_v1(key: SipKey) -> Self {
        Self::RingwayKeyedV1 { vnodes: 160, key: Some(key), hash_tag: None }
    }

    /// `memento-v1` with its defaults.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn memento_v1() -> Self {
        Self::MementoV1 { removed: Removed::none(), hash_tag: None }
    }

    /// A deployed program's mapping with its defaults.
    #[cfg(feature = "compat")]
    #[must_use]
    pub const fn compat(program: Program) -> Self {
        Self::Compat(Compat::new(program))
    }

    /// The layout of that name, with its defaults.
    ///
    /// # Errors
    /// [`BuildError::UnknownLayout`], whose text lists the names.
    pub fn from_name(name: &str) -> Result<Self, BuildError> {
        match name {
            "ringway-v1" => Ok(Self::ringway_v1()),
            "jump-v1" => Ok(Self::jump_v1()),
            "jumpback-v1" => Ok(Self::jumpback_v1()),
            "rendezvous-v1" => Ok(Self::rendezvous_v1()),
            "maglev-v1" => Ok(Self::maglev_v1()),
            "balanced-v1" => Ok(Self::balanced_v1()),
            "ringway-keyed-v1" => {
                Ok(Self::RingwayKeyedV1 { vnodes: 160, key: None, hash_tag: None })
            }
            #[cfg(feature = "alloc")]
            "memento-v1" => Ok(Self::memento_v1()),
            #[cfg(feature = "compat")]
            _ => Program::from_name(name).map(Self::compat).ok_or(BuildError::UnknownLayout),
            #[cfg(not(feature = "compat"))]
            _ if COMPAT_NAMES.contains(&name) => Err(BuildError::WithoutCompat),
            #[cfg(not(feature = "compat"))]
            _ => Err(BuildError::UnknownLayout),
        }
    }

    /// The name in configuration files, C and Python.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RingwayV1 { .. } => "ringway-v1",
            Self::JumpV1 { .. } => "jump-v1",
            Self::JumpbackV1 { .. } => "jumpback-v1",
            Self::RendezvousV1 { .. } => "rendezvous-v1",
            Self::MaglevV1 { .. } => "maglev-v1",
            Self::BalancedV1 { .. } => "balanced-v1",
            Self::RingwayKeyedV1 { .. } => "ringway-keyed-v1",
            #[cfg(feature = "alloc")]
            Self::MementoV1 { .. } => "memento-v1",
            #[cfg(feature = "compat")]
            Self::Compat(compat) => compat.program().name(),
        }
    }

    /// The native layouts' names, in the order of the SPEC.
    #[must_use]
    pub const fn names() -> &'static [&'static str] {
        NAMES
    }

    /// The names of deployed programs' layouts, in the order of `docs/layouts.md`, also in a build
    /// without them.
    #[must_use]
    pub const fn compat_names() -> &'static [&'static str] {
        &COMPAT_NAMES
    }

    /// Whether it is a deployed program's.
    #[must_use]
    pub const fn is_compat(&self) -> bool {
        match self {
            #[cfg(feature = "compat")]
            Self::Compat(_) => true,
            _ => false,
        }
    }

    /// The names of the options that this layout has.
    #[must_use]
    pub const fn option_names(&self) -> &'static [&'static str] {
        match self {
            Self::RingwayV1 { .. } => &["vnodes", "hash_tag"],
            Self::JumpV1 { .. } | Self::JumpbackV1 { .. } | Self::RendezvousV1 { .. } => {
                &["hash_tag"]
            }
            Self::MaglevV1 { .. } => &["table_size", "hash_tag"],
            Self::BalancedV1 { .. } => &["slots", "room_permille", "hash_tag"],
            Self::RingwayKeyedV1 { .. } => &["vnodes", "key", "hash_tag"],
            #[cfg(feature = "alloc")]
            Self::MementoV1 { .. } => &["removed", "hash_tag"],
            #[cfg(feature = "compat")]
            Self::Compat(compat) => compat.program().option_names(),
        }
    }

    /// The same layout with one option set.
    ///
    /// # Errors
    /// [`BuildError::UnknownOption`] if the layout has no such option,
    /// [`BuildError::BadOption`] if the value is of the wrong type or out of range.
    pub fn with_option(mut self, name: &str, value: OptionValue<'_>) -> Result<Self, BuildError> {
        match (&mut self, name) {
            #[cfg(feature = "compat")]
            (Self::Compat(compat), name) => *compat = compat.with_option(name, value)?,
            (_, "hash_tag") => {
                if let Some(hash_tag) = self.hash_tag_mut() {
                    *hash_tag = Some(HashTag::from_option(value)?);
                }
            }
            (Self::RingwayV1 { vnodes, .. } | Self::RingwayKeyedV1 { vnodes, .. }, "vnodes") => {
                *vnodes = whole_number(value, VNODES, is_vnodes)?;
            }
            (Self::RingwayKeyedV1 { key, .. }, "key") => *key = Some(SipKey::from_option(value)?),
            (Self::MaglevV1 { table_size, .. }, "table_size") => {
                *table_size = whole_number(value, TABLE_SIZES, is_table_size)?;
            }
            (Self::BalancedV1 { slots, .. }, "slots") => {
                *slots = whole_number(value, SLOT_COUNTS, is_slot_count)?;
            }
            (Self::BalancedV1 { room_permille, .. }, "room_permille") => {
                *room_permille = whole_number(value, ROOMS, is_room_permille)?;
            }
            #[cfg(feature = "alloc")]
            (Self::MementoV1 { removed, .. }, "removed") => *removed = Removed::from_option(value)?,
            _ => return Err(BuildError::UnknownOption),
        }
        Ok(self)
    }

    /// The options that differ from the defaults, in a fixed order; a secret is among them.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, OptionValue<'_>)> {
        #[cfg(feature = "compat")]
        let compat = match self {
            Self::Compat(compat) => Some(compat.options()),
            _ => None,
        };
        #[cfg(not(feature = "compat"))]
        let compat = None::<core::iter::Empty<_>>;
        let native = if self.is_compat() { [None, None, None] } else { self.native_options() };
        native.into_iter().flatten().chain(compat.into_iter().flatten())
    }

    fn native_options(&self) -> [Option<(&'static str, OptionValue<'_>)>; 3] {
        let changed = |name, value: u32, default: u32| {
            (value != default).then(|| (name, OptionValue::Integer(i64::from(value))))
        };
        let [first, second] = match self {
            Self::RingwayV1 { vnodes, .. } => [changed("vnodes", *vnodes, 160), None],
            Self::JumpV1 { .. } | Self::JumpbackV1 { .. } | Self::RendezvousV1 { .. } => {
                [None, None]
            }
            Self::MaglevV1 { table_size, .. } => {
                [changed("table_size", *table_size, TABLE_SIZE), None]
            }
            Self::BalancedV1 { slots, room_permille, .. } => [
                changed("slots", *slots, SLOTS),
                changed("room_permille", *room_permille, ROOM_PERMILLE),
            ],
            Self::RingwayKeyedV1 { vnodes, key, .. } => [
                changed("vnodes", *vnodes, 160),
                key.as_ref().map(|key| ("key", OptionValue::Text(key.expose_hex()))),
            ],
            #[cfg(feature = "alloc")]
            Self::MementoV1 { removed, .. } => {
                let places = removed.places();
                [(!places.is_empty()).then_some(("removed", OptionValue::List(places))), None]
            }
            #[cfg(feature = "compat")]
            Self::Compat(_) => [None, None],
        };
        let hash_tag = self.hash_tag().map(|tag| ("hash_tag", OptionValue::Text(tag.as_str())));
        [first, second, hash_tag]
    }

    /// Which part of a key is hashed; `None` is all of it.
    #[must_use]
    pub const fn hash_tag(&self) -> Option<&HashTag> {
        match self {
            Self::RingwayV1 { hash_tag, .. }
            | Self::JumpV1 { hash_tag }
            | Self::JumpbackV1 { hash_tag }
            | Self::RendezvousV1 { hash_tag }
            | Self::MaglevV1 { hash_tag, .. }
            | Self::BalancedV1 { hash_tag, .. }
            | Self::RingwayKeyedV1 { hash_tag, .. } => hash_tag.as_ref(),
            #[cfg(feature = "alloc")]
            Self::MementoV1 { hash_tag, .. } => hash_tag.as_ref(),
            #[cfg(feature = "compat")]
            Self::Compat(compat) => compat.hash_tag(),
        }
    }

    /// The option `hash_tag` of a native layout.
    const fn hash_tag_mut(&mut self) -> Option<&mut Option<HashTag>> {
        match self {
            Self::RingwayV1 { hash_tag, .. }
            | Self::JumpV1 { hash_tag }
            | Self::JumpbackV1 { hash_tag }
            | Self::RendezvousV1 { hash_tag }
            | Self::MaglevV1 { hash_tag, .. }
            | Self::BalancedV1 { hash_tag, .. }
            | Self::RingwayKeyedV1 { hash_tag, .. } => Some(hash_tag),
            #[cfg(feature = "alloc")]
            Self::MementoV1 { hash_tag, .. } => Some(hash_tag),
            #[cfg(feature = "compat")]
            Self::Compat(_) => None,
        }
    }

    /// The removed nodes, in `memento-v1`.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn removed(&self) -> Option<&Removed> {
        match self {
            Self::MementoV1 { removed, .. } => Some(removed),
            _ => None,
        }
    }

    /// The secret under which keys are hashed, in `ringway-keyed-v1`.
    #[must_use]
    pub const fn sip_key(&self) -> Option<&SipKey> {
        match self {
            Self::RingwayKeyedV1 { key, .. } => key.as_ref(),
            _ => None,
        }
    }

    /// The bytes of `key` that are hashed: what stands between the hash tag's characters, or all.
    #[inline]
    #[must_use]
    pub fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        match self.hash_tag() {
            None => key,
            Some(tag) => tag.hashed_part(key),
        }
    }

    /// Whether a node's weight may have decimals: [`Node::with_weight_millionths`](crate::Node::with_weight_millionths).
    #[must_use]
    pub const fn takes_fractions(&self) -> bool {
        match self {
            #[cfg(feature = "compat")]
            Self::Compat(compat) => compat.program().reads().fractions,
            _ => false,
        }
    }

    /// What the layout reads of a node beside name, weight, zone and state.
    #[cfg(feature = "alloc")]
    #[cfg_attr(not(feature = "compat"), allow(unused_variables, reason = "no layout reads any"))]
    pub(crate) fn read_fields<'a>(&self, node: &Node<'a>) -> Fields<'a> {
        match self {
            #[cfg(feature = "compat")]
            Self::Compat(compat) => compat.read_fields(node.fields()),
            _ => Fields::default(),
        }
    }

    /// The hash of `key` in the native layouts.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn hash_key(&self, key: &[u8]) -> u64 {
        hash_key(self.hash_tag(), self.sip_key().map(SipKey::secret), key)
    }

    /// Checks nodes as every build in this layout does, in the order of SPEC §8.
    ///
    /// For placements that are built without their nodes: [`Buckets`](crate::Buckets). `scratch`
    /// must have an element for each node; it is free again afterwards.
    ///
    /// # Complexity
    /// O(nodes · log nodes) comparisons of names.
    ///
    /// # Errors
    /// [`BuildError::StorageTooSmall`] if `scratch` has too few elements; the others are the options'
    /// and the nodes' faults.
    pub fn check_nodes(
        &self,
        nodes: &[Node<'_>],
        scratch: &mut [NodeIndex],
    ) -> Result<(), BuildError> {
        self.check()?;
        check::texts(nodes)?;
        let by_name = at_least(nodes.len(), scratch)?;
        for (slot, index) in by_name.iter_mut().zip(0..=u16::MAX) {
            *slot = NodeIndex::new(index);
        }
        check::names(nodes, by_name, NodeIndex::as_usize)?;
        match self {
            Self::JumpV1 { .. } | Self::JumpbackV1 { .. } => check::unweighted(nodes),
            #[cfg(feature = "alloc")]
            Self::MementoV1 { removed, .. } => {
                check::unweighted(nodes)?;
                removed.check(nodes.len())
            }
            Self::RingwayV1 { vnodes, .. } | Self::RingwayKeyedV1 { vnodes, .. } => {
                check::points(check::point_count(nodes, *vnodes)).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// That the options are in their ranges, which the variant's fields do not promise, and that
    /// none is missing.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let (is_good, expected) = match self {
            Self::RingwayV1 { vnodes, .. } | Self::RingwayKeyedV1 { vnodes, .. } => {
                (is_vnodes(*vnodes), VNODES)
            }
            Self::MaglevV1 { table_size, .. } => (is_table_size(*table_size), TABLE_SIZES),
            Self::BalancedV1 { slots, .. } if !is_slot_count(*slots) => (false, SLOT_COUNTS),
            Self::BalancedV1 { room_permille, .. } => (is_room_permille(*room_permille), ROOMS),
            Self::JumpV1 { .. } | Self::JumpbackV1 { .. } | Self::RendezvousV1 { .. } => (true, ""),
            #[cfg(feature = "compat")]
            Self::Compat(_) => (true, ""),
            // What may be removed depends on the nodes.
            #[cfg(feature = "alloc")]
            Self::MementoV1 { .. } => (true, ""),
        };
        match self {
            _ if !is_good => Err(BuildError::BadOption { expected }),
            Self::RingwayKeyedV1 { key: None, .. } => {
                Err(BuildError::MissingOption { name: "key" })
            }
            #[cfg(feature = "compat")]
            Self::Compat(compat) => match compat.missing() {
                Some(name) => Err(BuildError::MissingOption { name }),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// The hash of `key` under a hash tag and a secret, where there are such.
#[inline]
pub(crate) fn hash_key(tag: Option<&HashTag>, secret: Option<&Secret>, key: &[u8]) -> u64 {
    match (tag, secret) {
        (None, None) => key_hash(key),
        _ => hash_part(tag, secret, key),
    }
}

/// Kept out of the way of lookups that hash all of a key.
#[inline(never)]
fn hash_part(tag: Option<&HashTag>, secret: Option<&Secret>, key: &[u8]) -> u64 {
    let part = tag.map_or(key, |tag| tag.hashed_part(key));
    secret.map_or_else(|| key_hash(part), |secret| secret.hash(part))
}

/// That this is a size of a table of `maglev-v1`.
pub(crate) const fn check_table_size(size: u32) -> Result<(), BuildError> {
    if is_table_size(size) { Ok(()) } else { Err(BuildError::BadOption { expected: TABLE_SIZES }) }
}

/// That these are options of `balanced-v1`; the number of slots.
pub(crate) fn check_slots(slots: usize, room_permille: u32) -> Result<u32, BuildError> {
    let slots = u32::try_from(slots).ok().filter(|&slots| is_slot_count(slots));
    let slots = slots.ok_or(BuildError::BadOption { expected: SLOT_COUNTS })?;
    if is_room_permille(room_permille) {
        Ok(slots)
    } else {
        Err(BuildError::BadOption { expected: ROOMS })
    }
}

const VNODES: &str = "a whole number from 1 to 65536";
const TABLE_SIZES: &str = "a prime number from 2 to 16777213";
const SLOT_COUNTS: &str = "a power of two from 256 to 16777216";
const ROOMS: &str = "a whole number from 1000 to 65535";
const TABLE_SIZE: u32 = 65_537;
const SLOTS: u32 = 65_536;
const ROOM_PERMILLE: u32 = 1_050;

/// The value as a number that `is_good`; the error says what is `expected`.
fn whole_number(
    value: OptionValue<'_>,
    expected: &'static str,
    is_good: impl Fn(u32) -> bool,
) -> Result<u32, BuildError> {
    let number = match value {
        OptionValue::Integer(number) => u32::try_from(number).ok(),
        _ => None,
    };
    number.filter(|&number| is_good(number)).ok_or(BuildError::BadOption { expected })
}

const fn is_vnodes(number: u32) -> bool {
    matches!(number, 1..=65_536)
}

/// A power of two from 2^8 to 2^24.
const fn is_slot_count(number: u32) -> bool {
    number.is_power_of_two() && number >= 256 && number as u64 <= POINTS_MAX
}

const fn is_room_permille(number: u32) -> bool {
    matches!(number, 1_000..=65_535)
}

/// A prime number up to 2^24.
const fn is_table_size(number: u32) -> bool {
    if number < 2 || number as u64 > POINTS_MAX {
        return false;
    }
    let mut divisor = 2;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            return false;
        }
        divisor += 1;
    }
    true
}

impl Default for Layout {
    fn default() -> Self {
        Self::ringway_v1()
    }
}

/// The value of a layout's option, as a configuration file gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionValue<'a> {
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(&'a str),
    /// True or false.
    Boolean(bool),
    /// A list of whole numbers. No option takes `u32::MAX` in one, so that what does not fit may be
    /// given as that.
    List(&'a [u32]),
}
