//! Consistent hashing: one key→node map, the same bits in every language.
//!
//! Four concepts: a [`Node`] has a name, a weight and a zone; a [`Layout`] is one never-changing
//! mapping; a [`Placement`] is an algorithm, whose essential is the walk over candidates; a
//! `Table` is an immutable snapshot that says which node owns which key.
//!
//! Lookups never fail, allocate, lock or panic.
//!
//! # Examples
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! use ringway::{Layout, Node, Table};
//!
//! let nodes = [Node::new("db1"), Node::new("db2").with_weight(2), Node::new("db3")];
//! let table = Table::new(&Layout::ringway_v1(), &nodes)?;
//! let owner = table.owner(b"user:42").expect("a node has weight");
//! let name = table.node(owner).expect("an index of this table").name();
//! assert_eq!(name, b"db2");
//! # }
//! # Ok::<(), ringway::BuildError>(())
//! ```
//!
//! # Without an allocator
//!
//! Each placement is a type over memory that the caller gives it (`S: AsRef<[T]>`): an array, a
//! slice, a `Box`, a `heapless::Vec` that was filled. What `Table` is built of is the same types
//! over boxes, so all give the same owners.
//!
//! | layout | type | bytes it keeps | more while it is built |
//! |---|---|---|---|
//! | `ringway-v1`, `ringway-keyed-v1` | [`Ring`], by [`RingBuilder::build_in`] | 8 a point | |
//! | `jump-v1`, `jumpback-v1` | [`Buckets`] | | |
//! | `rendezvous-v1` | [`Rendezvous`] | 16 a node | |
//! | `maglev-v1` | [`Maglev`] | 2 an entry | 32 a node, a bit an entry |
//! | `balanced-v1` | [`Balanced`] | 2 a slot, 16 a node | 4 a node |
//! | `memento-v1` | [`Memento`] | those of its map | |
//!
//! Lookups are those of [`Placement`]; for replicas in different zones there are [`Zones`].
//!
//! ```
//! use ringway::{Layout, Node, NodeIndex, Placement, Point, RingBuilder};
//!
//! let nodes = [Node::new("db1"), Node::new("db2").with_weight(2), Node::new("db3")];
//! let builder = RingBuilder::new().with_layout(Layout::ringway_v1());
//! let mut memory = [Point::EMPTY; 1_000];
//! assert_eq!(builder.storage_needed(&nodes), 640);
//! let ring = builder.build_in(&nodes, &mut memory)?;
//! let mut owners = [NodeIndex::new(0); 2];
//! assert_eq!(ring.owners(b"user:42", &mut owners), 2);
//! assert_eq!(nodes[owners[0].as_usize()].name(), b"db2");
//! # Ok::<(), ringway::BuildError>(())
//! ```
//!
//! # Crate features
//!
//! A feature adds API; it never changes an answer.
//!
//! - `alloc` (default): owned memory, that is `Table`, `Ring::new` and `RingBuilder::build`.
//! - `compat` (default): deployed programs' layouts, `Program`.
//! - `heapless`: `RemovedArray`, with which [`Memento`] needs no allocator.
//! - `simd`: `jump_many`, and so tables of `jump-v1`, use the vectors that the processor turns out
//!   to have. It is the only part with `unsafe`.
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(not(feature = "simd"), forbid(unsafe_code))]
#![warn(
    missing_debug_implementations,
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod balanced;
mod buckets;
mod check;
mod error;
mod hash;
mod jump;
mod jumpback;
mod layout;
mod maglev;
mod memento;
mod memory;
mod node;
mod placement;
mod rendezvous;
mod ring;
mod sort;
#[cfg(feature = "alloc")]
mod table;
mod zones;

#[cfg(feature = "compat")]
pub use crate::layout::{
    Compat, Program,
    compat::{cassandra_token, redis_slot},
};
#[cfg(feature = "heapless")]
pub use crate::memento::RemovedArray;
#[cfg(feature = "alloc")]
pub use crate::table::{LoadFactor, MovedError, MovedRange, Segment, SnapshotError, Table, Twins};
pub use crate::{
    balanced::{Balanced, BalancedWalk},
    buckets::{Buckets, BucketsWalk},
    error::BuildError,
    hash::key_hash,
    jump::{jump, jump_many},
    jumpback::jumpback,
    layout::{HashTag, Layout, OptionValue, SipKey},
    maglev::{Maglev, MaglevTurn, MaglevWalk},
    memento::{Memento, MementoWalk, Removal, Removals},
    node::{Node, NodeIndex, State},
    placement::Placement,
    rendezvous::{Contender, Rendezvous, RendezvousWalk},
    ring::{Point, Ring, RingBuilder, Walk},
    zones::Zones,
};
#[cfg(feature = "alloc")]
pub use crate::{layout::Removed, memento::RemovedMap};

/// README's examples are tests.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../../README.md")]
pub struct ReadmeDoctests;
