//! Status codes: fixed numbers, never reused, and their texts.

use core::ffi::{CStr, c_char};

use ringway::{BuildError, State};

use crate::{guard::guard_or, texts};

/// What a call came to: RINGWAY_STATUS_OK, or why it did nothing.
///
/// The numbers never change and are never reused; later versions may add some.
/// ringway_status_message() has a text for every number.
pub type ringway_status = i32;

/// The call did what it says.
pub const RINGWAY_STATUS_OK: ringway_status = 0;
/// No node may own the key: there is none, each has weight 0 or is drained, or the layout's program
/// cannot read the key.
pub const RINGWAY_STATUS_NO_OWNER: ringway_status = 1;
/// A NULL or misaligned pointer, a length above PTRDIFF_MAX, a number that means nothing.
pub const RINGWAY_STATUS_INVALID_ARGUMENT: ringway_status = 2;
/// A fault inside the library was caught; please report it.
pub const RINGWAY_STATUS_PANIC: ringway_status = 3;
/// There was not enough memory.
pub const RINGWAY_STATUS_OUT_OF_MEMORY: ringway_status = 4;
/// The table has no node of that index or name.
pub const RINGWAY_STATUS_NO_SUCH_NODE: ringway_status = 5;
/// The layout's key hash is not one of 32 or 64 bits.
pub const RINGWAY_STATUS_NO_KEY_HASH: ringway_status = 6;
/// This build knows no layout of that name.
pub const RINGWAY_STATUS_UNKNOWN_LAYOUT: ringway_status = 7;
/// The layout has no option of that name.
pub const RINGWAY_STATUS_UNKNOWN_OPTION: ringway_status = 8;
/// An option's value is out of range or of the wrong type.
pub const RINGWAY_STATUS_BAD_OPTION: ringway_status = 9;
/// The option was set before.
pub const RINGWAY_STATUS_OPTION_TWICE: ringway_status = 10;
/// More than 65,536 nodes.
pub const RINGWAY_STATUS_TOO_MANY_NODES: ringway_status = 11;
/// More points than a ring holds: lower the weights or the vnodes.
pub const RINGWAY_STATUS_TOO_MANY_POINTS: ringway_status = 12;
/// A node's name is empty.
pub const RINGWAY_STATUS_NAME_EMPTY: ringway_status = 13;
/// A node's name has more than 1,024 bytes.
pub const RINGWAY_STATUS_NAME_TOO_LONG: ringway_status = 14;
/// A node's zone is there but empty.
pub const RINGWAY_STATUS_ZONE_EMPTY: ringway_status = 15;
/// A node's zone has more than 1,024 bytes.
pub const RINGWAY_STATUS_ZONE_TOO_LONG: ringway_status = 16;
/// Two nodes have one name.
pub const RINGWAY_STATUS_DUPLICATE_NAME: ringway_status = 17;
/// The nodes do not make a table, for a reason that this version has no number for.
pub const RINGWAY_STATUS_NOT_BUILT: ringway_status = 18;
/// The cluster file is not one; the message names line and field.
pub const RINGWAY_STATUS_BAD_CLUSTER_FILE: ringway_status = 19;
/// The cluster file could not be read.
pub const RINGWAY_STATUS_FILE_NOT_READ: ringway_status = 20;
/// The two tables give a key different positions: other layouts, or other hash tags.
pub const RINGWAY_STATUS_NO_COMMON_POSITIONS: ringway_status = 21;
/// The bytes are no snapshot of a table, or were cut or changed.
pub const RINGWAY_STATUS_BAD_SNAPSHOT: ringway_status = 22;
/// The layout does not take this weight: it takes 1 alone, or whole ones, or none so great.
pub const RINGWAY_STATUS_WEIGHT_UNSUPPORTED: ringway_status = 23;
/// The layout cannot drain a node.
pub const RINGWAY_STATUS_DRAIN_UNSUPPORTED: ringway_status = 24;
/// The layout's table has fewer entries than there are nodes: raise the option table_size.
pub const RINGWAY_STATUS_TABLE_TOO_SMALL: ringway_status = 25;
/// The layout needs an option that was not set.
pub const RINGWAY_STATUS_MISSING_OPTION: ringway_status = 26;
/// No node has room for the key: the load of each is as large as its capacity, or larger.
pub const RINGWAY_STATUS_NO_ROOM: ringway_status = 27;
/// The layout has no rule for a node in this state: leave the node out or set it up.
pub const RINGWAY_STATUS_STATE_UNSUPPORTED: ringway_status = 28;
/// No node has such a field, or the layout does not read it.
pub const RINGWAY_STATUS_FIELD_UNSUPPORTED: ringway_status = 29;
/// A text of a node, other than name and zone, is there but empty.
pub const RINGWAY_STATUS_TEXT_EMPTY: ringway_status = 30;
/// A text of a node, other than name and zone, has more than 1,024 bytes.
pub const RINGWAY_STATUS_TEXT_TOO_LONG: ringway_status = 31;
/// A node's name is not UTF-8, in a layout whose program takes names as texts.
pub const RINGWAY_STATUS_NAME_NOT_TEXT: ringway_status = 32;
/// A deployed program's layout, in a build without them.
pub const RINGWAY_STATUS_WITHOUT_COMPAT: ringway_status = 33;
/// A field of a node has a value that the layout's program refuses.
pub const RINGWAY_STATUS_BAD_FIELD: ringway_status = 34;
/// The memory is smaller than ringway_table_size() says; the freestanding form only.
pub const RINGWAY_STATUS_MEMORY_TOO_SMALL: ringway_status = 35;

/// The text of a status: static, in English, without full stop, never NULL.
///
/// Any number is allowed; one that is no status has a text that says so.
#[unsafe(no_mangle)]
pub extern "C" fn ringway_status_message(status: i32) -> *const c_char {
    guard_or(c"the text of the status is missing".as_ptr(), || text(status).as_ptr())
}

/// The text of `status`; those that the freestanding form cannot give are in `texts`.
pub(crate) const fn text(status: ringway_status) -> &'static CStr {
    match status {
        RINGWAY_STATUS_OK => c"ok",
        RINGWAY_STATUS_NO_OWNER => c"no node may own the key, or the layout cannot read it",
        RINGWAY_STATUS_INVALID_ARGUMENT => {
            c"a pointer is NULL or misaligned, a length absurd, or a number without meaning"
        }
        RINGWAY_STATUS_OUT_OF_MEMORY => c"not enough memory",
        RINGWAY_STATUS_NO_SUCH_NODE => c"the table has no node of that index or name",
        RINGWAY_STATUS_UNKNOWN_LAYOUT => c"this build knows no layout of that name",
        RINGWAY_STATUS_UNKNOWN_OPTION => c"the layout has no option of that name",
        RINGWAY_STATUS_BAD_OPTION => c"the option's value is out of range or of the wrong type",
        RINGWAY_STATUS_TOO_MANY_NODES => c"a table holds at most 65536 nodes",
        RINGWAY_STATUS_TOO_MANY_POINTS => {
            c"more points than a ring holds; lower the weights or the vnodes"
        }
        RINGWAY_STATUS_NAME_EMPTY => c"a node's name is empty; give it 1 to 1024 bytes",
        RINGWAY_STATUS_NAME_TOO_LONG => c"a node's name has more than 1024 bytes",
        RINGWAY_STATUS_ZONE_EMPTY => c"a node's zone is empty; give it 1 to 1024 bytes or none",
        RINGWAY_STATUS_ZONE_TOO_LONG => c"a node's zone has more than 1024 bytes",
        RINGWAY_STATUS_DUPLICATE_NAME => c"two nodes have the same name; names are identities",
        RINGWAY_STATUS_WEIGHT_UNSUPPORTED => c"the layout does not take a node's weight",
        RINGWAY_STATUS_DRAIN_UNSUPPORTED => c"the layout cannot drain a node",
        RINGWAY_STATUS_TABLE_TOO_SMALL => c"the layout's table has fewer entries than nodes",
        RINGWAY_STATUS_MISSING_OPTION => c"the layout needs an option that was not set",
        RINGWAY_STATUS_MEMORY_TOO_SMALL => c"the memory is smaller than the table needs",
        _ => texts::of_others(status),
    }
}

/// The status of a table that could not be built.
///
/// By kinds and not by [`BuildError::name`], as the freestanding form is to have no names.
pub(crate) fn of_build_error(error: &BuildError) -> ringway_status {
    match error {
        BuildError::UnknownLayout => RINGWAY_STATUS_UNKNOWN_LAYOUT,
        BuildError::UnknownOption => RINGWAY_STATUS_UNKNOWN_OPTION,
        BuildError::BadOption { .. } => RINGWAY_STATUS_BAD_OPTION,
        BuildError::MissingOption { .. } => RINGWAY_STATUS_MISSING_OPTION,
        BuildError::TooManyNodes { .. } => RINGWAY_STATUS_TOO_MANY_NODES,
        BuildError::TooManyPoints { .. } => RINGWAY_STATUS_TOO_MANY_POINTS,
        BuildError::BadText { field: "name", len: 0, .. } => RINGWAY_STATUS_NAME_EMPTY,
        BuildError::BadText { field: "name", .. } => RINGWAY_STATUS_NAME_TOO_LONG,
        BuildError::BadText { field: "zone", len: 0, .. } => RINGWAY_STATUS_ZONE_EMPTY,
        BuildError::BadText { field: "zone", .. } => RINGWAY_STATUS_ZONE_TOO_LONG,
        BuildError::BadText { len: 0, .. } => RINGWAY_STATUS_TEXT_EMPTY,
        BuildError::BadText { .. } => RINGWAY_STATUS_TEXT_TOO_LONG,
        BuildError::DuplicateName { .. } => RINGWAY_STATUS_DUPLICATE_NAME,
        BuildError::NoSuchNode => RINGWAY_STATUS_NO_SUCH_NODE,
        BuildError::WeightUnsupported { .. }
        | BuildError::FractionUnsupported { .. }
        | BuildError::WeightTooLarge { .. } => RINGWAY_STATUS_WEIGHT_UNSUPPORTED,
        BuildError::DrainUnsupported { .. }
        | BuildError::StateUnsupported { state: State::Drain, .. } => {
            RINGWAY_STATUS_DRAIN_UNSUPPORTED
        }
        BuildError::StateUnsupported { .. } => RINGWAY_STATUS_STATE_UNSUPPORTED,
        BuildError::FieldUnsupported { .. } => RINGWAY_STATUS_FIELD_UNSUPPORTED,
        BuildError::BadField { .. } => RINGWAY_STATUS_BAD_FIELD,
        BuildError::NameNotText { .. } => RINGWAY_STATUS_NAME_NOT_TEXT,
        BuildError::WithoutCompat => RINGWAY_STATUS_WITHOUT_COMPAT,
        BuildError::TableTooSmall { .. } => RINGWAY_STATUS_TABLE_TOO_SMALL,
        BuildError::StorageTooSmall { .. } => RINGWAY_STATUS_MEMORY_TOO_SMALL,
        _ => RINGWAY_STATUS_NOT_BUILT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_text_of_its_own() {
        let unknown = text(-1);
        let mut texts: Vec<&CStr> = (0..=RINGWAY_STATUS_MEMORY_TOO_SMALL).map(text).collect();
        assert!(!texts.contains(&unknown));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 36);
        for status in [36, i32::MIN, i32::MAX] {
            assert_eq!(text(status), unknown);
        }
    }
}
