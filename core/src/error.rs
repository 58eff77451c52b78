//! What can be wrong with a list of nodes or a layout.

use core::fmt;

use crate::State;

/// Why a ring or a table could not be built or changed.
///
/// [`name`](Self::name) is the same in every language and in the shared vectors (SPEC §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// More than 65,536 nodes.
    TooManyNodes {
        /// How many there are.
        count: usize,
    },
    /// A name, a zone or another text of 0 or more than 1,024 bytes.
    BadText {
        /// The index of the node.
        index: usize,
        /// Which text: `"name"`, `"zone"`, or a field of some layouts.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// Two nodes of one name.
    DuplicateName {
        /// The index of the first.
        first: usize,
        /// The index of the second.
        second: usize,
    },
    /// More than 2^24 points in all.
    TooManyPoints {
        /// How many the layout asks for.
        points: u64,
    },
    /// The caller's memory is too small.
    StorageTooSmall {
        /// How many elements it must have.
        needed: usize,
        /// How many it has.
        available: usize,
    },
    /// No node of that name to change.
    NoSuchNode,
    /// The layout takes no weight but 1: the place in the list is the identity.
    WeightUnsupported {
        /// The index of the node.
        index: usize,
        /// Its weight.
        weight: u32,
    },
    /// The layout cannot drain a node: the place in the list is the identity.
    DrainUnsupported {
        /// The index of the node.
        index: usize,
    },
    /// A weight that is no whole number, in a layout that takes only these.
    FractionUnsupported {
        /// The index of the node.
        index: usize,
    },
    /// A weight greater than the program takes.
    WeightTooLarge {
        /// The index of the node.
        index: usize,
        /// Its weight.
        weight: u32,
        /// The greatest that the program takes.
        max: u32,
    },
    /// The program knows no such state, or what it does then was not recorded.
    StateUnsupported {
        /// The index of the node.
        index: usize,
        /// Its state.
        state: State,
    },
    /// A field of a node that the layout does not read.
    FieldUnsupported {
        /// The index of the node.
        index: usize,
        /// The field's name.
        field: &'static str,
    },
    /// A field of a node whose value the program refuses.
    BadField {
        /// The index of the node.
        index: usize,
        /// The field's name.
        field: &'static str,
        /// What the program takes.
        expected: &'static str,
    },
    /// A name that is not UTF-8, in a layout whose program takes names as texts.
    NameNotText {
        /// The index of the node.
        index: usize,
    },
    /// A deployed program's layout, in a build without them.
    WithoutCompat,
    /// The layout's table has fewer entries than there are nodes that may own.
    TableTooSmall {
        /// How many nodes may own.
        nodes: usize,
        /// How many entries there are.
        size: u32,
    },
    /// The layout needs an option that was not given.
    MissingOption {
        /// The option's name.
        name: &'static str,
    },
    /// Only `ringway-v1` and `ringway-keyed-v1` are rings.
    NotARing,
    /// No layout of that name.
    UnknownLayout,
    /// The layout has no such option.
    UnknownOption,
    /// The option's value is out of range or of the wrong type.
    BadOption {
        /// What the option takes.
        expected: &'static str,
    },
}

impl BuildError {
    /// The same error about a field, of the node of another index.
    #[cfg(feature = "alloc")]
    pub(crate) const fn at(self, index: usize) -> Self {
        match self {
            Self::FieldUnsupported { field, .. } => Self::FieldUnsupported { index, field },
            Self::FractionUnsupported { .. } => Self::FractionUnsupported { index },
            other => other,
        }
    }

    /// The machine name, for vectors and scripts: `duplicate-name` and so on.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooManyNodes { .. } => "too-many-nodes",
            Self::BadText { field, len, .. } => match (field.as_bytes(), *len == 0) {
                (b"name", true) => "name-empty",
                (b"name", false) => "name-too-long",
                (b"zone", true) => "zone-empty",
                (b"zone", false) => "zone-too-long",
                (_, true) => "text-empty",
                (_, false) => "text-too-long",
            },
            Self::DuplicateName { .. } => "duplicate-name",
            Self::TooManyPoints { .. } => "too-many-points",
            Self::StorageTooSmall { .. } => "storage-too-small",
            Self::NoSuchNode => "no-such-node",
            Self::WeightUnsupported { .. } => "weight-unsupported",
            Self::DrainUnsupported { .. } => "drain-unsupported",
            Self::FractionUnsupported { .. } | Self::WeightTooLarge { .. } => "weight-unsupported",
            Self::StateUnsupported { state: State::Drain, .. } => "drain-unsupported",
            Self::StateUnsupported { .. } => "state-unsupported",
            Self::FieldUnsupported { .. } => "field-unsupported",
            Self::BadField { .. } => "bad-field",
            Self::NameNotText { .. } => "name-not-text",
            Self::WithoutCompat => "without-compat",
            Self::TableTooSmall { .. } => "table-too-small",
            Self::MissingOption { .. } => "missing-option",
            Self::NotARing => "not-a-ring",
            Self::UnknownLayout => "unknown-layout",
            Self::UnknownOption => "unknown-option",
            Self::BadOption { .. } => "bad-option",
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyNodes { count } => {
                write!(f, "{count} nodes, but a table holds at most {}", crate::layout::NODES_MAX)
            }
            Self::BadText { index, field, len: 0 } => {
                write!(f, "node {index} has an empty {field}; give it 1 to 1024 bytes")
            }
            Self::BadText { index, field, len } => {
                write!(f, "the {field} of node {index} has {len} bytes; at most 1024 are allowed")
            }
            Self::DuplicateName { first, second } => {
                write!(f, "nodes {first} and {second} have the same name; names are identities")
            }
            Self::TooManyPoints { points } => write!(
                f,
                "{points} points, but a ring holds at most {}; lower the weights or the vnodes",
                crate::layout::POINTS_MAX
            ),
            Self::StorageTooSmall { needed, available } => {
                write!(f, "memory for {needed} elements needed, for {available} given")
            }
            Self::NoSuchNode => f.write_str("no node has this name"),
            Self::WeightUnsupported { index, weight } => write!(
                f,
                "node {index} has weight {weight}, but in this layout every node has weight 1"
            ),
            Self::DrainUnsupported { index } => write!(
                f,
                "node {index} is to be drained, but this layout takes nodes from the end of the \
                 list only"
            ),
            Self::FractionUnsupported { index } => {
                write!(
                    f,
                    "the weight of node {index} is not whole; this layout takes whole weights"
                )
            }
            Self::WeightTooLarge { index, weight, max } => {
                write!(f, "node {index} has weight {weight}; the program takes up to {max}")
            }
            Self::StateUnsupported { index, state } => write!(
                f,
                "node {index} is {}, for which this layout has no rule; remove the node from the \
                 list or set it up",
                state.name()
            ),
            Self::FieldUnsupported { index, field } => {
                write!(f, "node {index} has the field {field}, which this layout does not read")
            }
            Self::BadField { index, field, expected } => {
                write!(f, "the field {field} of node {index} takes {expected}")
            }
            Self::NameNotText { index } => {
                write!(f, "the name of node {index} is not UTF-8; in this layout names are texts")
            }
            Self::WithoutCompat => {
                f.write_str("this build has no deployed programs' layouts: feature `compat`")
            }
            Self::TableTooSmall { nodes, size } => write!(
                f,
                "{nodes} nodes do not fit a table of {size} entries; where the layout has the \
                 option table_size, raise it"
            ),
            Self::MissingOption { name } => write!(f, "the layout needs the option {name}"),
            Self::NotARing => f.write_str("a ring alone has another layout; build a table"),
            Self::UnknownLayout => {
                f.write_str("unknown layout; this build knows ")?;
                crate::layout::write_names(f)
            }
            Self::UnknownOption => f.write_str("the layout has no such option"),
            Self::BadOption { expected } => write!(f, "the option takes {expected}"),
        }
    }
}

impl core::error::Error for BuildError {}
