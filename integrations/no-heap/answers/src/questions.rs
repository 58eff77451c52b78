//! The questions as `questions.py` writes them. All numbers are little-endian.

use core::str;

use heapless::{String, Vec};
use ringway::{Layout, Node, OptionValue, State};

use crate::{Fault, NODES_MAX};

/// What is left to read.
pub(crate) struct Questions<'q> {
    rest: &'q [u8],
}

/// A table, and how many questions follow.
pub(crate) struct Case<'q> {
    pub(crate) layout: Layout,
    pub(crate) nodes: Vec<Node<'q>, NODES_MAX>,
    pub(crate) ask_count: u32,
}

/// One question.
pub(crate) enum Ask<'q> {
    /// Who owns the key?
    Owner { key: &'q [u8] },
    /// Who are its `k` owners, whatever their zones?
    Owners { key: &'q [u8], k: usize },
    /// Who are its `k` owners?
    OwnersInZones { key: &'q [u8], k: usize },
    /// Who owns each of these keys?
    Many(Keys<'q>),
}

/// Keys of one prefix and numbers that count up.
pub(crate) struct Keys<'q> {
    prefix: &'q str,
    digits: usize,
    next: u32,
    left: u32,
    key: String<64>,
}

impl<'q> Questions<'q> {
    pub(crate) const fn new(rest: &'q [u8]) -> Self {
        Self { rest }
    }

    /// The next table; `None` at the end.
    pub(crate) fn case(&mut self) -> Result<Option<Case<'q>>, Fault> {
        if self.number::<1>()? == 0 {
            return Ok(None);
        }
        let mut layout = Layout::from_name(self.text()?)?;
        for _ in 0..self.number::<1>()? {
            let name = self.text()?;
            let value = match self.number::<1>()? {
                0 => OptionValue::Integer(i64::from(self.number::<4>()?)),
                _ => OptionValue::Text(self.text()?),
            };
            layout = layout.with_option(name, value)?;
        }
        let mut nodes = Vec::new();
        for _ in 0..self.number::<4>()? {
            let node = self.node()?;
            nodes.push(node).map_err(|_| Fault::TooLarge)?;
        }
        Ok(Some(Case { layout, nodes, ask_count: self.number::<4>()? }))
    }

    fn node(&mut self) -> Result<Node<'q>, Fault> {
        let node = Node::from_bytes(self.bytes()?).with_weight(self.number::<4>()?);
        let state = match self.number::<1>()? {
            0 => State::Up,
            1 => State::Down,
            _ => State::Drain,
        };
        let zone = self.bytes()?;
        let node = node.with_state(state);
        Ok(if zone.is_empty() { node } else { node.with_zone(zone) })
    }

    /// The next question of the case.
    pub(crate) fn ask(&mut self) -> Result<Ask<'q>, Fault> {
        Ok(match self.number::<1>()? {
            0 => Ask::Owner { key: self.bytes()? },
            1 => Ask::Owners { k: self.number::<1>()? as usize, key: self.bytes()? },
            2 => Ask::OwnersInZones { k: self.number::<1>()? as usize, key: self.bytes()? },
            _ => Ask::Many(Keys {
                prefix: self.text()?,
                digits: self.number::<1>()? as usize,
                next: self.number::<4>()?,
                left: self.number::<4>()?,
                key: String::new(),
            }),
        })
    }

    fn number<const N: usize>(&mut self) -> Result<u32, Fault> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(Fault::Unreadable)?;
        self.rest = rest;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// Bytes after their number.
    fn bytes(&mut self) -> Result<&'q [u8], Fault> {
        let len = self.number::<2>()? as usize;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Fault::Unreadable)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<&'q str, Fault> {
        str::from_utf8(self.bytes()?).map_err(|_| Fault::Unreadable)
    }
}

impl Keys<'_> {
    /// The next key, until there are no more.
    pub(crate) fn next_key(&mut self) -> Result<Option<&[u8]>, Fault> {
        use core::fmt::Write as _;

        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.key.clear();
        write!(self.key, "{}{:0digits$}", self.prefix, self.next, digits = self.digits)
            .map_err(|_| Fault::TooLarge)?;
        self.next = self.next.wrapping_add(1);
        Ok(Some(self.key.as_bytes()))
    }
}
