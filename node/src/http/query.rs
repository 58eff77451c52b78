//! The parameters of control calls, strictly read.

use std::collections::BTreeMap;

use http::Uri;
use ringway_cluster::{Fence, Incarnation};

use super::head::{hex, number, percent_decode};

/// The parameters of a call; each is known, and there once.
pub(crate) struct Query {
    given: BTreeMap<String, String>,
}

impl Query {
    pub(crate) fn parse(uri: &Uri) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |text: &str| {
                let bytes = percent_decode(text)?;
                String::from_utf8(bytes).map_err(|_| "a parameter is no text".to_string())
            };
            let name = text(name)?;
            if given.insert(name.clone(), text(value)?).is_some() {
                return Err(format!("the parameter {name} is there twice"));
            }
        }
        Ok(Self { given })
    }

    /// The range, if it is there, for what an error says.
    pub(crate) fn range(&self) -> (u64, u64) {
        let read = |name| self.given.get(name).and_then(|value: &String| number(value));
        read("lo").zip(read("hi")).unwrap_or((1, 0))
    }

    pub(crate) fn optional(&mut self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.given.remove(name) else {
            return Ok(None);
        };
        let wrong = || format!("the parameter {name} must be a decimal number, not {value:?}");
        number(&value).map(Some).ok_or_else(wrong)
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<u64, String> {
        self.optional(name)?.ok_or_else(|| format!("the parameter {name} is missing"))
    }

    pub(crate) fn fence(&mut self) -> Result<Fence, String> {
        let (lo, hi) = (self.number("lo")?, self.number("hi")?);
        let (epoch, attempt) = (self.number("epoch")?, self.number("attempt")?);
        let incarnation = self.given.remove("incarnation");
        let incarnation = incarnation.ok_or("the parameter incarnation is missing")?;
        let incarnation: Incarnation =
            incarnation.parse().map_err(|error| format!("the parameter incarnation: {error}"))?;
        in_order(lo, hi)?;
        Ok(Fence { lo, hi, epoch, attempt, incarnation })
    }

    pub(crate) fn optional_range(&mut self) -> Result<Option<(u64, u64)>, String> {
        match (self.optional("lo")?, self.optional("hi")?) {
            (Some(lo), Some(hi)) => in_order(lo, hi).map(|()| Some((lo, hi))),
            (None, None) => Ok(None),
            _ => Err("the parameters lo and hi go together".into()),
        }
    }

    /// `rows_max` and `bytes_max`; one that is not given does not limit.
    pub(crate) fn limits(&mut self) -> Result<Option<(u64, u64)>, String> {
        let limits = (self.optional("rows_max")?, self.optional("bytes_max")?);
        if limits == (None, None) {
            return Ok(None);
        }
        let (rows, bytes) = (limits.0.unwrap_or(u64::MAX), limits.1.unwrap_or(u64::MAX));
        if rows == 0 || bytes == 0 {
            return Err("rows_max and bytes_max must be at least 1".into());
        }
        Ok(Some((rows, bytes)))
    }

    pub(crate) fn cursor(&mut self) -> Result<Option<(u64, Vec<u8>)>, String> {
        match (self.optional("after_position")?, self.given.remove("after_key")) {
            (Some(position), Some(key)) => {
                let key = hex(key.as_bytes());
                let key = key.ok_or("the parameter after_key must be hexadecimal")?;
                Ok(Some((position, key)))
            }
            (None, None) => Ok(None),
            _ => Err("the parameters after_position and after_key go together".into()),
        }
    }

    /// Nothing else may be there.
    pub(crate) fn finish(&self) -> Result<(), String> {
        match self.given.keys().next() {
            Some(name) => Err(format!("the call knows no parameter {name}")),
            None => Ok(()),
        }
    }
}

fn in_order(lo: u64, hi: u64) -> Result<(), String> {
    if lo <= hi { Ok(()) } else { Err(format!("lo {lo} is above hi {hi}")) }
}
