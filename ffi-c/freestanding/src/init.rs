//! Tables in the caller's memory.

use core::{ffi::c_void, mem::MaybeUninit};

use ringway::{Buckets, Layout, Maglev, MaglevTurn, Node, NodeIndex, Point, RingBuilder, Zones};

use crate::{
    guard::{Out, OutArray, guard},
    memory::{ALIGN, Arena, Extent},
    spec::{Spec, failure, ringway_table_spec},
    status::{RINGWAY_STATUS_INVALID_ARGUMENT, RINGWAY_STATUS_MEMORY_TOO_SMALL, ringway_status},
    table::{LayoutName, Placed, Table, ringway_table},
};

/// How many bytes a table of that spec takes, and at which alignment: what ringway_table_init()
/// needs.
///
/// With pointers of 64 bits: 8 bytes for each point of a ring, 2 for each entry of maglev-v1 and a bit
/// to build it, for each node 40, its name and its zone, in maglev-v1 32 more, 4 where nodes have
/// zones; and about 200.
///
/// # Errors
/// UNKNOWN_LAYOUT, UNKNOWN_OPTION, BAD_OPTION, MISSING_OPTION, TOO_MANY_NODES, NAME_EMPTY,
/// NAME_TOO_LONG, ZONE_EMPTY, ZONE_TOO_LONG (checked in this order);
/// INVALID_ARGUMENT, also for an unknown state, a struct_size below sizeof(ringway_table_spec), or
/// something in a larger one that this version does not know; OUT_OF_MEMORY if no object can be so
/// large.
///
/// # Complexity
/// O(nodes).
///
/// # Safety
/// - spec points to a size_t and as many bytes in all as that says; its pointers, and those of its
///   nodes, are NULL or point to as many bytes or nodes as the lengths beside them say.
/// - bytes and align point to places to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_size(
    spec: *const ringway_table_spec,
    bytes: *mut usize,
    align: *mut usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the place.
        let bytes = unsafe { Out::new(bytes) }?;
        // SAFETY: the caller promises the place.
        let align = unsafe { Out::new(align) }?;
        // SAFETY: the caller promises what the spec says.
        let spec = unsafe { Spec::read(spec) }?;
        bytes.write(size_of(&spec)?);
        align.write(ALIGN);
        Ok(())
    })
}

/// Builds a table of that spec in the caller's memory; nothing else is allocated.
///
/// memory has at least as many bytes as ringway_table_size() says, aligned as that says. *table
/// points into it. What was in it is lost, also where the call fails.
///
/// # Errors
/// Those of ringway_table_size(); MEMORY_TOO_SMALL; then DUPLICATE_NAME, TOO_MANY_POINTS,
/// TABLE_TOO_SMALL, and in jump-v1 WEIGHT_UNSUPPORTED and DRAIN_UNSUPPORTED; INVALID_ARGUMENT also
/// for memory that is misaligned.
///
/// # Complexity
/// O(points * log points), in maglev-v1 O(table_size * log table_size) expected; O(nodes * log
/// nodes) to compare the names. 8 KiB of stack at most.
///
/// # Safety
/// - As ringway_table_size(), and memory points to that many bytes that nobody else uses as long as
///   the table is used; it overlaps nothing that the spec points to.
/// - table points to a pointer to be written, outside that memory.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_init(
    memory: *mut c_void,
    bytes: usize,
    spec: *const ringway_table_spec,
    table: *mut *const ringway_table,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the place.
        let place = unsafe { Out::new(table) }?;
        if !memory.addr().is_multiple_of(ALIGN) {
            return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
        }
        // SAFETY: the caller promises so many bytes.
        let memory = unsafe { OutArray::<u8>::new(memory.cast(), bytes) }?;
        // SAFETY: the caller promises what the spec says.
        let spec = unsafe { Spec::read(spec) }?;
        let needed = size_of(&spec)?;
        let memory = memory.uninit().get_mut(..needed).ok_or(RINGWAY_STATUS_MEMORY_TOO_SMALL)?;
        place.write(build(spec, memory)?);
        Ok(())
    })
}

/// The bytes of a table; as [`build`] takes them.
fn size_of(spec: &Spec<'_>) -> Result<usize, ringway_status> {
    extent(spec).map(Extent::bytes).ok_or(crate::status::RINGWAY_STATUS_OUT_OF_MEMORY)
}

fn extent(spec: &Spec<'_>) -> Option<Extent> {
    let count = spec.nodes().len();
    let mut extent = Extent::default().with::<ringway_table>(1)?.with::<Node<'_>>(count)?;
    extent = extent.with::<u8>(spec.text_bytes)?;
    if spec.has_zones {
        extent = extent.with::<NodeIndex>(count)?.with::<NodeIndex>(count)?;
    }
    match spec.layout {
        Layout::JumpV1 { .. } => extent.with::<NodeIndex>(count),
        Layout::MaglevV1 { .. } => {
            let entries = entries(spec);
            let extent = extent.with::<NodeIndex>(entries)?.with::<MaglevTurn>(count)?;
            extent.with::<u64>(entries.div_ceil(64))
        }
        _ => extent.with::<Point>(spec.points.max(count)),
    }
}

/// How many entries the table of `maglev-v1` has.
fn entries(spec: &Spec<'_>) -> usize {
    match spec.layout {
        // Below 2^24.
        Layout::MaglevV1 { table_size, .. } if spec.has_owner => {
            usize::try_from(table_size).unwrap_or(usize::MAX)
        }
        _ => 0,
    }
}

/// Builds the table; takes what [`extent`] counts, in that order.
fn build(
    spec: Spec<'_>,
    memory: &'static mut [MaybeUninit<u8>],
) -> Result<*const ringway_table, ringway_status> {
    let mut arena = Arena::new(memory);
    let place = arena.room::<ringway_table>()?;
    let nodes = arena.take(spec.nodes().len(), Node::from_bytes(&[]))?;
    for (slot, node) in nodes.iter_mut().zip(spec.nodes()) {
        *slot = copied(&mut arena, &node?)?;
    }
    let nodes = &*nodes;
    let zones = if spec.has_zones {
        let storage = arena.zeros(nodes.len())?;
        let scratch = arena.zeros(nodes.len())?;
        Some(Zones::build_in(nodes, storage, scratch).map_err(failure)?)
    } else {
        None
    };
    let layout = LayoutName(spec.layout.name());
    let placed = place_nodes(spec, nodes, &mut arena)?;
    Ok(place.write(ringway_table(Table { placed, nodes, zones, layout })))
}

/// The same node with its texts in the table's memory.
fn copied(arena: &mut Arena<'static>, node: &Node<'_>) -> Result<Node<'static>, ringway_status> {
    let copy = Node::from_bytes(arena.copy(node.name())?);
    let copy = copy.with_weight(node.weight()).with_state(node.state());
    Ok(match node.zone() {
        Some(zone) => copy.with_zone(arena.copy(zone)?),
        None => copy,
    })
}

fn place_nodes(
    spec: Spec<'_>,
    nodes: &[Node<'_>],
    arena: &mut Arena<'static>,
) -> Result<Placed<'static>, ringway_status> {
    let entries = entries(&spec);
    match spec.layout {
        Layout::JumpV1 { hash_tag } => {
            let scratch = arena.zeros(nodes.len())?;
            spec.layout.check_nodes(nodes, scratch).map_err(failure)?;
            // At most 65,536, checked before.
            let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            let buckets = Buckets::jump(count).map_err(failure)?;
            Ok(Placed::Buckets(match hash_tag {
                Some(tag) => buckets.with_hash_tag(tag),
                None => buckets,
            }))
        }
        Layout::MaglevV1 { table_size, hash_tag } => {
            let storage = arena.zeros(entries)?;
            let turns = arena.take(nodes.len(), MaglevTurn::EMPTY)?;
            let taken = arena.zeros(entries.div_ceil(64))?;
            let maglev = Maglev::build_in(nodes, table_size, storage, turns, taken);
            let maglev = maglev.map_err(failure)?;
            Ok(Placed::Maglev(match hash_tag {
                Some(tag) => maglev.with_hash_tag(tag),
                None => maglev,
            }))
        }
        layout => {
            let storage = arena.zeros::<Point>(spec.points.max(nodes.len()))?;
            let ring = RingBuilder::new().with_layout(layout);
            Ok(Placed::Ring(ring.build_in(nodes, storage).map_err(failure)?))
        }
    }
}
