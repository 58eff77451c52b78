//! The freestanding form of the C ABI; `include/ringway-freestanding.h` is made from this crate.
//!
//! No heap, no libc, no operating system: tables are built in the caller's memory. What both forms
//! have, the codes, the lookups and the handling of pointers, is the source of the hosted one. Here
//! are the table behind the handle (`table`), how its memory is divided (`memory`) and what it is
//! built from (`spec`).
#![no_std]
#![allow(non_camel_case_types, reason = "types are named as in C")]
#![allow(clippy::doc_markdown, reason = "the comments of exports become the manual for C")]

mod guard;
pub mod init;
#[path = "../../src/jump.rs"]
pub mod jump;
#[path = "../../src/lookup.rs"]
pub mod lookup;
mod memory;
#[allow(dead_code, reason = "the hosted form takes more of it")]
#[path = "../../src/pointers.rs"]
mod pointers;
mod spec;
#[path = "../../src/state.rs"]
pub mod state;
#[path = "../../src/status.rs"]
pub mod status;
pub mod table;
mod texts;
#[path = "../../src/version.rs"]
pub mod version;
