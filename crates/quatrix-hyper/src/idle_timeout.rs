//! Timeout of an exchange without progress.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use quatrix_proto::{TransportError, TransportPhase};
use tokio::time::{Instant, Sleep};

/// Limits each step of an exchange to `stall_timeout`, and all of them to the deadline.
///
/// One timer serves all steps. It is reset only when it fires, so a step that ends in time costs one read of the clock.
pub(crate) struct IdleTimeout<'a> {
    timer: Pin<&'a mut Sleep>,
    stall_timeout: Duration,
    deadline: Option<Instant>,
}

/// Returns the earlier of an optional deadline and another time.
pub(crate) fn first(deadline: Option<Instant>, moment: Instant) -> Instant {
    deadline.map_or(moment, |deadline| deadline.min(moment))
}

impl<'a> IdleTimeout<'a> {
    /// Takes a timer that fires after `stall_timeout`, or at `deadline` if that is sooner.
    pub(crate) fn new(timer: Pin<&'a mut Sleep>, stall_timeout: Duration, deadline: Option<Instant>) -> Self {
        Self { timer, stall_timeout, deadline }
    }

    /// Awaits a step.
    ///
    /// # Errors
    /// [`TransportErrorKind::TimedOut`](quatrix_proto::TransportErrorKind::TimedOut) if it takes too long.
    pub(crate) async fn over<F: Future>(
        &mut self,
        during: TransportPhase,
        step: F,
    ) -> Result<F::Output, TransportError> {
        let mut step = pin!(step);
        let now = Instant::now();
        // Steps that are always ready never poll the timer.
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(TransportError::timed_out(during));
        }
        let end = first(self.deadline, now + self.stall_timeout);
        poll_fn(|cx| {
            if let Poll::Ready(output) = step.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            loop {
                ready!(self.timer.as_mut().poll(cx));
                if self.timer.deadline() >= end {
                    return Poll::Ready(Err(TransportError::timed_out(during)));
                }
                // Set for an earlier step.
                self.timer.as_mut().reset(end);
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::{sleep, sleep_until};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn lasting(seconds: u32) {
        sleep(seconds * SECOND).await;
    }

    /// Runs steps in order with a stall timeout of 10 s and a deadline after 25 s; returns how many ended, and when.
    async fn run_steps<F: Future>(steps: impl IntoIterator<Item = F>) -> (usize, Duration) {
        let start = Instant::now();
        let timer = pin!(sleep_until(start + 10 * SECOND));
        let mut timeout = IdleTimeout::new(timer, 10 * SECOND, Some(start + 25 * SECOND));
        let mut ended = 0;
        for step in steps {
            match timeout.over(TransportPhase::Send, step).await {
                Ok(_) => ended += 1,
                Err(failure) => {
                    assert_eq!(failure.to_string(), "timed out: while sending");
                    return (ended, start.elapsed());
                }
            }
        }
        (ended, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn m25_each_step_has_its_own_stall_timeout_and_all_of_them_a_deadline() {
        assert_eq!(run_steps([9, 1, 9].map(lasting)).await, (3, 19 * SECOND));
        assert_eq!(run_steps([9, 11].map(lasting)).await, (1, 19 * SECOND));
        assert_eq!(run_steps([9, 9, 9].map(lasting)).await, (2, 25 * SECOND));
        assert_eq!(run_steps([pending::<()>()]).await, (0, 10 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn m25_steps_that_are_always_ready_end_at_the_deadline_too() {
        let start = Instant::now();
        let timer = pin!(sleep_until(start + SECOND));
        let mut timeout = IdleTimeout::new(timer, SECOND, Some(start + SECOND));
        assert!(timeout.over(TransportPhase::Send, ready(())).await.is_ok());
        tokio::time::advance(SECOND).await;
        assert!(timeout.over(TransportPhase::Send, ready(())).await.is_err());
    }
}
