//! Where a session stands, as its users see it.

use crate::challenge::Challenge;
use crate::error::LoggedOut;
#[cfg(doc)]
use crate::session::Session;

/// How far a login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a challenge may have to be answered"]
#[non_exhaustive]
pub enum Login {
    /// There is a session.
    Active,
    /// This must be answered first: [`Session::answer`]. After a wrong answer it comes again, with one more refused.
    Challenged(Challenge),
}

/// How a logout ended.
///
/// The session is gone from this program either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logout {
    /// Whether the server is known to have ended it. If not, it ends there by itself after its idle time.
    pub confirmed: bool,
}

/// State of a session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// There is none, and why.
    LoggedOut(LoggedOut),
    /// A login is under way.
    LoggingIn,
    /// Somebody must answer.
    Challenged(Challenge),
    /// An answer is under way.
    Answering,
    /// There is one.
    #[non_exhaustive]
    Active {
        /// Whether the server has accepted its token since it was granted or resumed.
        confirmed: bool,
    },
    /// A logout is under way.
    LoggingOut,
    /// An API key stands for it.
    ApiKey,
}

impl State {
    /// Whether there is a session; an API key is not one.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }
}
