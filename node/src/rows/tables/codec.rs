//! How rows of tables travel: a key that names the table and holds its `PRIMARY KEY`, and a value
//! that holds the other columns.
//!
//! ```text
//! key:   2, length of tag (1), tag, each column of the PRIMARY KEY as a datum
//! value: for each column that is not NULL, ascending by name: length of name (1), name, datum
//! datum: 1 and an integer (8 bytes), 2 and a real (8), 3 and a text, 4 and a blob (length 4 before)
//! ```
//! Numbers are little-endian. A column that is NULL is left out: so a column that was added, and is
//! NULL in old rows, changes none of them.

use rusqlite::types::ValueRef;

use crate::rows::key::TABLE;

/// Writes what a key of that table begins with.
pub(super) fn begin_key(tag: &str) -> Vec<u8> {
    let len = u8::try_from(tag.len()).expect("checked when the table was named");
    [&[TABLE, len], tag.as_bytes()].concat()
}

/// The tag of a key, and what is behind it.
pub(super) fn split_key(key: &[u8]) -> Option<(&[u8], &[u8])> {
    match key {
        [TABLE, len, rest @ ..] => rest.split_at_checked(usize::from(*len)),
        _ => None,
    }
}

pub(super) fn write(bytes: &mut Vec<u8>, datum: ValueRef<'_>) {
    let mut counted = |kind: u8, data: &[u8]| {
        bytes.push(kind);
        // SQLite's own limit is below 2^31.
        bytes.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(data);
    };
    match datum {
        ValueRef::Null => bytes.push(0),
        ValueRef::Text(text) => counted(3, text),
        ValueRef::Blob(blob) => counted(4, blob),
        ValueRef::Integer(number) => {
            bytes.push(1);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            bytes.push(2);
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
        }
    }
}

/// Takes a datum off the front of `bytes`; `None` if there is none.
pub(super) fn read<'a>(bytes: &mut &'a [u8]) -> Option<ValueRef<'a>> {
    let kind = take(bytes, 1)?[0];
    match kind {
        1 => Some(ValueRef::Integer(i64::from_le_bytes(take(bytes, 8)?.try_into().ok()?))),
        2 => Some(ValueRef::Real(f64::from_bits(u64::from_le_bytes(
            take(bytes, 8)?.try_into().ok()?,
        )))),
        3 | 4 => {
            let len = u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?);
            let data = take(bytes, usize::try_from(len).ok()?)?;
            Some(if kind == 3 { ValueRef::Text(data) } else { ValueRef::Blob(data) })
        }
        _ => None,
    }
}

pub(super) fn write_name(bytes: &mut Vec<u8>, name: &str) {
    bytes.push(u8::try_from(name.len()).expect("checked when the table was named"));
    bytes.extend_from_slice(name.as_bytes());
}

pub(super) fn read_name<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::from(take(bytes, 1)?[0]);
    take(bytes, len)
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_read_back_and_cut_ones_do_not() {
        for datum in [
            ValueRef::Integer(i64::MIN),
            ValueRef::Real(-0.5),
            ValueRef::Text(b"a\0b"),
            ValueRef::Text(b"\xff"),
            ValueRef::Blob(b""),
        ] {
            let mut bytes = Vec::new();
            write(&mut bytes, datum);
            let mut rest = bytes.as_slice();
            assert_eq!(read(&mut rest), Some(datum));
            assert!(rest.is_empty());
            for cut in 0..bytes.len() {
                assert_eq!(read(&mut &bytes[..cut]), None);
            }
        }
        assert_eq!(split_key(&begin_key("orders(id)")), Some((&b"orders(id)"[..], &b""[..])));
        assert_eq!(split_key(&[TABLE, 9, 1]), None);
    }
}
