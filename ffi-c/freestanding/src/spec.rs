//! What a table is built from, as C gives it.

use core::mem::offset_of;

use ringway::{BuildError, HashTag, Layout, Node, SipKey};

use crate::{
    guard::{array, borrow, bytes},
    state::state_of,
    status::{
        self, RINGWAY_STATUS_BAD_OPTION, RINGWAY_STATUS_INVALID_ARGUMENT,
        RINGWAY_STATUS_TOO_MANY_NODES, RINGWAY_STATUS_UNKNOWN_LAYOUT,
        RINGWAY_STATUS_UNKNOWN_OPTION, ringway_status,
    },
};

/// A node of a ringway_table_spec.
///
/// Who frees it: the caller; nothing here keeps it.
#[repr(C)]
pub struct ringway_node {
    /// The name: 1 to 1,024 bytes, different from all others.
    pub name: *const u8,
    /// The name's length in bytes.
    pub name_len: usize,
    /// The zone, 1 to 1,024 bytes; NULL if it has none.
    pub zone: *const u8,
    /// The zone's length in bytes.
    pub zone_len: usize,
    /// How many shares of the keys it takes; 0 owns nothing. 1 in jump-v1.
    pub weight: u32,
    /// One of RINGWAY_STATE_*.
    pub state: u32,
}

/// What a table is built from: a layout, its options, and nodes. Fill it with zeros first: what is 0
/// or NULL is as if it were not there.
///
/// Who frees it: the caller. Threads: any number may read it at once. The table keeps none of it.
#[repr(C)]
pub struct ringway_table_spec {
    /// sizeof(ringway_table_spec), by which later versions know what there is.
    pub struct_size: usize,
    /// "ringway-v1", "ringway-keyed-v1", "jump-v1" or "maglev-v1".
    pub layout: *const u8,
    /// Its length in bytes.
    pub layout_len: usize,
    /// The nodes; their places are their indices.
    pub nodes: *const ringway_node,
    /// How many these are, at most 65,536.
    pub node_count: usize,
    /// The option hash_tag: two visible ASCII characters between which the hashed part of a key
    /// stands. NULL: all of it is hashed.
    pub hash_tag: *const u8,
    /// Its length in bytes: 2.
    pub hash_tag_len: usize,
    /// The option key of ringway-keyed-v1, which needs it: the secret's bytes, for which elsewhere
    /// hexadecimal digits stand.
    pub key: *const u8,
    /// Its length in bytes: 16.
    pub key_len: usize,
    /// The option vnodes of ringway-v1 and ringway-keyed-v1: points for each unit of weight, 1 to
    /// 65,536; 0: 160.
    pub vnodes: u32,
    /// The option table_size of maglev-v1: a prime number up to 16,777,213; 0: 65,537.
    pub table_size: u32,
}

/// A spec whose pointers were checked, and whose options and texts are good.
pub(crate) struct Spec<'s> {
    pub(crate) layout: Layout,
    nodes: &'s [ringway_node],
    /// What the names and zones have together.
    pub(crate) text_bytes: usize,
    /// How many points the layout asks for, if it is a ring's and they are not too many.
    pub(crate) points: usize,
    pub(crate) has_zones: bool,
    /// Whether any node may own keys.
    pub(crate) has_owner: bool,
}

/// More of a later version's spec is not looked at.
const STRUCT_SIZE_MAX: usize = 4_096;
const NODES_MAX: usize = 65_536;
const POINTS_MAX: u64 = 1 << 24;

impl<'s> Spec<'s> {
    /// Reads a spec, and checks what needs no memory: all but that names differ.
    ///
    /// # Safety
    /// - As for [`ringway_table_size`](crate::init::ringway_table_size).
    pub(crate) unsafe fn read(spec: *const ringway_table_spec) -> Result<Self, ringway_status> {
        // SAFETY: the caller promises a spec whose fields are there.
        let spec: &ringway_table_spec = unsafe { checked(spec) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { text(spec.layout, spec.layout_len) }?;
        // SAFETY: the caller promises the bytes.
        let hash_tag = unsafe { text(spec.hash_tag, spec.hash_tag_len) }?;
        // SAFETY: the caller promises the bytes.
        let key = unsafe { text(spec.key, spec.key_len) }?;
        // SAFETY: the caller promises the elements.
        let nodes: &[ringway_node] = unsafe { array(spec.nodes, spec.node_count) }?;

        // First the name, then the options that it does not have, then their values: SPEC 8.4.
        let (has_vnodes, has_key, has_size) = match name {
            b"ringway-v1" => (true, false, false),
            b"ringway-keyed-v1" => (true, true, false),
            b"jump-v1" => (false, false, false),
            b"maglev-v1" => (false, false, true),
            _ => return Err(RINGWAY_STATUS_UNKNOWN_LAYOUT),
        };
        let is_unknown = !has_vnodes && spec.vnodes != 0
            || !has_key && !spec.key.is_null()
            || !has_size && spec.table_size != 0;
        if is_unknown {
            return Err(RINGWAY_STATUS_UNKNOWN_OPTION);
        }
        let hash_tag = match *hash_tag {
            _ if spec.hash_tag.is_null() => None,
            [open, close] => Some(HashTag::new(open, close).map_err(failure)?),
            _ => return Err(RINGWAY_STATUS_BAD_OPTION),
        };
        let key = match key.as_array() {
            _ if spec.key.is_null() => None,
            Some(&key) => Some(SipKey::new(key)),
            None => return Err(RINGWAY_STATUS_BAD_OPTION),
        };
        let given = |number, otherwise| if number == 0 { otherwise } else { number };
        let vnodes = given(spec.vnodes, 160);
        let table_size = given(spec.table_size, 65_537);
        let layout = if has_key {
            Layout::RingwayKeyedV1 { vnodes, key, hash_tag }
        } else if has_vnodes {
            Layout::RingwayV1 { vnodes, hash_tag }
        } else if has_size {
            Layout::MaglevV1 { table_size, hash_tag }
        } else {
            Layout::JumpV1 { hash_tag }
        };
        layout.check_nodes(&[], &mut []).map_err(failure)?;
        if nodes.len() > NODES_MAX {
            return Err(RINGWAY_STATUS_TOO_MANY_NODES);
        }
        Self::with_nodes(layout, nodes)
    }

    /// Checks the nodes, one after the other, and counts what they need.
    fn with_nodes(layout: Layout, nodes: &'s [ringway_node]) -> Result<Self, ringway_status> {
        let vnodes = match layout {
            Layout::RingwayV1 { vnodes, .. } | Layout::RingwayKeyedV1 { vnodes, .. } => vnodes,
            _ => 0,
        };
        let mut spec =
            Self { layout, nodes, text_bytes: 0, points: 0, has_zones: false, has_owner: false };
        let mut points = 0u64;
        for (index, node) in nodes.iter().enumerate() {
            let node = node.view()?;
            node.check_texts(index).map_err(failure)?;
            // At most 65,536 nodes of 2,048 bytes, and of 2^48 points.
            spec.text_bytes += node.name().len() + node.zone().map_or(0, <[u8]>::len);
            points += u64::from(vnodes) * u64::from(node.effective_weight());
            spec.has_zones |= node.zone().is_some();
            spec.has_owner |= node.effective_weight() > 0;
        }
        // More are refused by the build, which compares the names before: SPEC 8.4.
        spec.points = usize::try_from(points).ok().filter(|_| points <= POINTS_MAX).unwrap_or(0);
        Ok(spec)
    }

    /// The nodes.
    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = Result<Node<'s>, ringway_status>> {
        self.nodes.iter().map(ringway_node::view)
    }
}

impl ringway_node {
    /// The node as core sees it.
    #[inline(never)]
    fn view(&self) -> Result<Node<'_>, ringway_status> {
        // SAFETY: whoever gave the spec promised the bytes.
        let name = unsafe { text(self.name, self.name_len) }?;
        // SAFETY: as above.
        let zone = unsafe { text(self.zone, self.zone_len) }?;
        let node =
            Node::from_bytes(name).with_weight(self.weight).with_state(state_of(self.state)?);
        Ok(if self.zone.is_null() { node } else { node.with_zone(zone) })
    }
}

/// [`bytes`], whose code is here once.
///
/// # Safety
/// - As for `bytes`.
#[inline(never)]
unsafe fn text<'a>(data: *const u8, len: usize) -> Result<&'a [u8], ringway_status> {
    // SAFETY: the caller passes the promise on.
    unsafe { bytes(data, len) }
}

/// The status of what core refuses.
#[inline(never)]
pub(crate) fn failure(error: BuildError) -> ringway_status {
    status::of_build_error(&error)
}

/// The spec at `pointer`, which may be of an earlier version's size or a later one's, if what that
/// one has more is not used.
///
/// # Safety
/// - `pointer` is NULL or points to a `usize`, and that many bytes in all.
unsafe fn checked<'s>(
    pointer: *const ringway_table_spec,
) -> Result<&'s ringway_table_spec, ringway_status> {
    const { assert!(offset_of!(ringway_table_spec, struct_size) == 0) };
    // SAFETY: the caller promises the number.
    let size = *unsafe { borrow(pointer.cast::<usize>()) }?;
    if !(size_of::<ringway_table_spec>()..=STRUCT_SIZE_MAX).contains(&size) {
        return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
    }
    // SAFETY: the caller promises so many bytes.
    let all = unsafe { text(pointer.cast(), size) }?;
    let more = all.get(size_of::<ringway_table_spec>()..).unwrap_or_default();
    if more.iter().any(|&byte| byte != 0) {
        return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
    }
    // SAFETY: the size was just checked, and the caller promises the bytes.
    unsafe { borrow(pointer) }
}
