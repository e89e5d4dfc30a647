//! Contenders take turns: each round runs all of them briefly, so that disturbances of the machine affect all of them.
//! The results compare the ratios within a round.

use std::time::{Duration, Instant};

use crate::usage;

/// Contender that repeats the same work.
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    /// Repeats the work a number of times.
    work: Box<dyn FnMut(u64) + 'a>,
}

/// Time of a contender for one piece of work, per round, in nanoseconds.
pub(crate) struct Result {
    pub(crate) name: String,
    pub(crate) wall: Vec<f64>,
    /// Processor time of this process, all threads.
    pub(crate) cpu: Vec<f64>,
}

/// Median of several measurements, and the quartiles; the extremes if there are three.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: impl Into<String>, work: impl FnMut(u64) + 'a) -> Self {
        Self { name: name.into(), work: Box::new(work) }
    }

    fn timed(&mut self, times: u64) -> (Duration, Duration) {
        let (cpu, wall) = (usage::cpu(), Instant::now());
        (self.work)(times);
        (wall.elapsed(), usage::cpu() - cpu)
    }

    /// Returns the number of repetitions that fill a turn. Measuring it warms the contender up.
    fn times(&mut self, turn: Duration, least: u64) -> u64 {
        let mut times = least;
        loop {
            let (took, _) = self.timed(times);
            if took >= turn / 4 {
                let scaled = turn.as_secs_f64() / took.as_secs_f64() * times as f64;
                return (scaled as u64).max(least);
            }
            times *= 4;
        }
    }
}

/// Runs the contenders in turns of about this length. Each round starts with another contender.
pub(crate) fn race(mut contenders: Vec<Contender<'_>>, rounds: usize, turn: Duration, least: u64) -> Vec<Result> {
    let times: Vec<_> = contenders.iter_mut().map(|one| one.times(turn, least)).collect();
    let mut results: Vec<_> =
        contenders.iter().map(|one| Result { name: one.name.clone(), wall: Vec::new(), cpu: Vec::new() }).collect();
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let one = (round + turn) % contenders.len();
            let (wall, cpu) = contenders[one].timed(times[one]);
            results[one].wall.push(wall.as_nanos() as f64 / times[one] as f64);
            results[one].cpu.push(cpu.as_nanos() as f64 / times[one] as f64);
        }
    }
    results
}

impl Summary {
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (last, quarter) = (sorted.len() - 1, (sorted.len() - 1) / 4);
        Self { median: sorted[last / 2], low: sorted[quarter], high: sorted[last - quarter] }
    }

    /// Summary of the ratios of two contenders, per round.
    pub(crate) fn of_ratios(above: &[f64], below: &[f64]) -> Self {
        Self::of(&above.iter().zip(below).map(|(above, below)| above / below).collect::<Vec<_>>())
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, low, high } = self;
        // More digits for small values, so that a thousandth is not shown as zero.
        let digits = if *median < 0.1 { 4 } else { 2 };
        write!(f, "{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}
