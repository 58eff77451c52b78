//! What can be wrong with a list of nodes or a layout.

use core::fmt;

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
    /// A name or a zone of 0 or more than 1,024 bytes.
    BadText {
        /// The index of the node.
        index: usize,
        /// Which text: `"name"` or `"zone"`.
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
        /// How many points or entries it must have room for.
        needed: usize,
        /// How many it has room for.
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
    /// Only `ringway-v1` is built as a ring alone; use `Table`.
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
    /// The machine name, for vectors and scripts: `duplicate-name` and so on.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooManyNodes { .. } => "too-many-nodes",
            Self::BadText { field, len: 0, .. } if is_name(field) => "name-empty",
            Self::BadText { len: 0, .. } => "zone-empty",
            Self::BadText { field, .. } if is_name(field) => "name-too-long",
            Self::BadText { .. } => "zone-too-long",
            Self::DuplicateName { .. } => "duplicate-name",
            Self::TooManyPoints { .. } => "too-many-points",
            Self::StorageTooSmall { .. } => "storage-too-small",
            Self::NoSuchNode => "no-such-node",
            Self::WeightUnsupported { .. } => "weight-unsupported",
            Self::DrainUnsupported { .. } => "drain-unsupported",
            Self::TableTooSmall { .. } => "table-too-small",
            Self::MissingOption { .. } => "missing-option",
            Self::NotARing => "not-a-ring",
            Self::UnknownLayout => "unknown-layout",
            Self::UnknownOption => "unknown-option",
            Self::BadOption { .. } => "bad-option",
        }
    }
}

const fn is_name(field: &str) -> bool {
    matches!(field.as_bytes(), b"name")
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
                write!(f, "storage for {needed} entries needed, {available} given")
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
            Self::TableTooSmall { nodes, size } => write!(
                f,
                "{nodes} nodes do not fit a table of {size} entries; raise the option table_size"
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
