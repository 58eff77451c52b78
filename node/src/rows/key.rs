//! What a row's key says of the row.
//!
//! A key begins with one byte for its *space*: the rows of clients, the answers that are kept for
//! requests with an `Idempotency-Key`, or the rows of a service's own tables. All spaces lie in one
//! table, so everything that counts, exports, logs, stages or deletes rows does so with all and need
//! not know of it. Of the last the table holds the heads only: the rows are in their own tables.

/// Bytes of a row's key, as the path has them.
pub(crate) const KEY_BYTES_MAX: usize = 4_096;
/// Bytes of an `Idempotency-Key`.
pub(crate) const ANSWER_KEY_BYTES_MAX: usize = 255;

const ROW: u8 = 0;
const ANSWER: u8 = 1;
/// The rows of a service's own tables.
pub(crate) const TABLE: u8 = 2;

/// What keys of kept answers begin with.
pub(crate) const ANSWERS: &[u8] = &[ANSWER];

/// The key of a client's row.
pub(crate) fn row_key(path: &[u8]) -> Vec<u8> {
    [&[ROW], path].concat()
}

/// The key of the answer to a request with that `Idempotency-Key`.
pub(crate) fn answer_key(idempotency_key: &[u8]) -> Vec<u8> {
    [ANSWERS, idempotency_key].concat()
}

/// Whether a node can have written a row of that key.
pub(crate) fn is_key(key: &[u8]) -> bool {
    match key {
        [ROW, path @ ..] => (1..=KEY_BYTES_MAX).contains(&path.len()),
        [TABLE, rest @ ..] => (1..=KEY_BYTES_MAX).contains(&rest.len()),
        [ANSWER, key @ ..] => (1..=ANSWER_KEY_BYTES_MAX).contains(&key.len()),
        _ => false,
    }
}
