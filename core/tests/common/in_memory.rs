//! Placements of any layout in the caller's memory.

use ringway::{
    Balanced, Buckets, BuildError, Contender, Layout, Maglev, MaglevTurn, Node, NodeIndex,
    Placement, Point, Rendezvous, Ring, RingBuilder,
};

/// What is done with a placement of any type.
pub(crate) trait Visit {
    type Answer;

    fn visit<P: Placement>(self, placement: &P) -> Self::Answer;
}

/// Shows `visit` the placement of that layout, built in `room` elements more than needed.
pub(crate) fn in_memory<V: Visit>(
    layout: &Layout,
    nodes: &[Node<'_>],
    room: usize,
    visit: V,
) -> Result<V::Answer, BuildError> {
    let count = u32::try_from(nodes.len()).unwrap();
    match layout {
        Layout::RingwayV1 { .. } | Layout::RingwayKeyedV1 { .. } => {
            Ok(visit.visit(&ring(layout, nodes, room)?))
        }
        Layout::JumpV1 { hash_tag } => Ok(visit.visit(&match hash_tag {
            None => Buckets::jump(count)?,
            Some(tag) => Buckets::jump(count)?.with_hash_tag(*tag),
        })),
        Layout::JumpbackV1 { hash_tag } => Ok(visit.visit(&match hash_tag {
            None => Buckets::jumpback(count)?,
            Some(tag) => Buckets::jumpback(count)?.with_hash_tag(*tag),
        })),
        Layout::RendezvousV1 { hash_tag } => {
            let placement = rendezvous(nodes, room)?;
            Ok(match hash_tag {
                None => visit.visit(&placement),
                Some(tag) => visit.visit(&placement.with_hash_tag(*tag)),
            })
        }
        Layout::MaglevV1 { table_size, hash_tag } => {
            let placement = maglev(nodes, *table_size, room)?;
            Ok(match hash_tag {
                None => visit.visit(&placement),
                Some(tag) => visit.visit(&placement.with_hash_tag(*tag)),
            })
        }
        Layout::BalancedV1 { slots, room_permille, hash_tag } => {
            let placement = balanced(nodes, *slots as usize, *room_permille, room)?;
            Ok(match hash_tag {
                None => visit.visit(&placement),
                Some(tag) => visit.visit(&placement.with_hash_tag(*tag)),
            })
        }
        other => panic!("{} is not built in the caller's memory", other.name()),
    }
}

pub(crate) fn ring(
    layout: &Layout,
    nodes: &[Node<'_>],
    room: usize,
) -> Result<Ring<Vec<Point>>, BuildError> {
    let builder = RingBuilder::new().with_layout(layout.clone());
    // Of too many points it is enough to count them.
    let memory = builder.storage_needed(nodes).min(1 << 18).max(nodes.len()) + room;
    builder.build_in(nodes, vec![Point::EMPTY; memory])
}

pub(crate) fn rendezvous(
    nodes: &[Node<'_>],
    room: usize,
) -> Result<Rendezvous<Vec<Contender>>, BuildError> {
    Rendezvous::build_in(nodes, vec![Contender::EMPTY; nodes.len() + room])
}

pub(crate) fn maglev(
    nodes: &[Node<'_>],
    table_size: u32,
    room: usize,
) -> Result<Maglev<Vec<NodeIndex>>, BuildError> {
    let size = table_size as usize;
    // What the memory held before is nobody's business.
    let mut turns = vec![MaglevTurn::EMPTY; nodes.len() + room];
    let mut taken = vec![u64::MAX; size.div_ceil(64) + room];
    let entries = vec![NodeIndex::new(u16::MAX); size + room];
    Maglev::build_in(nodes, table_size, entries, &mut turns, &mut taken)
}

pub(crate) type InBalanced = Balanced<Vec<NodeIndex>, Vec<Contender>>;

pub(crate) fn balanced(
    nodes: &[Node<'_>],
    slots: usize,
    room_permille: u32,
    room: usize,
) -> Result<InBalanced, BuildError> {
    let contenders = vec![Contender::EMPTY; nodes.len() + room];
    let mut rooms = vec![u32::MAX; nodes.len() + room];
    let slots = vec![NodeIndex::new(u16::MAX); slots];
    Balanced::build_in(nodes, room_permille, slots, contenders, &mut rooms)
}
