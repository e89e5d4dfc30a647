//! One case: the command in trouble, the same command again, and a good run two days later.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quatrix_tests::dice::Dice;
use quatrix_tests::relay::Relay;

use crate::job::Job;
use crate::sides::{Sides, Tree};
use crate::trouble::{Campaign, Trouble};
use crate::verdict::{Fault, Verdict, Versions, check};

pub(crate) struct Case {
    job: Job,
    trouble: Trouble,
    source: Tree,
    target: Tree,
}

impl Case {
    pub(crate) fn new(campaign: Campaign, dice: &mut Dice) -> Self {
        let job = Job::any(dice);
        let (source, target) = job.trees(dice);
        Self { job, trouble: Trouble::new(campaign, job, dice), source, target }
    }

    pub(crate) fn run(&self) -> Verdict {
        let sides = Sides::new(self.job.is_up(), &self.source, &self.target);
        let relay = Relay::to(sides.emulator.address());
        let bench = Bench { sides: &sides, api: format!("http://{}/api/1.0", relay.address()) };
        let here = sides.here().display().to_string();
        let mut verdict = Verdict::default();

        sides.emulator.set_faults(self.trouble.lies.clone()).unwrap();
        self.trouble.start(&relay);
        let mut commands: Vec<_> =
            self.job.commands(&here).iter().map(|args| bench.spawn(args, self.trouble.retries)).collect();
        if let Some(after) = self.trouble.kill {
            kill(&mut commands[0].1, &relay, after);
        }
        let codes: Vec<_> = commands.into_iter().map(|run| bench.wait(run, &mut verdict)).collect();
        verdict.struck = relay.mend() || !self.trouble.lies.is_empty();
        sides.emulator.set_faults([]).unwrap();
        let done = codes.contains(&Some(0));
        let mut versions = Versions::new(self.job, &self.source, &self.target, self.trouble.renames());
        versions.also(sides.source());
        check(&sides, &versions, done, [Fault::Partial, Fault::WrongAtExitZero], &mut verdict);

        // The same command again, and nothing goes wrong.
        let code = bench.run(&self.job.commands(&here)[0], &mut verdict);
        let is_there_already = self.job == Job::PutNoClobber && code == Some(14);
        if code != Some(0) && !is_there_already {
            verdict.fault(Fault::NotHealed, format!("the same command again: exit {code:?}"));
        }
        check(&sides, &versions, code == Some(0), [Fault::Partial, Fault::NotHealed], &mut verdict);

        sides.two_days_later();
        let code = bench.run(&self.job.good_run(&here), &mut verdict);
        if code != Some(0) {
            verdict.fault(Fault::NotHealed, format!("two days later: exit {code:?}"));
        }
        check(&sides, &versions, code == Some(0), [Fault::Partial, Fault::WrongAtExitZero], &mut verdict);
        for path in sides.target().keys().filter(|path| crate::sides::is_leftover(path)) {
            verdict.fault(Fault::Leftover, format!("{path} is left"));
        }
        verdict
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes =
            |tree: &Tree| tree.iter().map(|(path, bytes)| format!("{path}:{}", bytes.len())).collect::<Vec<_>>();
        write!(f, "{:?} from {:?} to {:?}, {:?}", self.job, sizes(&self.source), sizes(&self.target), self.trouble)
    }
}

/// Kills the command some time after the wire has come to its place.
fn kill(command: &mut Child, relay: &Relay, after: Duration) {
    let begun = Instant::now();
    while !relay.is_broken() && command.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(after);
    let _ = command.kill();
}

/// Where commands run.
struct Bench<'a> {
    sides: &'a Sides,
    api: String,
}

impl Bench<'_> {
    fn spawn(&self, args: &[String], retries: u8) -> (String, Child) {
        let home = self.sides.home.path();
        let log = home.join("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_quatrix"));
        command.args(args).env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command.env("QUATRIX_BASE_URL", &self.api).env("QUATRIX_API_KEY", "test-key-4711");
        command.env("QUATRIX_RETRIES", retries.to_string()).env("QUATRIX_TIMEOUT", "10s");
        let log = File::options().append(true).create(true).open(log).unwrap();
        (args.join(" "), command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }

    fn wait(&self, (args, mut child): (String, Child), verdict: &mut Verdict) -> Option<i32> {
        let code = child.wait().unwrap().code();
        let log = self.sides.home.path().join("log");
        verdict.log.push(format!("quatrix {args}: exit {code:?}"));
        verdict.log.extend(fs::read_to_string(&log).unwrap().lines().map(|line| format!("    {line}")));
        File::create(log).unwrap();
        code
    }

    fn run(&self, args: &[String], verdict: &mut Verdict) -> Option<i32> {
        self.wait(self.spawn(args, 2), verdict)
    }
}
