//! Consistent hashing: one key→node map, the same bits in every language.
//!
//! Four concepts: a [`Node`] has a name, a weight and a zone; a [`Layout`] is one never-changing
//! mapping; a [`Placement`] is an algorithm, whose essential is the walk over candidates; a
//! [`Table`] is an immutable snapshot that says which node owns which key.
#![no_std]
#![forbid(unsafe_code)]
#![warn(
    missing_debug_implementations,
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod error;
mod hash;
mod layout;
mod node;
#[cfg(feature = "alloc")]
mod table;

#[cfg(feature = "alloc")]
pub use crate::table::{Segment, Table};
pub use crate::{
    error::BuildError,
    hash::key_hash,
    layout::{HashTag, Layout, OptionValue},
    node::{Node, NodeIndex, State},
};
