//! How much the next exchange of a transfer carries.

use std::time::Duration;

/// Pieces that sources and sinks are streamed in; sizes are whole numbers of them.
const PIECE: u64 = 256 * 1024;

/// Aims at exchanges of a certain duration, by what the last one carried.
#[derive(Clone, Debug)]
pub(super) struct ChunkSizer {
    goal: Duration,
    least: u64,
    most: u64,
    next: u64,
}

impl ChunkSizer {
    pub(super) const fn new(goal: Duration, least: u64, first: u64, most: u64) -> Self {
        Self { goal, least, most, next: first }
    }

    pub(super) fn at_most(mut self, most: u64) -> Self {
        self.most = most;
        self.least = self.least.min(most);
        self.next = self.next.min(most);
        self
    }

    /// Bytes that the next exchange should carry.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Takes note of a success. One fast exchange may be luck: the size grows by steps of four.
    pub(super) fn learn(&mut self, bytes: u64, took: Duration) {
        let shared_exchange = u128::from(bytes) * self.goal.as_micros() / took.as_micros().max(1);
        let shared_exchange = u64::try_from(shared_exchange).unwrap_or(u64::MAX).min(self.next.saturating_mul(4));
        let least = self.least.min(self.next.saturating_mul(4));
        self.next = (shared_exchange / PIECE * PIECE).clamp(least, self.most);
    }

    /// Takes note of an exchange that did not get through: the next one carries half as much, down to one piece.
    pub(super) fn halve(&mut self) {
        self.next = (self.next / 2 / PIECE * PIECE).max(PIECE.min(self.next));
    }

    /// Takes note that an exchange was refused for its size; returns whether there is a smaller one.
    pub(super) fn limit(&mut self) -> bool {
        let refused = self.next;
        self.halve();
        *self = self.clone().at_most(self.next);
        self.next < refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn it_grows_in_steps_towards_the_goal_and_shrinks_at_once() {
        let mut pace = ChunkSizer::new(Duration::from_secs(4), 4 * MIB, 4 * MIB, 100 * MIB);
        pace.learn(4 * MIB, Duration::from_millis(10));
        assert_eq!(pace.next(), 16 * MIB);
        pace.learn(16 * MIB, Duration::from_secs(2));
        assert_eq!(pace.next(), 32 * MIB);
        pace.learn(32 * MIB, Duration::ZERO);
        assert_eq!(pace.next(), 100 * MIB, "no more than the most");
        pace.learn(100 * MIB, Duration::from_secs(3600));
        assert_eq!(pace.next(), 4 * MIB, "no less than the least");
        pace.learn(u64::MAX, Duration::MAX);
        pace.learn(u64::MAX, Duration::ZERO);
        assert_eq!(pace.next(), 16 * MIB);
        assert_eq!(pace.at_most(2 * MIB).next(), 2 * MIB);
    }
}
