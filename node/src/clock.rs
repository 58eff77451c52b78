//! What time it is, as far as rows that end are concerned.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time by which rows end, and never an earlier one than before: a row that was seen to
/// have ended stays so. Nothing about ownership depends on it.
#[derive(Clone)]
pub struct Clock {
    now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    latest_ms: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that tells what `now_ms` says: milliseconds since 1970.
    #[must_use]
    pub fn new(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { now_ms: Arc::new(now_ms), latest_ms: Arc::default() }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let now_ms = (self.now_ms)();
        self.latest_ms.fetch_max(now_ms, Ordering::SeqCst).max(now_ms)
    }
}

/// The system's clock.
impl Default for Clock {
    fn default() -> Self {
        Self::new(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now_ms()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back() {
        let shown = Arc::new(AtomicU64::new(7));
        let read = Arc::clone(&shown);
        let clock = Clock::new(move || read.load(Ordering::SeqCst));
        assert_eq!(clock.now_ms(), 7);
        shown.store(3, Ordering::SeqCst);
        assert_eq!((clock.now_ms(), clock.clone().now_ms()), (7, 7));
        shown.store(8, Ordering::SeqCst);
        assert_eq!(clock.now_ms(), 8);
    }
}
