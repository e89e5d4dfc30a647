//! Handles every kind of error.

use quatrix_emulator::{Emulator, Fault, FaultKind};
use quatrix_ureq::api::{GetFile, GetProfile};
use quatrix_ureq::proto::{Error, ErrorCode, LoggedOut, TransportErrorKind};
use quatrix_ureq::{Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start()?;
    let client = Client::new(Server::at(emulator.api())?)?;
    let user = |password| Credentials::new("user@example.com", password);

    show(&client.call(&GetProfile));
    show(&client.login(user("wrong")?));
    assert_eq!(client.login(user("only-for-tests-4711")?)?, Login::Active);
    show(&client.call(&GetFile::new("4711".parse()?)));
    emulator.set_faults([Fault::new(FaultKind::Status(503)).always()])?;
    show(&client.call(&GetProfile));
    drop(emulator);
    show(&client.call(&GetProfile));
    Ok(())
}

fn show<T>(result: &Result<T, Error>) {
    println!("{}", result.as_ref().map_or_else(advice, |_| "nothing to do"));
}

// docs: begin
/// What the program does next.
fn advice(error: &Error) -> &'static str {
    if error.may_have_been_executed() && error.retryable() {
        return "look on the server first, then try again";
    }
    match error {
        Error::Api(refusal) if refusal.code() == Some(ErrorCode::NOT_FOUND) => "check the path",
        Error::Api(refusal) if refusal.status() == 403 => "ask the account's administrator for the right",
        Error::Api(_) if error.retryable() => "wait for error.retry_after(), then try again",
        Error::Api(_) => "show the message: the server refused this request",
        Error::Challenged(_) => "ask the user for the code, then call client.answer(..)",
        Error::LoggedOut(LoggedOut::Refused(_)) => "ask for the password again",
        Error::LoggedOut(LoggedOut::Failed(cause)) => advice(cause),
        Error::LoggedOut(_) => "log in",
        Error::Transport(failure) => match failure.kind() {
            TransportErrorKind::Tls => "check the certificate: a private authority needs builder.roots(..)",
            TransportErrorKind::Proxy => "check the proxy",
            TransportErrorKind::Local => "check the file or folder on this machine",
            TransportErrorKind::Redirect | TransportErrorKind::Encoding | TransportErrorKind::TooLarge => {
                "check the server's address"
            }
            _ => "try again later",
        },
        Error::InvalidResponse(_) => "check the server's address: this is not the Quatrix API",
        Error::Transfer(_) if error.retryable() => "start the transfer again",
        Error::Transfer(_) => "show the message: this transfer cannot work here",
        Error::Invalid(_) => "fix the value in the message; nothing was sent",
        Error::Misuse(_) => "fix the program: this command does not fit the session's state",
        Error::Cancelled => "nothing: the program cancelled it",
        _ => "show the message",
    }
}
// docs: end
