//! The memory that placements are built in.

use ringway::{
    Balanced, Buckets, Contender, Layout, Maglev, MaglevTurn, Node, NodeIndex, Placement, Point,
    Rendezvous, RingBuilder,
};

use crate::{ENTRIES_MAX, Fault, NODES_MAX, POINTS_MAX};

/// All memory that any placement here needs, and the zones beside it.
#[derive(Debug)]
pub struct Memory {
    pub(crate) zones: ZoneMemory,
    rest: PlacementMemory,
}

#[derive(Debug)]
pub(crate) struct ZoneMemory {
    pub(crate) zones: [NodeIndex; NODES_MAX],
    pub(crate) scratch: [NodeIndex; NODES_MAX],
}

#[derive(Debug)]
pub(crate) struct PlacementMemory {
    points: [Point; POINTS_MAX],
    entries: [NodeIndex; ENTRIES_MAX],
    taken: [u64; ENTRIES_MAX.div_ceil(64)],
    turns: [MaglevTurn; NODES_MAX],
    contenders: [Contender; NODES_MAX],
    rooms: [u32; NODES_MAX],
}

/// What is done with a placement of any type.
pub(crate) trait WithPlacement {
    type Answer;

    fn run(self, placement: &impl Placement) -> Self::Answer;
}

impl Memory {
    /// Memory with nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        const NOBODY: NodeIndex = NodeIndex::new(0);
        Self {
            zones: ZoneMemory { zones: [NOBODY; NODES_MAX], scratch: [NOBODY; NODES_MAX] },
            rest: PlacementMemory {
                points: [Point::EMPTY; POINTS_MAX],
                entries: [NOBODY; ENTRIES_MAX],
                taken: [0; ENTRIES_MAX.div_ceil(64)],
                turns: [MaglevTurn::EMPTY; NODES_MAX],
                contenders: [Contender::EMPTY; NODES_MAX],
                rooms: [0; NODES_MAX],
            },
        }
    }

    pub(crate) const fn split(&mut self) -> (&mut ZoneMemory, &mut PlacementMemory) {
        (&mut self.zones, &mut self.rest)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl PlacementMemory {
    /// Runs `run` with the placement of these nodes in that layout.
    pub(crate) fn with_placement<R: WithPlacement>(
        &mut self,
        layout: &Layout,
        nodes: &[Node<'_>],
        run: R,
    ) -> Result<R::Answer, Fault> {
        let count = u32::try_from(nodes.len()).map_err(|_| Fault::TooLarge)?;
        let tag = layout.hash_tag().copied();
        Ok(match layout {
            Layout::RingwayV1 { .. } | Layout::RingwayKeyedV1 { .. } => {
                let builder = RingBuilder::new().with_layout(layout.clone());
                run.run(&builder.build_in(nodes, &mut self.points[..])?)
            }
            Layout::JumpV1 { .. } => {
                let placement = Buckets::jump(count)?;
                run.run(&tag.map_or(placement, |tag| placement.with_hash_tag(tag)))
            }
            Layout::JumpbackV1 { .. } => {
                let placement = Buckets::jumpback(count)?;
                run.run(&tag.map_or(placement, |tag| placement.with_hash_tag(tag)))
            }
            Layout::RendezvousV1 { .. } => {
                let placement = Rendezvous::build_in(nodes, &mut self.contenders[..])?;
                match tag {
                    None => run.run(&placement),
                    Some(tag) => run.run(&placement.with_hash_tag(tag)),
                }
            }
            &Layout::MaglevV1 { table_size, .. } => {
                let entries = &mut self.entries[..];
                let (turns, taken) = (&mut self.turns, &mut self.taken);
                let placement = Maglev::build_in(nodes, table_size, entries, turns, taken)?;
                match tag {
                    None => run.run(&placement),
                    Some(tag) => run.run(&placement.with_hash_tag(tag)),
                }
            }
            &Layout::BalancedV1 { slots, room_permille, .. } => {
                let slots = self.entries.get_mut(..slots as usize).ok_or(Fault::TooLarge)?;
                let (contenders, rooms) = (&mut self.contenders[..], &mut self.rooms);
                let placement = Balanced::build_in(nodes, room_permille, slots, contenders, rooms)?;
                match tag {
                    None => run.run(&placement),
                    Some(tag) => run.run(&placement.with_hash_tag(tag)),
                }
            }
            _ => return Err(Fault::Refused("not built here")),
        })
    }
}
