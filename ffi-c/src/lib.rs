//! The C ABI of Ringway; `include/ringway.h` is made from this crate and is its manual.
//!
//! One file for each C object (`builder`, `table`), `node_field` for more of the builder's, `batch`,
//! `bounded`, `change`, `deployed` and `snapshot` for more of the table's, and three of pure
//! mechanism: `guard` (pointers and panics), `status` (codes and their texts), `version`. The
//! comments of exports are written for the header, so they speak C.
#![allow(non_camel_case_types, reason = "types are named as in C")]
#![allow(clippy::doc_markdown, reason = "the comments of exports become the manual for C")]

pub mod batch;
pub mod bounded;
pub mod buckets;
pub mod builder;
pub mod change;
pub mod cluster_file;
pub mod deployed;
mod guard;
#[cfg(test)]
mod header;
pub mod jump;
pub mod lookup;
pub mod node_field;
mod pointers;
pub mod snapshot;
pub mod state;
pub mod status;
pub mod table;
mod texts;
pub mod version;
