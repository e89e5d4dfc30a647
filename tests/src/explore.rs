//! Looks at everything that can happen to something, step by step, breadth first.
//!
//! States that cannot be told apart from here on are looked at once. What is kept of each is a hash of 128 bits and the
//! step that led to it; states themselves are only kept while their successors have not been looked at. The first step
//! that breaks a rule ends the search, so the path to it is a shortest one.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

/// State of a search.
pub trait World {
    /// How things stand.
    type State: Clone;
    /// Something that can happen.
    type Move: Copy + fmt::Display;

    /// How it begins.
    fn start(&self) -> Self::State;

    /// Appends the possible next events.
    fn moves(&self, state: &Self::State, out: &mut Vec<Self::Move>);

    /// Lets it happen.
    ///
    /// # Errors
    /// Violations after an event.
    fn make(&self, state: &mut Self::State, what: Self::Move) -> Result<(), String>;

    /// Looks closer at a state that was not seen before.
    ///
    /// # Errors
    /// Violations of this state.
    fn inspect(&self, state: &Self::State) -> Result<(), String>;

    /// Appends the values that affect later behaviour.
    fn fingerprint(&self, state: &Self::State, out: &mut Vec<u8>);

    /// A state in a few words.
    fn show(&self, state: &Self::State) -> String;
}

/// Result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many different states there are.
    pub states: usize,
    /// How many steps were made.
    pub transitions: usize,
    /// How many steps the farthest state is away.
    pub depth: usize,
    /// Whether nothing is left to look at.
    pub complete: bool,
}

/// A way to something that must not happen.
#[derive(Debug)]
pub struct Broken(String);

/// Looks at everything, until so many states have been found.
///
/// # Errors
/// The shortest way to something that is wrong.
pub fn explore<W: World>(world: &W, most: usize) -> Result<Report, Broken> {
    let mut search = Search { world, seen: HashSet::default(), steps: Vec::new(), scratch: Vec::new() };
    let start = world.start();
    search.is_new(&start);
    let mut frontier = vec![(start, START)];
    let mut report = Report { states: 1, transitions: 0, depth: 0, complete: false };
    let mut moves = Vec::new();
    while !frontier.is_empty() && report.states < most {
        let mut next = Vec::new();
        for (state, at) in frontier {
            moves.clear();
            world.moves(&state, &mut moves);
            for &what in &moves {
                report.transitions += 1;
                let mut after = state.clone();
                let made = world.make(&mut after, what);
                let broken = |search: &Search<'_, W>, why| Err(search.path(at, what, why));
                if let Err(why) = made {
                    return broken(&search, why);
                }
                if search.is_new(&after) {
                    if let Err(why) = world.inspect(&after) {
                        return broken(&search, why);
                    }
                    next.push((after, search.note(at, what)));
                }
            }
        }
        report.states = search.seen.len();
        report.depth += usize::from(!next.is_empty());
        frontier = next;
    }
    report.complete = frontier.is_empty();
    Ok(report)
}

struct Search<'a, W: World> {
    world: &'a W,
    seen: HashSet<u128, BuildHasherDefault<AsItIs>>,
    steps: Vec<Step<W::Move>>,
    scratch: Vec<u8>,
}

/// States are numbered; steps begin with the one to number 1.
const START: u32 = 0;

/// The step to a state.
struct Step<M> {
    from: u32,
    what: M,
}

impl<W: World> Search<'_, W> {
    fn is_new(&mut self, state: &W::State) -> bool {
        self.scratch.clear();
        self.world.fingerprint(state, &mut self.scratch);
        self.seen.insert(hash(&self.scratch))
    }

    fn note(&mut self, from: u32, what: W::Move) -> u32 {
        self.steps.push(Step { from, what });
        u32::try_from(self.steps.len()).expect("memory ends before")
    }

    /// The whole way, made once more to show where it leads.
    fn path(&self, mut at: u32, last: W::Move, why: String) -> Broken {
        let mut moves = vec![last];
        while let Some(step) = at.checked_sub(1).and_then(|before| self.steps.get(before as usize)) {
            moves.push(step.what);
            at = step.from;
        }
        let mut state = self.world.start();
        let mut text = format!("{why}\n");
        for (number, &what) in moves.iter().rev().enumerate() {
            // The last one is the one that breaks something.
            let _ = self.world.make(&mut state, what);
            text += &format!("{:3}. {what:<40} {}\n", number + 1, self.world.show(&state));
        }
        Broken(text)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Spreads eight bytes at a time over 128 bits; two states in a million million million would have to agree.
fn hash(bytes: &[u8]) -> u128 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

    let mut hash = bytes.len() as u128;
    for piece in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..piece.len()].copy_from_slice(piece);
        hash = (hash ^ u128::from(u64::from_le_bytes(word))).wrapping_mul(ODD);
        hash ^= hash >> 61;
    }
    hash
}

/// The keys are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.0 ^= u64::from_le_bytes(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers modulo 100, from 1; one of them must not be met.
    struct Numbers {
        forbidden: u8,
    }

    #[derive(Clone, Copy)]
    enum Sum {
        PlusOne,
        Doubled,
    }

    impl fmt::Display for Sum {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.pad(match self {
                Self::PlusOne => "plus one",
                Self::Doubled => "doubled",
            })
        }
    }

    impl World for Numbers {
        type State = u8;
        type Move = Sum;

        fn start(&self) -> u8 {
            1
        }

        fn moves(&self, _state: &u8, out: &mut Vec<Sum>) {
            out.extend([Sum::PlusOne, Sum::Doubled]);
        }

        fn make(&self, state: &mut u8, what: Sum) -> Result<(), String> {
            *state = match what {
                Sum::PlusOne => (*state + 1) % 100,
                Sum::Doubled => (*state * 2) % 100,
            };
            Ok(())
        }

        fn inspect(&self, state: &u8) -> Result<(), String> {
            if *state == self.forbidden { Err(format!("it is {state}")) } else { Ok(()) }
        }

        fn fingerprint(&self, state: &u8, out: &mut Vec<u8>) {
            out.push(*state);
        }

        fn show(&self, state: &u8) -> String {
            state.to_string()
        }
    }

    #[test]
    fn all_states_are_looked_at_and_no_more_than_asked_for() {
        let report = explore(&Numbers { forbidden: 100 }, 1000).unwrap();
        assert_eq!((report.states, report.transitions, report.complete), (100, 200, true));
        let report = explore(&Numbers { forbidden: 100 }, 4).unwrap();
        assert_eq!((report.states, report.depth, report.complete), (4, 2, false));
    }

    #[test]
    fn the_shortest_way_to_what_is_wrong_is_shown() {
        let broken = explore(&Numbers { forbidden: 10 }, 1000).unwrap_err();
        let words: Vec<_> = broken.0.split_whitespace().collect();
        let way = "it is 10 1. plus one 2 2. doubled 4 3. plus one 5 4. doubled 10";
        assert_eq!(words.join(" "), way);
    }
}
