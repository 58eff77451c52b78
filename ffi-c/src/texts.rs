//! The texts of the statuses that the freestanding form cannot give.

use core::ffi::CStr;

use crate::status::{
    RINGWAY_STATUS_BAD_CLUSTER_FILE, RINGWAY_STATUS_BAD_FIELD, RINGWAY_STATUS_BAD_SNAPSHOT,
    RINGWAY_STATUS_FIELD_UNSUPPORTED, RINGWAY_STATUS_FILE_NOT_READ, RINGWAY_STATUS_NAME_NOT_TEXT,
    RINGWAY_STATUS_NO_COMMON_POSITIONS, RINGWAY_STATUS_NO_KEY_HASH, RINGWAY_STATUS_NO_ROOM,
    RINGWAY_STATUS_NOT_BUILT, RINGWAY_STATUS_OPTION_TWICE, RINGWAY_STATUS_PANIC,
    RINGWAY_STATUS_STATE_UNSUPPORTED, RINGWAY_STATUS_TEXT_EMPTY, RINGWAY_STATUS_TEXT_TOO_LONG,
    RINGWAY_STATUS_WITHOUT_COMPAT, ringway_status,
};

/// The text of one of these.
pub(crate) const fn of_others(status: ringway_status) -> &'static CStr {
    match status {
        RINGWAY_STATUS_PANIC => c"a fault inside ringway was caught; please report it",
        RINGWAY_STATUS_NO_KEY_HASH => c"the layout's key hash is not one of 32 or 64 bits",
        RINGWAY_STATUS_OPTION_TWICE => c"the option was set before",
        RINGWAY_STATUS_NOT_BUILT => c"the nodes do not make a table",
        RINGWAY_STATUS_BAD_CLUSTER_FILE => c"the cluster file is not valid",
        RINGWAY_STATUS_FILE_NOT_READ => c"the cluster file could not be read",
        RINGWAY_STATUS_NO_COMMON_POSITIONS => {
            c"the tables give a key different positions; their layouts or hash tags differ"
        }
        RINGWAY_STATUS_BAD_SNAPSHOT => c"the bytes are no snapshot of a table, cut or changed",
        RINGWAY_STATUS_NO_ROOM => c"no node has room for the key; each is loaded to its capacity",
        RINGWAY_STATUS_STATE_UNSUPPORTED => c"the layout has no rule for the state of a node",
        RINGWAY_STATUS_FIELD_UNSUPPORTED => {
            c"no node has such a field, or the layout does not read it"
        }
        RINGWAY_STATUS_TEXT_EMPTY => c"a node's address, hash_text or guid is empty",
        RINGWAY_STATUS_TEXT_TOO_LONG => {
            c"a node's address, hash_text or guid has more than 1024 bytes"
        }
        RINGWAY_STATUS_NAME_NOT_TEXT => {
            c"a node's name is not UTF-8; in this layout names are texts"
        }
        RINGWAY_STATUS_WITHOUT_COMPAT => c"this build has no deployed programs' layouts",
        RINGWAY_STATUS_BAD_FIELD => c"the layout's program refuses the value of a node's field",
        _ => c"not a status of this version of ringway",
    }
}
