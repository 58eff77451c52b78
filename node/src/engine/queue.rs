//! A bounded queue between connections and threads.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// The bytes of others in a group that begins with an urgent job.
const URGENT_GROUP_BYTES_MAX: usize = 64 << 10;

/// A queue that refuses instead of growing, by number and by bytes.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    len_max: usize,
    bytes_max: usize,
}

struct Inner<T> {
    /// Taken before all others.
    urgent: VecDeque<T>,
    jobs: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) const fn new(len_max: usize, bytes_max: usize) -> Self {
        let inner =
            Inner { urgent: VecDeque::new(), jobs: VecDeque::new(), bytes: 0, closed: false };
        Self { inner: Mutex::new(inner), filled: Condvar::new(), len_max, bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job; an empty queue takes one of any size. Says why not.
    pub(super) fn push(&self, job: T, bytes: usize) -> Result<(), String> {
        let mut inner = self.lock();
        if inner.closed {
            return Err("the node stops".into());
        }
        let full = inner.jobs.len() >= self.len_max
            || (inner.bytes.saturating_add(bytes) > self.bytes_max && !inner.jobs.is_empty());
        if full {
            return Err("too much waits for the disk".into());
        }
        inner.jobs.push_back((job, bytes));
        inner.bytes += bytes;
        drop(inner);
        self.filled.notify_one();
        Ok(())
    }

    /// Queues a job of no size before all that are not urgent. Says why not.
    pub(super) fn push_urgent(&self, job: T) -> Result<(), String> {
        let mut inner = self.lock();
        if inner.closed {
            return Err("the node stops".into());
        }
        if inner.urgent.len() >= self.len_max {
            return Err("too much waits for the disk".into());
        }
        inner.urgent.push_back(job);
        drop(inner);
        self.filled.notify_one();
        Ok(())
    }

    /// The next job, waiting for one, and whether it is urgent; `None` once the queue is closed
    /// and empty.
    pub(super) fn pop(&self) -> Option<(T, usize, bool)> {
        let mut inner = self.lock();
        loop {
            if let Some(job) = inner.urgent.pop_front() {
                return Some((job, 0, true));
            }
            if let Some((job, bytes)) = inner.jobs.pop_front() {
                inner.bytes -= bytes;
                return Some((job, bytes, false));
            }
            if inner.closed {
                return None;
            }
            inner = self.filled.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// At least one job, waiting for it, and what else fits; empty once the queue is closed.
    ///
    /// With urgent ones go only others that are small: what is urgent waits for its whole group.
    pub(super) fn pop_group(&self, len_max: usize, bytes_max: usize) -> Vec<T> {
        let Some((first, mut total, is_urgent)) = self.pop() else {
            return Vec::new();
        };
        let mut group = vec![first];
        let mut inner = self.lock();
        while group.len() < len_max
            && let Some(job) = inner.urgent.pop_front()
        {
            group.push(job);
        }
        let bytes_max = if is_urgent { bytes_max.min(URGENT_GROUP_BYTES_MAX) } else { bytes_max };
        while group.len() < len_max {
            let fits = inner.jobs.front().is_some_and(|(_, bytes)| total + bytes <= bytes_max);
            if !fits {
                break;
            }
            if let Some((job, bytes)) = inner.jobs.pop_front() {
                inner.bytes -= bytes;
                total += bytes;
                group.push(job);
            }
        }
        group
    }

    /// Drops what is queued.
    pub(super) fn clear(&self) {
        let mut inner = self.lock();
        inner.bytes = 0;
        let jobs = (std::mem::take(&mut inner.urgent), std::mem::take(&mut inner.jobs));
        drop(inner);
        drop(jobs);
    }

    /// Takes nothing more; what is queued is still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_jobs_come_first_and_with_small_ones_only() {
        let queue = Queue::new(10, 1 << 20);
        let large = URGENT_GROUP_BYTES_MAX;
        queue.push("small 1", 10).expect("room");
        queue.push("large 1", large).expect("room");
        queue.push("small 2", 10).expect("room");
        assert_eq!(queue.pop_group(10, 1 << 20), ["small 1", "large 1", "small 2"]);

        queue.push("small 1", 10).expect("room");
        queue.push("large 1", large).expect("room");
        queue.push_urgent("urgent 1").expect("room");
        queue.push("small 2", 10).expect("room");
        queue.push_urgent("urgent 2").expect("room");
        assert_eq!(queue.pop_group(10, 1 << 20), ["urgent 1", "urgent 2", "small 1"]);
        assert_eq!(queue.pop_group(10, 1 << 20), ["large 1", "small 2"]);

        queue.push_urgent("urgent").expect("room");
        assert_eq!(queue.pop(), Some(("urgent", 0, true)));
        // The bounds hold for both.
        for _ in 0..10 {
            queue.push_urgent("urgent").expect("room");
        }
        assert!(queue.push_urgent("one more").is_err());
        assert_eq!(queue.pop_group(4, 1 << 20).len(), 4);
        queue.close();
        assert!(queue.push_urgent("late").is_err());
        assert_eq!(queue.pop_group(10, 1 << 20).len(), 6);
        assert!(queue.pop_group(10, 1 << 20).is_empty());
    }
}
