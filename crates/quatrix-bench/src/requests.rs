//! The core alone: building requests, decoding responses, a whole call through a session. Each is compared with code
//! written by hand for this one request, with `http` and `serde_json`, and with sans-IO libraries for OAuth.

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};

use crate::race::{self, Contender, Summary};
use crate::table;

mod by_hand;
mod oauth;
mod ours;

const ROUNDS: usize = 15;
const TURN: Duration = Duration::from_millis(20);

pub(crate) fn run() {
    let pairs = [
        pair("build: log in", ours::log_in, by_hand::log_in),
        pair("build: second factor", ours::second_factor, by_hand::second_factor),
        pair("build: keep alive", ours::keep_alive, by_hand::keep_alive),
        pair("build: log out", ours::log_out, by_hand::log_out),
        pair("build: unblock by captcha", ours::captcha, by_hand::captcha),
        pair("build: GET with an id", ours::file, by_hand::file),
        pair("build: POST with JSON", ours::folder, by_hand::folder),
        pair("decode: login", ours::decode_login, by_hand::decode_login),
        pair("decode: refusal", ours::decode_refusal, by_hand::decode_refusal),
        pair("decode: listing of 1,000 files", ours::decode_listing, by_hand::decode_listing),
        pair("a whole call through a session", ours::whole_call(), by_hand::whole_call),
    ];
    compare("The core beside code by hand", "by hand", pairs);

    let exchanges = [
        pair("oauth2", ours::whole_login, oauth::oauth2()),
        pair("tame-oauth", ours::whole_login, oauth::tame()),
        pair("by hand", ours::whole_login, by_hand::whole_login),
    ];
    compare("A login built and its answer decoded, beside the same of", "peer", exchanges);
}

struct Pair {
    name: &'static str,
    ours: Box<dyn FnMut()>,
    peer: Box<dyn FnMut()>,
}

fn pair(name: &'static str, ours: impl FnMut() + 'static, peer: impl FnMut() + 'static) -> Pair {
    Pair { name, ours: Box::new(ours), peer: Box::new(peer) }
}

fn compare(title: &str, peer: &str, pairs: impl IntoIterator<Item = Pair>) {
    let mut rows = Vec::new();
    for Pair { name, mut ours, mut peer } in pairs {
        let (own, other) = (allocated(&mut *ours), allocated(&mut *peer));
        let contenders = vec![repeated(&mut *ours), repeated(&mut *peer)];
        let [own_time, other_time] = &race::race(contenders, ROUNDS, TURN, 1)[..] else { unreachable!() };
        rows.push(vec![
            name.to_owned(),
            Summary::of_ratios(&own_time.wall, &other_time.wall).to_string(),
            format!("{} : {}", own.count_total, other.count_total),
            format!("{} : {}", own.bytes_total, other.bytes_total),
            table::time(Summary::of(&own_time.wall).median),
            table::time(Summary::of(&other_time.wall).median),
        ]);
    }
    let (times, beside) = (format!("time, × {peer}"), format!("time, {peer}"));
    table::print(title, &["what", &times, "allocations", "bytes allocated", "time", &beside], &rows);
}

fn allocated(work: &mut dyn FnMut()) -> AllocationInfo {
    // Initializes lazy values.
    work();
    measure(work)
}

fn repeated(work: &mut dyn FnMut()) -> Contender<'_> {
    Contender::new("", move |times| (0..times).for_each(|_| work()))
}
