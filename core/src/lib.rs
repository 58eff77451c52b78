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
//! Without an allocator, a [`Ring`] is built in the caller's memory: [`RingBuilder::build_in`].
//!
//! # Crate features
//!
//! A feature adds API; it never changes an answer.
//!
//! - `alloc` (default): owned storage, that is `Table`, `Ring::new` and `RingBuilder::build`.
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

#[cfg(feature = "alloc")]
mod balanced;
#[cfg(feature = "alloc")]
mod buckets;
mod check;
mod error;
mod hash;
mod jump;
mod jumpback;
mod layout;
#[cfg(feature = "alloc")]
mod maglev;
mod node;
mod placement;
#[cfg(feature = "alloc")]
mod rendezvous;
mod ring;
#[cfg(feature = "alloc")]
mod table;

#[cfg(feature = "alloc")]
pub use crate::table::{LoadFactor, MovedError, MovedRange, Segment, SnapshotError, Table, Twins};
pub use crate::{
    error::BuildError,
    hash::key_hash,
    jump::{jump, jump_many},
    jumpback::jumpback,
    layout::{HashTag, Layout, OptionValue, SipKey},
    node::{Node, NodeIndex, State},
    placement::Placement,
    ring::{Point, Ring, RingBuilder, Walk},
};

/// README's examples are tests.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../../README.md")]
pub struct ReadmeDoctests;
