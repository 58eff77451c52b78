//! Fields of a builder's nodes that deployed programs' layouts read.

use crate::{
    builder::{OwnedNode, copy, ringway_builder},
    guard::{array, borrow_mut, bytes, guard},
    status::{
        RINGWAY_STATUS_FIELD_UNSUPPORTED, RINGWAY_STATUS_INVALID_ARGUMENT,
        RINGWAY_STATUS_NO_SUCH_NODE, RINGWAY_STATUS_OUT_OF_MEMORY, ringway_status,
    },
};

/// The greatest weight, in millionths.
const MILLIONTHS_MAX: u64 = u32::MAX as u64 * 1_000_000;

/// What only some layouts read of a node (SPEC §9.9).
#[derive(Default)]
pub(crate) struct OwnedFields {
    pub(crate) weight_millionths: Option<u64>,
    pub(crate) address: Option<String>,
    pub(crate) hash_text: Option<Vec<u8>>,
    pub(crate) id: Option<u32>,
    pub(crate) guid: Option<Vec<u8>>,
    pub(crate) vnodes: Option<u32>,
    pub(crate) tokens: Option<Vec<i64>>,
}

impl OwnedFields {
    /// The node with these fields.
    pub(crate) fn of<'a>(&'a self, mut node: ringway::Node<'a>) -> ringway::Node<'a> {
        if let Some(millionths) = self.weight_millionths {
            node = node.with_weight_millionths(millionths);
        }
        if let Some(address) = &self.address {
            node = node.with_address(address);
        }
        if let Some(text) = &self.hash_text {
            node = node.with_hash_text(text);
        }
        if let Some(id) = self.id {
            node = node.with_id(id);
        }
        if let Some(guid) = &self.guid {
            node = node.with_guid(guid);
        }
        if let Some(vnodes) = self.vnodes {
            node = node.with_vnodes(vnodes);
        }
        match &self.tokens {
            Some(tokens) => node.with_tokens(tokens),
            None => node,
        }
    }
}

/// Sets a field of a node that is a text: "hash_text", "address" or "guid". The text is copied, and
/// takes the place of one that was set before.
///
/// node is the node's index: the number of nodes added before it. hash_text is hashed instead of the
/// name in spymemcached-ketama, varnish-shard and ats-parent; address (ip:port) and guid are hashed
/// in haproxy-consistent if its option hash_key says so. Other deployed programs' layouts pass them
/// over, and in layouts of Ringway's own a table with a hash_text or guid is not built. Lengths, 1 to
/// 1,024 bytes, are checked when the table is built.
///
/// # Errors
/// NO_SUCH_NODE; FIELD_UNSUPPORTED if nodes have no such field or it is no text; INVALID_ARGUMENT,
/// also for an address that is not UTF-8; OUT_OF_MEMORY. The builder is then as it was.
///
/// # Complexity
/// O(value_len) time and memory.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - field points to field_len bytes, or is NULL and field_len 0; value and value_len likewise.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_set_node_text(
    builder: *mut ringway_builder,
    node: u32,
    field: *const u8,
    field_len: usize,
    value: *const u8,
    value_len: usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the bytes.
        let field = unsafe { bytes(field, field_len) }?;
        // SAFETY: the caller promises the bytes.
        let value = unsafe { bytes(value, value_len) }?;
        let fields = &mut node_of(builder, node)?.fields;
        match field {
            b"hash_text" => fields.hash_text = Some(copy(value)?),
            b"guid" => fields.guid = Some(copy(value)?),
            b"address" => {
                let text =
                    String::from_utf8(copy(value)?).map_err(|_| RINGWAY_STATUS_INVALID_ARGUMENT)?;
                fields.address = Some(text);
            }
            _ => return Err(RINGWAY_STATUS_FIELD_UNSUPPORTED),
        }
        Ok(())
    })
}

/// Sets a field of a node that is a whole number: "id", "vnodes" or "weight_millionths". It takes
/// the place of one that was set before.
///
/// node is the node's index: the number of nodes added before it. id, 0 to 4294967295, is hashed in
/// haproxy-consistent, which takes no 0 and no id twice; that is checked when the table is built.
/// vnodes, 0 to 4294967295, is this node's own number in npm-hashring, uhashring and uhashring-ketama.
/// weight_millionths, 0 to 4294967295000000, replaces the weight that the node was added with: 1500000 is 1.5. Only
/// ats-parent and varnish-shard take weights that are not whole.
///
/// # Errors
/// NO_SUCH_NODE; FIELD_UNSUPPORTED if nodes have no such field or it is no number; INVALID_ARGUMENT,
/// also for a number out of range. The builder is then as it was.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - field points to field_len bytes, or is NULL and field_len 0.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_set_node_integer(
    builder: *mut ringway_builder,
    node: u32,
    field: *const u8,
    field_len: usize,
    value: i64,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the bytes.
        let field = unsafe { bytes(field, field_len) }?;
        let fields = &mut node_of(builder, node)?.fields;
        let short = || u32::try_from(value).map_err(|_| RINGWAY_STATUS_INVALID_ARGUMENT);
        match field {
            b"id" => fields.id = Some(short()?),
            b"vnodes" => fields.vnodes = Some(short()?),
            b"weight_millionths" => {
                let millionths = u64::try_from(value).ok().filter(|&value| value <= MILLIONTHS_MAX);
                fields.weight_millionths = Some(millionths.ok_or(RINGWAY_STATUS_INVALID_ARGUMENT)?);
            }
            _ => return Err(RINGWAY_STATUS_FIELD_UNSUPPORTED),
        }
        Ok(())
    })
}

/// Sets the tokens of a node, which cassandra-token reads. They are copied, and take the place of
/// those that were set before.
///
/// node is the node's index: the number of nodes added before it.
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT; OUT_OF_MEMORY. The builder is then as it was.
///
/// # Complexity
/// O(count) time and memory.
///
/// # Safety
/// - builder is live and no other thread uses it.
/// - tokens points to count aligned numbers, or is NULL and count 0.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_builder_set_node_tokens(
    builder: *mut ringway_builder,
    node: u32,
    tokens: *const i64,
    count: usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live builder that only this thread uses.
        let builder = unsafe { borrow_mut(builder) }?;
        // SAFETY: the caller promises the numbers.
        let tokens = unsafe { array(tokens, count) }?;
        let node = node_of(builder, node)?;
        let mut owned = Vec::new();
        owned.try_reserve_exact(tokens.len()).map_err(|_| RINGWAY_STATUS_OUT_OF_MEMORY)?;
        owned.extend_from_slice(tokens);
        node.fields.tokens = Some(owned);
        Ok(())
    })
}

fn node_of(builder: &mut ringway_builder, node: u32) -> Result<&mut OwnedNode, ringway_status> {
    let place = usize::try_from(node).map_err(|_| RINGWAY_STATUS_NO_SUCH_NODE)?;
    builder.nodes.get_mut(place).ok_or(RINGWAY_STATUS_NO_SUCH_NODE)
}
