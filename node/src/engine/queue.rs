//! A bounded queue between connections and threads.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// A queue that refuses instead of growing, by number and by bytes.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    len_max: usize,
    bytes_max: usize,
}

struct Inner<T> {
    jobs: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) const fn new(len_max: usize, bytes_max: usize) -> Self {
        let inner = Inner { jobs: VecDeque::new(), bytes: 0, closed: false };
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

    /// The next job, waiting for one; `None` once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<(T, usize)> {
        let mut inner = self.lock();
        loop {
            if let Some((job, bytes)) = inner.jobs.pop_front() {
                inner.bytes -= bytes;
                return Some((job, bytes));
            }
            if inner.closed {
                return None;
            }
            inner = self.filled.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// At least one job, waiting for it, and what else fits; empty once the queue is closed.
    pub(super) fn pop_group(&self, len_max: usize, bytes_max: usize) -> Vec<T> {
        let Some((first, mut total)) = self.pop() else {
            return Vec::new();
        };
        let mut group = vec![first];
        let mut inner = self.lock();
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
        let jobs = std::mem::take(&mut inner.jobs);
        drop(inner);
        drop(jobs);
    }

    /// Takes nothing more; what is queued is still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }
}
