//! A timer that is armed once and outlives many waits.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Bounds one wait after another with a single timer.
///
/// Most waits end long before their deadline, and putting a timer into the runtime's wheel and
/// taking it out again costs more than all else around them. So the timer of an earlier wait is
/// left where it is: it fires too early at worst, and is set again then.
#[derive(Debug, Default)]
pub struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    /// Waits for `work`, at most until `end`; `None` if it took longer.
    pub async fn bound<F: Future>(&mut self, end: Instant, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(end)));
            if sleep.deadline() > end {
                sleep.as_mut().reset(end);
            }
            while sleep.as_mut().poll(context).is_ready() {
                if sleep.deadline() >= end {
                    return Poll::Ready(None);
                }
                sleep.as_mut().reset(end);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ends_waits_at_their_time() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let work = |ms| sleep(Duration::from_millis(ms));
        let mut deadline = Deadline::default();
        assert_eq!(deadline.bound(at(100), async { 1 }).await, Some(1));
        assert_eq!(deadline.bound(at(100), work(10)).await, Some(()));
        // The timer of the wait before is earlier than this one's end.
        assert_eq!(deadline.bound(at(300), work(200)).await, Some(()));
        assert_eq!(Instant::now(), at(210));
        assert_eq!(deadline.bound(at(250), work(200)).await, None);
        assert_eq!(Instant::now(), at(250));
        // It is later than this one's end.
        assert_eq!(deadline.bound(at(9_000), work(10)).await, Some(()));
        assert_eq!(deadline.bound(at(280), work(200)).await, None);
        assert_eq!(Instant::now(), at(280));
        // The end has passed already.
        assert_eq!(deadline.bound(at(10), work(200)).await, None);
        assert_eq!(deadline.bound(at(10), async { 2 }).await, Some(2));
    }
}
