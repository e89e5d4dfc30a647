//! One face for both adapters, so that one suite can test them.

use std::convert::identity;
use std::future::ready;
use std::io::{self, Cursor};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use quatrix_proto::api::OnConflict;
use quatrix_proto::task::{Download, Downloaded, TransferEvent, Upload, Uploaded};
use quatrix_proto::{
    Answer, ApiKey, CallOptions, Challenge, Config, Credentials, Declined, Endpoint, Error, Event, FileId, FileName,
    Login, Logout, Saved, Server, State, Task,
};
use tokio::runtime::Runtime;

use crate::canaries::{none_in, none_in_error, watch};

/// Provider of answers to challenges.
pub type Provider = Arc<dyn Fn(Challenge) -> Result<Answer, Declined> + Send + Sync>;
/// Hears of events.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Looks names up in the system's stead.
pub type Names = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// Settings of a client under test.
#[derive(Clone)]
pub struct Setup {
    /// The settings of the session.
    pub config: Config,
    /// PEM certificates to trust.
    pub roots: Option<String>,
    /// An API key instead of a login.
    pub key: Option<ApiKey>,
    /// Answers challenges.
    pub provider: Option<Provider>,
    /// Hears of events.
    pub observer: Option<Observer>,
    /// Looks names up.
    pub names: Option<Names>,
    /// The address of a proxy.
    pub proxy: Option<String>,
    /// How long connecting may take.
    pub connect: Option<Duration>,
    /// How long nothing may move.
    pub stall: Option<Duration>,
}

impl Setup {
    /// Nothing but settings.
    pub fn new(config: impl Into<Config>) -> Self {
        Self {
            config: config.into(),
            roots: None,
            key: None,
            provider: None,
            observer: None,
            names: None,
            proxy: None,
            connect: None,
            stall: None,
        }
    }
}

/// A client under test: the methods that both adapters have, with blocking signatures.
pub trait Subject: Clone + Send + Sync + 'static {
    /// Builds one.
    fn build(setup: Setup) -> Result<Self, Error>;
    /// See `Client::login`.
    fn login(&self, credentials: Credentials) -> Result<Login, Error>;
    /// See `Client::answer`.
    fn answer(&self, answer: Answer) -> Result<Login, Error>;
    /// See `Client::call`.
    fn call<E: Endpoint<Response: Send> + Sync>(&self, endpoint: &E) -> Result<E::Response, Error>;
    /// See `Client::call_with`.
    fn call_with<E: Endpoint<Response: Send> + Sync>(
        &self,
        endpoint: &E,
        options: CallOptions,
    ) -> Result<E::Response, Error>;
    /// See `Client::run`.
    fn run<T: Task<Output: Send> + Send + 'static>(&self, task: T) -> Result<T::Output, Error>;
    /// See `Client::keepalive`.
    fn keepalive(&self) -> Result<(), Error>;
    /// See `Client::run_keepalive`: why it ended.
    fn run_keepalive(&self) -> Error;
    /// See `Client::logout`.
    fn logout(&self) -> Result<Logout, Error>;
    /// See `Client::resume`.
    fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error>;
    /// See `Client::save`.
    fn save(&self) -> Option<Saved>;
    /// See `Client::state`.
    fn state(&self) -> State;
    /// Uploads these bytes, or as many of them as the upload announces.
    fn upload(&self, upload: Upload, source: Vec<u8>) -> Result<Uploaded, Error> {
        self.upload_watched(upload, source, |_| ())
    }
    /// See `Client::upload_observed`.
    fn upload_watched(
        &self,
        upload: Upload,
        source: Vec<u8>,
        watch: impl FnMut(&TransferEvent) + Send,
    ) -> Result<Uploaded, Error>;
    /// See `Stream`: the size is not known beforehand.
    fn upload_pipe(&self, source: Vec<u8>, folder: FileId, name: FileName) -> Result<Uploaded, Error>;
    /// See `Files::upload`.
    fn upload_path(&self, path: &Path, folder: FileId) -> Result<Uploaded, Error>;
    /// Downloads, and returns the content of the sink.
    fn download(&self, download: Download) -> (Result<Downloaded, Error>, Vec<u8>) {
        self.download_watched(download, |_| ())
    }
    /// See `Client::download_observed`.
    fn download_watched(
        &self,
        download: Download,
        watch: impl FnMut(&TransferEvent) + Send,
    ) -> (Result<Downloaded, Error>, Vec<u8>);
    /// Downloads into an open file.
    fn download_into(&self, download: Download, sink: std::fs::File) -> Result<Downloaded, Error>;
    /// See `Files::download`, overwriting.
    fn download_to(&self, file: FileId, path: &Path) -> Result<Downloaded, Error>;
    /// See `Files::upload_folder`: how many files went, and how many did not.
    fn upload_folder(&self, from: &Path, to: FileId) -> Result<(u64, usize), Error>;
    /// See `Files::download_folder`: how many files came, and how many did not.
    fn download_folder(&self, from: FileId, to: &Path) -> Result<(u64, usize), Error>;
    /// The server that the client is for.
    fn server(&self) -> &Server;
    /// The client's `Debug` text.
    fn debug(&self) -> String;
}

/// Builds with either builder; they have the same methods.
macro_rules! build {
    ($client:ty, $setup:expr, $answer:expr) => {{
        watch();
        let Setup { config, roots, key, provider, observer, names, proxy, connect, stall } = $setup;
        let mut builder = match proxy {
            Some(proxy) => <$client>::builder(config).proxy(proxy),
            None => <$client>::builder(config).no_proxy(),
        };
        if let Some(names) = names {
            builder = builder.resolver(move |name| names(name));
        }
        if let Some(patience) = connect {
            builder = builder.connect_timeout(patience);
        }
        if let Some(patience) = stall {
            builder = builder.stall_timeout(patience);
        }
        if let Some(roots) = roots {
            builder = builder.roots(roots);
        }
        if let Some(key) = key {
            builder = builder.api_key(key);
        }
        if let Some(provider) = provider {
            builder = builder.second_factor(move |challenge| $answer(provider(challenge)));
        }
        if let Some(observer) = observer {
            builder = builder.on_event(move |event| {
                none_in(&format!("{event:?}"));
                observer(event);
            });
        }
        clean(builder.build()).inspect(|client| none_in(&format!("{client:?}")))
    }};
}

impl Subject for quatrix_ureq::Client {
    fn build(setup: Setup) -> Result<Self, Error> {
        build!(Self, setup, identity)
    }
    fn login(&self, credentials: Credentials) -> Result<Login, Error> {
        clean(self.login(credentials))
    }
    fn answer(&self, answer: Answer) -> Result<Login, Error> {
        clean(self.answer(answer))
    }
    fn call<E: Endpoint<Response: Send> + Sync>(&self, endpoint: &E) -> Result<E::Response, Error> {
        clean(self.call(endpoint))
    }
    fn call_with<E: Endpoint<Response: Send> + Sync>(
        &self,
        endpoint: &E,
        options: CallOptions,
    ) -> Result<E::Response, Error> {
        clean(self.call_with(endpoint, options))
    }
    fn run<T: Task<Output: Send> + Send + 'static>(&self, task: T) -> Result<T::Output, Error> {
        clean(self.run(task))
    }
    fn keepalive(&self) -> Result<(), Error> {
        clean(self.keepalive())
    }
    fn run_keepalive(&self) -> Error {
        let Err(error) = clean(self.run_keepalive());
        error
    }
    fn logout(&self) -> Result<Logout, Error> {
        clean(self.logout())
    }
    fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error> {
        self.resume(saved, credentials)
    }
    fn save(&self) -> Option<Saved> {
        self.save()
    }
    fn state(&self) -> State {
        self.state()
    }
    fn upload_watched(
        &self,
        upload: Upload,
        source: Vec<u8>,
        mut watch: impl FnMut(&TransferEvent) + Send,
    ) -> Result<Uploaded, Error> {
        clean(self.upload_observed(upload, Cursor::new(source), |event| {
            watch(event);
            ControlFlow::Continue(())
        }))
    }
    fn upload_pipe(&self, source: Vec<u8>, folder: FileId, name: FileName) -> Result<Uploaded, Error> {
        clean(self.files().upload(quatrix_ureq::Stream::new(name, &*source), &folder))
    }
    fn upload_path(&self, path: &Path, folder: FileId) -> Result<Uploaded, Error> {
        clean(self.files().upload(path, &folder))
    }
    fn download_watched(
        &self,
        download: Download,
        mut watch: impl FnMut(&TransferEvent) + Send,
    ) -> (Result<Downloaded, Error>, Vec<u8>) {
        let mut sink = Vec::new();
        let result = self.download_observed(download, &mut sink, |event| {
            watch(event);
            ControlFlow::Continue(())
        });
        (clean(result), sink)
    }
    fn download_into(&self, download: Download, sink: std::fs::File) -> Result<Downloaded, Error> {
        clean(self.download(download, sink))
    }
    fn download_to(&self, file: FileId, path: &Path) -> Result<Downloaded, Error> {
        clean(self.files().on_conflict(OnConflict::Overwrite).download(&file, path))
    }
    fn upload_folder(&self, from: &Path, to: FileId) -> Result<(u64, usize), Error> {
        clean(self.files().concurrency(8).upload_folder(from, &to)).map(|report| (report.files, report.failed.len()))
    }
    fn download_folder(&self, from: FileId, to: &Path) -> Result<(u64, usize), Error> {
        clean(self.files().concurrency(8).download_folder(&from, to)).map(|report| (report.files, report.failed.len()))
    }
    fn server(&self) -> &Server {
        self.config().server()
    }
    fn debug(&self) -> String {
        format!("{self:?}")
    }
}

/// Every future of the async client runs here; threads of a test may block on it at once.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a test machine has threads"));

fn run<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    clean(RUNTIME.block_on(future))
}

/// Checks that the text of a failure has no secret.
fn clean<T>(result: Result<T, Error>) -> Result<T, Error> {
    result.inspect_err(|error| none_in_error(error))
}

impl Subject for quatrix_hyper::Client {
    fn build(setup: Setup) -> Result<Self, Error> {
        build!(Self, setup, ready)
    }
    fn login(&self, credentials: Credentials) -> Result<Login, Error> {
        run(self.login(credentials))
    }
    fn answer(&self, answer: Answer) -> Result<Login, Error> {
        run(self.answer(answer))
    }
    fn call<E: Endpoint<Response: Send> + Sync>(&self, endpoint: &E) -> Result<E::Response, Error> {
        run(self.call(endpoint))
    }
    fn call_with<E: Endpoint<Response: Send> + Sync>(
        &self,
        endpoint: &E,
        options: CallOptions,
    ) -> Result<E::Response, Error> {
        run(self.call_with(endpoint, options))
    }
    fn run<T: Task<Output: Send> + Send + 'static>(&self, task: T) -> Result<T::Output, Error> {
        run(self.run(task))
    }
    fn keepalive(&self) -> Result<(), Error> {
        run(self.keepalive())
    }
    fn run_keepalive(&self) -> Error {
        let Err(error) = run(self.run_keepalive());
        error
    }
    fn logout(&self) -> Result<Logout, Error> {
        run(self.logout())
    }
    fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error> {
        self.resume(saved, credentials)
    }
    fn save(&self) -> Option<Saved> {
        self.save()
    }
    fn state(&self) -> State {
        self.state()
    }
    fn upload_watched(
        &self,
        upload: Upload,
        source: Vec<u8>,
        mut watch: impl FnMut(&TransferEvent) + Send,
    ) -> Result<Uploaded, Error> {
        run(self.upload_observed(upload, Cursor::new(source), |event: &TransferEvent| {
            watch(event);
            ControlFlow::Continue(())
        }))
    }
    fn upload_pipe(&self, source: Vec<u8>, folder: FileId, name: FileName) -> Result<Uploaded, Error> {
        run(self.files().upload(quatrix_hyper::Stream::new(name, &*source), &folder))
    }
    fn upload_path(&self, path: &Path, folder: FileId) -> Result<Uploaded, Error> {
        run(self.files().upload(path, &folder))
    }
    fn download_watched(
        &self,
        download: Download,
        mut watch: impl FnMut(&TransferEvent) + Send,
    ) -> (Result<Downloaded, Error>, Vec<u8>) {
        let mut sink = Vec::new();
        let result = run(self.download_observed(download, &mut sink, |event: &TransferEvent| {
            watch(event);
            ControlFlow::Continue(())
        }));
        (result, sink)
    }
    fn download_into(&self, download: Download, sink: std::fs::File) -> Result<Downloaded, Error> {
        run(self.download(download, tokio::fs::File::from_std(sink)))
    }
    fn download_to(&self, file: FileId, path: &Path) -> Result<Downloaded, Error> {
        run(self.files().on_conflict(OnConflict::Overwrite).download(&file, path))
    }
    fn upload_folder(&self, from: &Path, to: FileId) -> Result<(u64, usize), Error> {
        let report = run(self.files().concurrency(8).upload_folder(from, &to))?;
        Ok((report.files, report.failed.len()))
    }
    fn download_folder(&self, from: FileId, to: &Path) -> Result<(u64, usize), Error> {
        let report = run(self.files().concurrency(8).download_folder(&from, to))?;
        Ok((report.files, report.failed.len()))
    }
    fn server(&self) -> &Server {
        self.config().server()
    }
    fn debug(&self) -> String {
        format!("{self:?}")
    }
}
