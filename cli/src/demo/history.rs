//! What may be read of a key: the judge of every value that the demo sees.
//!
//! Each key has one writer, which numbers its writes and does one at a time; write 0 is the
//! loading. A value says which write made it. So a read is right exactly if it finds a write that
//! is no older than the newest one known when the read began, acknowledged or seen by a reader,
//! and no newer than the newest one begun when it ended.

use bytes::Bytes;

/// The longest that a value grows beyond its record's content, without the key.
const TAIL_BYTES_MAX: usize = 40;

/// What is known of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// The newest write that was acknowledged.
    acknowledged: u32,
    /// The newest write that was begun.
    begun: u32,
    /// The newest write that a reader saw.
    seen: u32,
}

/// What is to be said of a value that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A value that may be read, and the write that made it.
    Good(u32),
    /// There is none.
    Lost,
    /// One that had been overwritten.
    Stale,
    /// One that nobody ever wrote to this key.
    Wrong,
}

impl History {
    /// The oldest write that a read beginning now may find.
    pub(super) fn floor(&self) -> u32 {
        self.acknowledged.max(self.seen)
    }

    /// Begins the next write; its number.
    pub(super) const fn begin(&mut self) -> u32 {
        self.begun += 1;
        self.begun
    }

    /// The write that was begun last is acknowledged.
    pub(super) const fn acknowledge(&mut self) {
        self.acknowledged = self.begun;
    }

    /// The write that was begun last was refused: it has not happened.
    pub(super) const fn refuse(&mut self) {
        self.begun -= 1;
    }

    /// Whether the outcome of the newest write is unknown, so that both values may be read. Only
    /// sensible while no write is under way.
    pub(super) const fn is_open(&self) -> bool {
        self.begun > self.acknowledged
    }

    /// The newest write that was begun.
    pub(super) const fn newest(&self) -> u32 {
        self.begun
    }

    /// Judges what a read found that had that floor when it began: `None` is nothing.
    pub(super) fn judge(&mut self, floor: u32, write: Option<Found>) -> Verdict {
        match write {
            None => Verdict::Lost,
            Some(Found::Write(write)) if write > self.begun => Verdict::Wrong,
            Some(Found::Write(write)) if write < floor => Verdict::Stale,
            Some(Found::Write(write)) => {
                self.seen = self.seen.max(write);
                Verdict::Good(write)
            }
            Some(Found::Foreign) => Verdict::Wrong,
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The value of that write.
    Write(u32),
    /// No value that is ever written to the key.
    Foreign,
}

/// The value that a write makes: the content, and from write 1 on a line that names it.
pub(super) fn value(key: &[u8], content: &Bytes, write: u32) -> Bytes {
    if write == 0 {
        return content.clone();
    }
    let mut value = Vec::with_capacity(content.len() + key.len() + TAIL_BYTES_MAX);
    value.extend_from_slice(content);
    value.extend_from_slice(format!("\n[write {write} of ").as_bytes());
    value.extend_from_slice(key);
    value.extend_from_slice(b"]\n");
    value.into()
}

/// How many bytes a value may have at most.
pub(super) const fn value_bytes_max(key: &[u8], content: &Bytes) -> usize {
    content.len() + key.len() + TAIL_BYTES_MAX
}

/// Which write made this value, every byte of it compared.
pub(super) fn recognise(key: &[u8], content: &Bytes, value: &[u8]) -> Found {
    let write = || {
        let tail = value.strip_prefix(&content[..])?;
        if tail.is_empty() {
            return Some(0);
        }
        let number = tail.strip_prefix(b"\n[write ")?;
        let number = number.strip_suffix(b"]\n")?.strip_suffix(key)?.strip_suffix(b" of ")?;
        let number: u32 = str::from_utf8(number).ok()?.parse().ok()?;
        // Only what is written, so no +1 and no 01.
        (number > 0 && value == self::value(key, content, number)).then_some(number)
    };
    write().map_or(Found::Foreign, Found::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_recognised() {
        let key = b"a b/\xff";
        for content in ["", "text", "\n[write 1 of a b/\u{ff}]\n", "]\n"] {
            let content = Bytes::from(content);
            for write in [0, 1, 2, 10, u32::MAX] {
                let value = value(key, &content, write);
                assert_eq!(recognise(key, &content, &value), Found::Write(write));
                assert!(value.len() <= value_bytes_max(key, &content));
                let mut longer = value.to_vec();
                longer.push(b'\n');
                assert_eq!(recognise(key, &content, &longer), Found::Foreign);
                if let Some((_, shorter)) = value.split_last() {
                    let torn = recognise(key, &content, &value[..shorter.len()]);
                    assert_eq!(torn, Found::Foreign);
                }
                for place in 0..value.len() {
                    let mut flipped = value.to_vec();
                    flipped[place] ^= 1;
                    let found = recognise(key, &content, &flipped);
                    assert!(found != Found::Write(write), "byte {place} of {write}");
                }
            }
        }
        let other = value(b"other", &Bytes::new(), 1);
        assert_eq!(recognise(key, &Bytes::new(), &other), Found::Foreign);
    }

    #[test]
    fn a_read_is_judged_by_what_was_known_when_it_began() {
        let mut history = History::default();
        let read =
            |history: &mut History, floor, write| history.judge(floor, Some(Found::Write(write)));
        assert_eq!(read(&mut history, 0, 0), Verdict::Good(0));
        assert_eq!(history.judge(0, None), Verdict::Lost);
        assert_eq!(history.judge(0, Some(Found::Foreign)), Verdict::Wrong);
        // Nobody wrote it yet.
        assert_eq!(read(&mut history, 0, 1), Verdict::Wrong);
        let floor_before = history.floor();
        assert_eq!(history.begin(), 1);
        // While it is under way both may be read.
        assert_eq!(read(&mut history, floor_before, 0), Verdict::Good(0));
        history.acknowledge();
        // Also by a read that began before; one that begins now must find it.
        assert_eq!(read(&mut history, floor_before, 0), Verdict::Good(0));
        let floor = history.floor();
        assert_eq!(read(&mut history, floor, 0), Verdict::Stale);
        assert_eq!(read(&mut history, floor, 1), Verdict::Good(1));
    }

    #[test]
    fn what_was_seen_once_does_not_go_away() {
        let mut history = History::default();
        history.begin();
        let floor = history.floor();
        assert_eq!(history.judge(floor, Some(Found::Write(1))), Verdict::Good(1));
        let floor = history.floor();
        assert_eq!(history.judge(floor, Some(Found::Write(0))), Verdict::Stale);
    }

    #[test]
    fn an_unknown_outcome_leaves_both_values() {
        let mut history = History::default();
        history.begin();
        history.acknowledge();
        assert!(!history.is_open());
        history.begin();
        assert!(history.is_open());
        for write in [1, 2] {
            let mut history = history;
            let floor = history.floor();
            assert_eq!(history.judge(floor, Some(Found::Write(write))), Verdict::Good(write));
        }
        assert_eq!(history.judge(1, Some(Found::Write(0))), Verdict::Stale);
        // One that was refused did not happen.
        history.refuse();
        assert_eq!(history.judge(1, Some(Found::Write(2))), Verdict::Wrong);
    }
}
