//! What one key may do: a row with a version that never repeats.

use crate::history::{Ask, Told, Value};

/// A row as the operations so far leave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) value: Option<Value>,
    /// Every version from here on is above this one.
    pub(super) floor: u64,
    /// The value's version is `floor`; otherwise it is unknown and above.
    pub(super) is_exact: bool,
}

impl State {
    /// The state after an operation, or nothing if it could not have been told that here.
    pub(super) fn after(self, ask: Ask, told: Told) -> Option<Self> {
        match (ask, told) {
            (Ask::Read, Told::Found(value, version)) => {
                let fits = self.value == Some(value) && self.may_have(version);
                fits.then_some(Self { value: Some(value), floor: version, is_exact: true })
            }
            (Ask::Read | Ask::Delete, Told::Absent) => self.value.is_none().then_some(self),
            (Ask::Write(value), Told::Written(version)) => self.written(value, version),
            (Ask::Write(value), Told::Unknown) => Some(self.written_somehow(value)),
            (Ask::Delete, Told::Deleted) => self.value.is_some().then(|| self.deleted()),
            (Ask::Delete, Told::Unknown) => Some(self.deleted()),
            (Ask::Swap(expected, value), Told::Written(version)) => {
                let fits = self.value.is_some() && self.may_have(expected) && version > expected;
                fits.then_some(Self { value: Some(value), floor: version, is_exact: true })
            }
            (Ask::Swap(expected, _), Told::Unmet) => {
                let holds = self.value.is_some() && self.is_exact && self.floor == expected;
                (!holds).then_some(self)
            }
            (Ask::Swap(expected, value), Told::Unknown) => {
                let fits = self.value.is_some() && self.may_have(expected);
                fits.then(|| Self { floor: expected, ..self }.written_somehow(value))
            }
            (Ask::Create(value), Told::Written(version)) => {
                self.value.is_none().then(|| self.written(value, version))?
            }
            (Ask::Create(_), Told::Unmet) => self.value.is_some().then_some(self),
            (Ask::Create(value), Told::Unknown) => {
                self.value.is_none().then(|| self.written_somehow(value))
            }
            _ => None,
        }
    }

    fn may_have(self, version: u64) -> bool {
        if self.is_exact { version == self.floor } else { version > self.floor }
    }

    fn written(self, value: Value, version: u64) -> Option<Self> {
        (version > self.floor).then_some(Self {
            value: Some(value),
            floor: version,
            is_exact: true,
        })
    }

    fn written_somehow(self, value: Value) -> Self {
        Self { value: Some(value), floor: self.floor, is_exact: false }
    }

    fn deleted(self) -> Self {
        Self { value: None, floor: self.floor, is_exact: false }
    }
}
