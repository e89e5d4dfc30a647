//! What goes wrong meanwhile.

use std::time::Duration;

use quatrix_emulator::{CutPoint, Fault, FaultKind};
use quatrix_tests::dice::Dice;
use quatrix_tests::relay::{Break, Cut, Relay};

use crate::job::Job;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Campaign {
    Cut,
    Stall,
    Kill,
    Chaos,
}

/// All that goes wrong in a case.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// Where the wire breaks.
    pub(crate) wire: Option<(Cut, Break)>,
    /// How long after that the command is killed.
    pub(crate) kill: Option<Duration>,
    pub(crate) delay: Duration,
    pub(crate) lies: Vec<Fault>,
    /// How often the command repeats a call.
    pub(crate) retries: u8,
}

impl Trouble {
    pub(crate) fn new(campaign: Campaign, job: Job, dice: &mut Dice) -> Self {
        let mut trouble = Self { wire: None, kill: None, delay: Duration::ZERO, lies: Vec::new(), retries: 0 };
        let how = if dice.chance(50) { Break::End } else { Break::Reset };
        let cut = place(job, dice);
        match campaign {
            Campaign::Cut => {
                trouble.wire = Some((cut, how));
                trouble.retries = u8::from(dice.chance(15));
            }
            Campaign::Stall => trouble.wire = Some((cut, Break::Stall(dice.up_to(Duration::from_millis(80))))),
            Campaign::Kill => {
                let silent = dice.chance(50);
                let how = if silent { Break::Stall(Duration::from_millis(200)) } else { Break::Note };
                trouble.wire = Some((cut, how));
                trouble.kill = Some(dice.up_to(Duration::from_micros(if silent { 100 } else { 4000 })));
            }
            Campaign::Chaos => {
                trouble.lies = (0..=dice.below(3)).map(|_| lie(job, dice)).collect();
                if dice.chance(40) {
                    trouble.wire = Some((cut, how));
                }
                if dice.chance(10) {
                    trouble.kill = trouble.wire.map(|_| dice.up_to(Duration::from_millis(4)));
                }
                if dice.chance(10) {
                    trouble.delay = Duration::from_millis(1);
                }
                trouble.retries = u8::from(dice.chance(15));
            }
        }
        trouble
    }

    pub(crate) fn start(&self, relay: &Relay) {
        relay.delay(self.delay);
        if let Some((cut, how)) = self.wire {
            relay.cut(0, cut, how);
        }
    }

    /// Whether a lie makes the server store under a name that nobody has asked for.
    pub(crate) fn renames(&self) -> bool {
        self.lies.iter().any(|lie| !lie.request.is_empty())
    }
}

/// Some point of what passes over the wire: a read, or a byte of any order of magnitude.
fn place(job: Job, dice: &mut Dice) -> Cut {
    let (reads, bits) = if job.is_of_a_folder() { (70, 21) } else { (20, 20) };
    match dice.chance(70) {
        true => Cut::Reads(dice.below(reads) as usize),
        false => {
            let bits = 8 + dice.below(bits - 8);
            Cut::Bytes(dice.below(1 << bits) as usize)
        }
    }
}

fn lie(job: Job, dice: &mut Dice) -> Fault {
    let execute = || Fault::new(FaultKind::Execute);
    let listing = |fault: Fault, dice: &mut Dice| {
        fault.on("GET", "/file/metadata/{id}").item(dice.pick(&["there/d", "there/d/e", "there"]))
    };
    let calls: &[(&str, &str)] = match job.is_up() {
        true => &[
            ("POST", "/upload/link"),
            ("POST", "/upload/chunked/{upload_key}"),
            ("GET", "/upload/finalize/{id}"),
            ("POST", "/file/moveone"),
            ("POST", "/file/makedir"),
            ("POST", "/file/delete"),
            ("POST", "/file/id"),
        ],
        false => &[("POST", "/file/download-link"), ("GET", "/file/download/{id}"), ("POST", "/file/id")],
    };
    let (method, path) = dice.pick(calls);
    let skip = dice.below(3) as u32;
    let status = dice.pick(&[400, 403, 404, 500, 503]);
    match dice.below(12) {
        0 => Fault::new(FaultKind::Status(status)).on(method, path).skip(skip),
        1 | 2 => Fault::new(FaultKind::Replace(status)).on(method, path).skip(skip),
        3 => Fault::new(FaultKind::Cut(CutPoint::After)).on(method, path).skip(skip),
        4 => listing(execute().remove("/content"), dice),
        5 => listing(execute().set("/content", serde_json::Value::Null), dice),
        6 => listing(execute().set("/type", "F"), dice),
        7 => listing(Fault::new(FaultKind::Status(dice.pick(&[403, 404]))), dice),
        8 if job.is_up() => execute().on("POST", "/file/moveone").request("/name", "other").skip(skip),
        8 | 9 if job.is_up() => execute().on("POST", "/file/moveone").set("/name", "other").skip(skip),
        10 if job.is_up() => {
            let other = "0b5a7c1e-22aa-4f5e-9c3b-000000000001";
            execute().on("GET", "/upload/finalize/{id}").set("/id", other).skip(skip)
        }
        8 | 9 => Fault::new(FaultKind::Truncate(dice.below(2000))).on("GET", "/file/download/{id}").skip(skip),
        10 => {
            let len = dice.chance(30).then(|| dice.below(2_000_000));
            Fault::new(FaultKind::Rewrite(len)).on("GET", "/file/download/{id}").skip(skip)
        }
        _ => Fault::new(FaultKind::Cut(CutPoint::Body(dice.below(50_000)))).on(method, path).skip(skip),
    }
}
