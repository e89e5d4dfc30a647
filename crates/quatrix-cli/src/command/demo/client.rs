//! The two clients behind one face, so that the script is written once.

use std::future::Future;
use std::io::Cursor;
use std::sync::Arc;

use quatrix_ureq::proto::task::{Download, Uploaded};
use quatrix_ureq::proto::{
    Answer, Challenge, Config, Credentials, Declined, Endpoint, Error, Event, File, FileId, FileName, Login, Logout,
};
use tokio::runtime::{Builder, Runtime};

use super::Transport;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) enum Client {
    Ureq(quatrix_ureq::Client),
    Hyper(quatrix_hyper::Client, Runtime),
}

/// Who answers challenges when the program is on its own.
pub(super) type Answering = Arc<dyn Fn(Challenge) -> Result<Answer, Declined> + Send + Sync>;

/// Who is told of events.
pub(super) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

impl Client {
    pub(super) fn new(
        transport: Transport,
        config: Config,
        observer: Observer,
        answering: Option<Answering>,
    ) -> Result<Self, Failure> {
        match transport {
            Transport::Ureq => {
                let mut builder =
                    quatrix_ureq::Client::builder(config).no_proxy().on_event(move |event| observer(event));
                if let Some(answering) = answering {
                    builder = builder.second_factor(move |challenge| answering(challenge));
                }
                Ok(Self::Ureq(builder.build()?))
            }
            Transport::Hyper => {
                let mut builder =
                    quatrix_hyper::Client::builder(config).no_proxy().on_event(move |event| observer(event));
                if let Some(answering) = answering {
                    builder = builder.second_factor(move |challenge| std::future::ready(answering(challenge)));
                }
                let runtime = Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| Failure::new(Exit::Other, format!("no runtime: {error}")))?;
                Ok(Self::Hyper(builder.build()?, runtime))
            }
        }
    }

    pub(super) fn login(&self, credentials: Credentials) -> Result<Login, Error> {
        match self {
            Self::Ureq(client) => client.login(credentials),
            Self::Hyper(client, runtime) => wait(runtime, client.login(credentials)),
        }
    }

    pub(super) fn answer(&self, answer: Answer) -> Result<Login, Error> {
        match self {
            Self::Ureq(client) => client.answer(answer),
            Self::Hyper(client, runtime) => wait(runtime, client.answer(answer)),
        }
    }

    pub(super) fn call<E: Endpoint>(&self, endpoint: &E) -> Result<E::Response, Error> {
        match self {
            Self::Ureq(client) => client.call(endpoint),
            Self::Hyper(client, runtime) => wait(runtime, client.call(endpoint)),
        }
    }

    pub(super) fn keepalive(&self) -> Result<(), Error> {
        match self {
            Self::Ureq(client) => client.keepalive(),
            Self::Hyper(client, runtime) => wait(runtime, client.keepalive()),
        }
    }

    /// Uploads in chunks of at most so many bytes.
    pub(super) fn upload(&self, to: FileId, name: FileName, bytes: &[u8], chunk: u64) -> Result<Uploaded, Error> {
        let (size, source) = (bytes.len() as u64, Cursor::new(bytes));
        match self {
            Self::Ureq(client) => client.upload(client.new_upload(to, name, size).with_max_chunk(chunk), source),
            Self::Hyper(client, runtime) => {
                let upload = client.new_upload(to, name, size).with_max_chunk(chunk);
                wait(runtime, client.upload(upload, source))
            }
        }
    }

    pub(super) fn download(&self, file: &File) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        match self {
            Self::Ureq(client) => client.download(Download::file(file), &mut bytes)?,
            Self::Hyper(client, runtime) => wait(runtime, client.download(Download::file(file), &mut bytes))?,
        };
        Ok(bytes)
    }

    pub(super) fn logout(&self) -> Result<Logout, Error> {
        match self {
            Self::Ureq(client) => client.logout(),
            Self::Hyper(client, runtime) => wait(runtime, client.logout()),
        }
    }
}

fn wait<T>(runtime: &Runtime, call: impl Future<Output = T>) -> T {
    runtime.block_on(call)
}
