//! What the test suites share.

pub mod stage;
pub mod subject;
