//! Answers the questions of `questions.py`, that is, the vectors, without an allocator.
//!
//! Whatever the program runs on, it lends a [`Memory`], some bytes of questions and a place for
//! the answers: one line for each question, the owners' indices as decimal numbers with a blank
//! before each, `-` for nobody.
#![no_std]
#![forbid(unsafe_code)]

mod memory;
mod questions;

use core::fmt::{self, Write};

use ringway::{NodeIndex, Placement, Zones};

pub use crate::memory::Memory;
use crate::{
    memory::WithPlacement,
    questions::{Ask, Case, Questions},
};

/// So many nodes has a table at most here.
pub const NODES_MAX: usize = 1_024;
/// So many points has a ring at most here.
pub const POINTS_MAX: usize = 16_384;
/// So many entries has a table of `maglev-v1`, and slots one of `balanced-v1`.
pub const ENTRIES_MAX: usize = 65_537;
/// So many owners are asked for at once.
pub const OWNERS_MAX: usize = 64;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes are no questions.
    Unreadable,
    /// The questions need more memory than there is.
    TooLarge,
    /// The nodes or the options are refused; the error's machine name.
    Refused(&'static str),
    /// The answers could not be written.
    Unwritten,
}

impl From<fmt::Error> for Fault {
    fn from(_: fmt::Error) -> Self {
        Self::Unwritten
    }
}

impl From<ringway::BuildError> for Fault {
    fn from(error: ringway::BuildError) -> Self {
        Self::Refused(error.name())
    }
}

/// Answers all `questions`; says at the end what is wrong, if anything is.
pub fn answer(questions: &[u8], memory: &mut Memory, out: &mut impl Write) {
    let fault = match answer_cases(&mut Questions::new(questions), memory, out) {
        Ok(()) => return,
        Err(Fault::Unreadable) => "unreadable",
        Err(Fault::TooLarge) => "too-large",
        Err(Fault::Refused(name)) => name,
        // There is nobody to tell.
        Err(Fault::Unwritten) => return,
    };
    // As before.
    let _ = writeln!(out, "fault: {fault}");
}

fn answer_cases(
    questions: &mut Questions<'_>,
    memory: &mut Memory,
    out: &mut impl Write,
) -> Result<(), Fault> {
    while let Some(case) = questions.case()? {
        let Case { layout, nodes, ask_count } = case;
        let (few, rest) = memory.split();
        let scratch = few.scratch.get_mut(..nodes.len()).ok_or(Fault::TooLarge)?;
        let zones = Zones::build_in(&nodes, &mut few.zones[..], scratch)?;
        rest.with_placement(&layout, &nodes, Answers { questions, zones, ask_count, out })??;
    }
    Ok(())
}

/// The answers of one case.
struct Answers<'a, 'q, 'z, W> {
    questions: &'a mut Questions<'q>,
    zones: Zones<&'z mut [NodeIndex]>,
    ask_count: u32,
    out: &'a mut W,
}

impl<W: Write> WithPlacement for Answers<'_, '_, '_, W> {
    type Answer = Result<(), Fault>;

    fn run(self, placement: &impl Placement) -> Result<(), Fault> {
        let Self { questions, zones, ask_count, out } = self;
        for _ in 0..ask_count {
            let mut owners = [NodeIndex::new(0); OWNERS_MAX];
            match questions.ask()? {
                Ask::Owner { key } => write_owner(out, placement.owner(key))?,
                Ask::Owners { key, k } => {
                    let owners = owners.get_mut(..k).ok_or(Fault::TooLarge)?;
                    let filled = placement.owners(key, owners);
                    write_owners(out, owners.get(..filled).unwrap_or_default())?;
                }
                Ask::OwnersInZones { key, k } => {
                    let owners = owners.get_mut(..k).ok_or(Fault::TooLarge)?;
                    let filled = placement.owners_in_zones(key, &zones, owners);
                    write_owners(out, owners.get(..filled).unwrap_or_default())?;
                }
                Ask::Many(mut keys) => {
                    while let Some(key) = keys.next_key()? {
                        write_owner(out, placement.owner(key))?;
                    }
                }
            }
            out.write_char('\n')?;
        }
        Ok(())
    }
}

fn write_owners(out: &mut impl Write, owners: &[NodeIndex]) -> Result<(), Fault> {
    if owners.is_empty() {
        write_owner(out, None)?;
    }
    owners.iter().try_for_each(|&owner| write_owner(out, Some(owner)))
}

fn write_owner(out: &mut impl Write, owner: Option<NodeIndex>) -> Result<(), Fault> {
    match owner {
        Some(owner) => write!(out, " {}", owner.get())?,
        None => out.write_str(" -")?,
    }
    Ok(())
}
