//! What a session costs in memory.

use super::*;

#[test]
fn a_session_is_no_larger_than_its_budget() {
    assert!(size_of::<Session>() <= 320, "{} bytes", size_of::<Session>());
}
