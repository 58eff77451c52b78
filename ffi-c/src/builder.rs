//! `ringway_builder`: the nodes and options of a table to be.

use core::{ffi::c_char, str};
use std::sync::Arc;

use ringway::{Layout, Node, OptionValue, State, Table};

use crate::{
    guard::{
        Failure, Out, array, borrow, borrow_mut, bytes, free_box, guard, guard_or,
        guard_with_message,
    },
    node_field::OwnedFields,
    state::state_of,
    status::{
        self, RINGWAY_STATUS_BAD_OPTION, RINGWAY_STATUS_INVALID_ARGUMENT,
        RINGWAY_STATUS_OPTION_TWICE, RINGWAY_STATUS_OUT_OF_MEMORY, RINGWAY_STATUS_UNKNOWN_LAYOUT,
        RINGWAY_STATUS_UNKNOWN_OPTION, ringway_status,
    },
    table::ringway_table,
};

/// A layout, its options and nodes: what a table is built from.
///
/// Who frees it: the caller, with ringway_builder_free().
/// Threads: one at a time.
/// Outlives: nothing needs to outlive it and it outlives nothing. It copies what it is given, and
/// the tables that it built do not need it.
pub struct ringway_builder {
    layout: Layout,
    options_set: Vec<String>,
    pub(crate) nodes: Vec<OwnedNode>,
}

pub(crate) struct OwnedNode {
    name: Vec<u8>,
    weight: u32,
    zone: Option<Vec<u8>>,
    state: State,
    pub(crate) fields: OwnedFields,
}

impl ringway_builder {
    fn set(&mut self, name: &[u8], value: OptionValue<'_>) -> Result<(), ringway_status> {
        let name = str::from_utf8(name).map_err(|_| RINGWAY_STATUS_UNKNOWN_OPTION)?;
        if self.options_set.iter().any(|set| set == name) {
            return Err(RINGWAY_STATUS_OPTION_TWICE);
        }
        let layout = self.layout.clone().with_option(name, value);
        self.layout = layout.map_err(|error| status::of_build_error(&error))?;
        self.options_set.push(name.to_owned());
        Ok(())
    }

    fn build(&self) -> Result<Table, Failure> {
        let nodes: Vec<Node<'_>> = self.nodes.iter().map(OwnedNode::view).collect();
        Table::new(&self.layout, &nodes)
            .map_err(|error| Failure::new(status::of_build_error(&error), &error))
    }
}

impl OwnedNode {
    fn view(&self) -> Node<'_> {
        let node = Node::from_bytes(&self.name).with_weight(self.weight).with_state(self.state);
        self.fields.of(match &self.zone {
            Some(zone) => node.with_zone(zone),
            None => node,
        })
    }
}

/// Makes a builder for the layout of that name, such as "ringway-v1" or "nginx", with its default
/// options.
///
/// On success *builder is the caller's, to be freed with ringway_builder_free().
///
/// # Errors
/// UNKNOWN_LAYOUT, also for an empty name; INVALID_ARGUMENT.
///
/// # Safety
/// - layout points to layout_len bytes, or is NULL and layout_len 0.
/// - builder points to a pointer to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_new(
    layout: *const u8,
    layout_len: usize,
    builder: *mut *mut ringway_builder,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the bytes.
        let layout = unsafe { bytes(layout, layout_len) }?;
        // SAFETY: the caller promises the place.
        let builder = unsafe { Out::new(builder) }?;
        let name = str::from_utf8(layout).map_err(|_| RINGWAY_STATUS_UNKNOWN_LAYOUT)?;
        let layout = Layout::from_name(name).map_err(|error| status::of_build_error(&error))?;
        let made = ringway_builder { layout, options_set: Vec::new(), nodes: Vec::new() };
        builder.give_box(Box::new(made));
        Ok(())
    })
}

/// Frees a builder; NULL is allowed. The tables that it built live on.
///
/// # Safety
/// - builder is NULL or came from ringway_builder_new() and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_builder_free(builder: *mut ringway_builder) {
    guard_or((), || {
        // SAFETY: the caller promises a builder of ours, freed once.
        unsafe { free_box(builder) };
    });
}

/// Sets an option that is a whole number, such as "vnodes".
///
/// # Errors
/// UNKNOWN_OPTION; BAD_OPTION if the number is out of range or the option is no number;
/// OPTION_TWICE; INVALID_ARGUMENT. The builder is then as it was.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - name points to name_len bytes, or is NULL and name_len 0.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_set_integer(
    builder: *mut ringway_builder,
    name: *const u8,
    name_len: usize,
    value: i64,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        builder.set(name, OptionValue::Integer(value))
    })
}

/// Sets an option that is a text, such as "hash_tag". The text is copied.
///
/// # Errors
/// UNKNOWN_OPTION; BAD_OPTION if the text is not one that the option takes, is not UTF-8, or the
/// option is no text; OPTION_TWICE; INVALID_ARGUMENT. The builder is then as it was.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - name points to name_len bytes, or is NULL and name_len 0; value and value_len likewise.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_set_text(
    builder: *mut ringway_builder,
    name: *const u8,
    name_len: usize,
    value: *const u8,
    value_len: usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        // SAFETY: the caller promises the bytes.
        let value = unsafe { bytes(value, value_len) }?;
        let value = str::from_utf8(value).map_err(|_| RINGWAY_STATUS_BAD_OPTION)?;
        builder.set(name, OptionValue::Text(value))
    })
}

/// Sets an option that is true (1) or false (0).
///
/// # Errors
/// UNKNOWN_OPTION; BAD_OPTION if the option is no boolean; OPTION_TWICE; INVALID_ARGUMENT, also
/// for a value other than 0 and 1. The builder is then as it was.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - name points to name_len bytes, or is NULL and name_len 0.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_set_boolean(
    builder: *mut ringway_builder,
    name: *const u8,
    name_len: usize,
    value: u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        let value = match value {
            0 => false,
            1 => true,
            _ => return Err(RINGWAY_STATUS_INVALID_ARGUMENT),
        };
        builder.set(name, OptionValue::Boolean(value))
    })
}

/// Sets an option that is a list of whole numbers, such as "removed". The numbers are copied.
///
/// # Errors
/// UNKNOWN_OPTION; BAD_OPTION if the list is not one that the option takes, or the option is no
/// list; OPTION_TWICE; INVALID_ARGUMENT. The builder is then as it was.
///
/// # Complexity
/// O(count) time and memory.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - name points to name_len bytes, or is NULL and name_len 0.
/// - values points to count aligned numbers, or is NULL and count 0.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_set_list(
    builder: *mut ringway_builder,
    name: *const u8,
    name_len: usize,
    values: *const u32,
    count: usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        // SAFETY: the caller promises the numbers.
        let values = unsafe { array(values, count) }?;
        builder.set(name, OptionValue::List(values))
    })
}

/// Adds a node; its index in tables is the number of nodes added before it.
///
/// name is its identity, 1 to 1,024 bytes of any value, and weight its share of the keys (0: none).
/// Replicas go to different zones first; (NULL, 0) is no zone. state is one of RINGWAY_STATE_*.
/// Name and zone are copied. What they hold is checked when the table is built. What some layouts
/// read besides is set by ringway_builder_set_node_text() and its like.
///
/// # Errors
/// INVALID_ARGUMENT, also for an unknown state; OUT_OF_MEMORY. The builder is then as it was.
///
/// # Complexity
/// O(name_len + zone_len) time and memory.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - name points to name_len bytes, or is NULL and name_len 0; zone and zone_len likewise.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_add_node(
    builder: *mut ringway_builder,
    name: *const u8,
    name_len: usize,
    weight: u32,
    zone: *const u8,
    zone_len: usize,
    state: u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        let has_zone = !zone.is_null();
        // SAFETY: the caller promises the bytes.
        let zone = unsafe { bytes(zone, zone_len) }?;
        let state = state_of(state)?;
        let name = copy(name)?;
        let zone = if has_zone { Some(copy(zone)?) } else { None };
        builder.nodes.try_reserve(1).map_err(|_| RINGWAY_STATUS_OUT_OF_MEMORY)?;
        let fields = OwnedFields::default();
        builder.nodes.push(OwnedNode { name, weight, zone, state, fields });
        Ok(())
    })
}

/// Builds a table of the nodes added so far, in the order in which they were added.
///
/// On success *table is a reference of the caller's, to be given back with ringway_table_free().
/// The builder is unchanged: more nodes may be added and another table built.
///
/// On failure message receives up to message_size bytes of explanation, always ended by a NUL and
/// cut between UTF-8 characters, and *message_len the length of the whole explanation without NUL:
/// it was cut if that is >= message_size. message may be (NULL, 0) and message_len NULL. On
/// success neither is written.
///
/// # Errors
/// TOO_MANY_NODES, NAME_EMPTY, NAME_TOO_LONG, ZONE_EMPTY, ZONE_TOO_LONG, DUPLICATE_NAME,
/// TOO_MANY_POINTS (checked in this order); TEXT_EMPTY, TEXT_TOO_LONG, FIELD_UNSUPPORTED; where the
/// layout refuses a node or lacks something, BAD_FIELD, WEIGHT_UNSUPPORTED, DRAIN_UNSUPPORTED,
/// STATE_UNSUPPORTED, NAME_NOT_TEXT, TABLE_TOO_SMALL, MISSING_OPTION; NOT_BUILT, INVALID_ARGUMENT.
///
/// # Complexity
/// O(points log points) time and O(points) memory; a node has vnodes x weight points.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - message points to message_size bytes to be written, or is NULL and message_size 0.
/// - message_len is NULL or points to a size_t to be written; table points to a pointer to be
///   written. None of the three overlap.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_build(
    builder: *const ringway_builder,
    message: *mut c_char,
    message_size: usize,
    message_len: *mut usize,
    table: *mut *const ringway_table,
) -> ringway_status {
    let body = || {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow(builder) }?;
        // SAFETY: the caller promises the place.
        let table = unsafe { Out::new(table) }?;
        table.give_arc(Arc::new(ringway_table(builder.build()?)));
        Ok(())
    };
    // SAFETY: the caller promises the places of the message.
    unsafe { guard_with_message(message, message_size, message_len, body) }
}

/// The bytes in memory of our own.
pub(crate) fn copy(bytes: &[u8]) -> Result<Vec<u8>, ringway_status> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| RINGWAY_STATUS_OUT_OF_MEMORY)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}
