//! Running emulator: the pure server behind a socket, on its own thread.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::DATE;
use http::request::Parts;
use http::{HeaderValue, Request, Response, Uri};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::accounts::Accounts;
use crate::body::Body;
use crate::connection;
use crate::control::{self, Access};
use crate::faults::{Fault, InvalidFault, Plan};
use crate::recorded::Recorded;
use crate::response::ErrorResponse;
use crate::seed::Seed;
use crate::server::{Now, Server};
use crate::settings::Settings;
use crate::tls::Authority;

/// A running emulator. Dropping it stops the thread, closes every connection and removes the certificate's file.
pub struct Emulator {
    url: String,
    api: String,
    address: SocketAddr,
    authority: Option<Authority>,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Builder of an [`Emulator`].
pub struct Builder {
    listen: SocketAddr,
    tls: bool,
    control: Access,
    settings: Settings,
    accounts: Accounts,
    files: Seed,
    seed: Option<u64>,
    on_request: Option<OnRequest>,
}

/// The beginning of the year 9999, since 1970.
const YEAR_9999: Duration = Duration::from_secs(253_370_764_800);

type OnRequest = Box<dyn FnMut(&Recorded) + Send>;

impl Emulator {
    /// Starts an emulator with the defaults: plain HTTP on a free port of 127.0.0.1, the four accounts.
    ///
    /// # Errors
    /// A socket, a thread or a random seed is not available.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Returns a builder with the defaults.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: false,
            control: Access::Off,
            settings: Settings::default(),
            accounts: Accounts::default(),
            files: Seed::new(),
            seed: None,
            on_request: None,
        }
    }

    /// URL of the emulator, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Base URL of the API: the URL with `/api/1.0`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Certificate of the authority that clients must trust, as PEM, if TLS is on.
    #[must_use]
    pub fn ca_cert_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.pem.as_str())
    }

    /// Path of that certificate; the file exists as long as this value.
    #[must_use]
    pub fn ca_cert_path(&self) -> Option<&Path> {
        self.authority.as_ref().map(|authority| authority.path.as_path())
    }

    /// Advances the clock: sessions, upload keys and download links age, and later creation, modification and response
    /// dates move ahead. One-time codes still follow the system clock.
    pub fn advance(&self, by: Duration) {
        self.shared.lock().advance(by);
    }

    /// Ends the sessions of one user, or of all. Returns `false` if the user does not exist.
    pub fn expire(&self, user: Option<&str>) -> bool {
        self.shared.lock().server.expire(user)
    }

    /// Returns the current code of this user's second factor: one-time code or PIN.
    #[must_use]
    pub fn code(&self, user: &str) -> Option<String> {
        let running = self.shared.lock();
        running.server.code(running.now(), user)
    }

    /// Returns the bytes of a user's file, by its path below the home.
    #[must_use]
    pub fn file(&self, user: &str, path: &str) -> Option<Bytes> {
        self.shared.lock().server.file(user, path)
    }

    /// Returns the sorted paths of a user's files and folders below the home; a folder's path ends with a slash.
    #[must_use]
    pub fn paths(&self, user: &str) -> Vec<String> {
        self.shared.lock().server.paths(user)
    }

    /// The latest requests, oldest first, with every secret masked.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().server.requests().cloned().collect()
    }

    /// Replaces the fault plan; an empty plan ends all faults.
    ///
    /// # Errors
    /// A fault is invalid, such as a status of 42. The plan is then unchanged.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) -> Result<(), InvalidFault> {
        self.shared.lock().faults = Plan::new(faults.into_iter().collect())?;
        Ok(())
    }

    /// Restores the initial state, the clock included, and ends all faults.
    pub fn reset(&self) {
        self.shared.lock().reset();
    }
}

impl Builder {
    /// Address to listen on; port 0 takes a free port. Default: a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        Self { listen: address, ..self }
    }

    /// Uses TLS, with a certificate for 127.0.0.1, ::1 and localhost from a new authority.
    #[must_use]
    pub fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Enables control requests under `/_emulator`, which do the same as the methods of [`Emulator`] for tests in any
    /// language. Requires a loopback address, and rejects web pages: `Host` must be an address of this machine, and an
    /// `Origin` must be the same.
    #[must_use]
    pub fn control(self) -> Self {
        Self { control: Access::Local, ..self }
    }

    /// Enables control requests under `/_emulator`, on any address, with `Authorization: Bearer TOKEN`.
    #[must_use]
    pub fn control_with_token(self, token: impl Into<String>) -> Self {
        Self { control: Access::Token(token.into()), ..self }
    }

    /// Behaviour of the server.
    #[must_use]
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Accounts of the server.
    #[must_use]
    pub fn accounts(self, accounts: Accounts) -> Self {
        Self { accounts, ..self }
    }

    /// Starts every home with these files.
    #[must_use]
    pub fn files(self, files: Seed) -> Self {
        Self { files, ..self }
    }

    /// Seed of the ids of sessions, files, keys and links. Default: random.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Callback after each request. It must not call the emulator, which is locked meanwhile.
    #[must_use]
    pub fn on_request(self, call: impl FnMut(&Recorded) + Send + 'static) -> Self {
        Self { on_request: Some(Box::new(call)), ..self }
    }

    /// Starts the emulator.
    ///
    /// # Errors
    /// Listening, creating or writing the certificate, or starting the thread fails; or the control paths would be open
    /// to other machines ([`io::ErrorKind::InvalidInput`]).
    pub fn start(self) -> io::Result<Emulator> {
        match &self.control {
            Access::Local if !self.listen.ip().is_loopback() => {
                return Err(invalid(
                    "control requests on an address that is not loopback need a token: use --control-token-file",
                ));
            }
            Access::Token(token) if token.is_empty() => return Err(invalid("the token for control requests is empty")),
            _ => {}
        }
        let listener = TcpListener::bind(self.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (authority, tls) = if self.tls {
            let (authority, config) = Authority::new()?;
            (Some(authority), Some(TlsAcceptor::from(Arc::new(config))))
        } else {
            (None, None)
        };
        let seed = self.seed.map_or_else(crate::random, Ok)?;
        let shared = Arc::new(Shared {
            control: self.control,
            running: Mutex::new(Running {
                server: Server::new(self.settings, self.accounts).with_files(&self.files).with_seed(seed),
                origin: Instant::now(),
                advanced: Duration::ZERO,
                faults: Plan::default(),
                on_request: self.on_request,
            }),
        });

        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let serving = connection::serve(listener, tls, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("quatrix-emulator".to_owned()).spawn(move || {
            runtime.spawn(serving);
            // Ends when the emulator is dropped. Dropping the runtime then drops all connections.
            let _ = runtime.block_on(stopped);
        })?;

        let url = format!("{}://{}", if self.tls { "https" } else { "http" }, reachable(address));
        Ok(Emulator {
            api: format!("{url}/api/1.0"),
            url,
            address,
            authority,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Returns the address at which a client on this machine reaches a listener.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("url", &self.url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("listen", &self.listen).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// State shared by the connections and the owner of an emulator.
pub(crate) struct Shared {
    control: Access,
    running: Mutex<Running>,
}

/// A server and its clock.
pub(crate) struct Running {
    pub(crate) server: Server,
    origin: Instant,
    advanced: Duration,
    pub(crate) faults: Plan,
    on_request: Option<OnRequest>,
}

impl Shared {
    /// Returns the fault of a request, and the number of bytes of its body to keep.
    pub(crate) fn begin(&self, head: &Parts) -> (Option<Fault>, u64) {
        let Running { server, faults, .. } = &mut *self.lock();
        let fault = faults.next(head.method.as_str(), &head.uri, |path| server.targets(&head.uri, path));
        (fault, server.max_body(head))
    }

    /// Executes a request. The response is dated by this clock.
    pub(crate) fn handle(&self, request: Request<Body>) -> Response<Body> {
        let mut running = self.lock();
        let now = running.now();
        let mut response = running.server.handle_in_pieces(now, request);
        response.headers_mut().insert(DATE, running.date());
        running.report();
        response
    }

    /// Rejects a control request without access, before its body is read.
    pub(crate) fn admit_control(&self, head: &Parts) -> Result<(), ErrorResponse> {
        self.control.check(head)
    }

    pub(crate) fn control(&self, request: Request<Body>) -> Response<Body> {
        control::handle(&mut self.lock(), &request.map(Body::into_bytes))
    }

    /// Returns the `Date` of a response.
    pub(crate) fn date(&self) -> HeaderValue {
        self.lock().date()
    }

    /// Rewrites the file that a request's path refers to.
    pub(crate) fn rewrite(&self, uri: &Uri, len: Option<u64>) {
        let mut running = self.lock();
        let now = running.now();
        running.server.rewrite(now, uri, len);
    }

    /// Records a request that is not executed.
    pub(crate) fn record(&self, request: Request<Body>, status: u16) {
        let mut running = self.lock();
        let now = running.now();
        running.server.record(now, request, status);
        running.report();
    }

    /// Ends all sessions.
    pub(crate) fn expire_all(&self) {
        self.lock().server.expire(None);
    }

    pub(crate) fn is_control(&self, uri: &Uri) -> bool {
        !matches!(self.control, Access::Off) && uri.path().starts_with(control::BASE)
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        // Only a callback can panic while the lock is held, after the state has changed completely.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    pub(crate) fn now(&self) -> Now {
        Now {
            elapsed: self.origin.elapsed().saturating_add(self.advanced),
            unix: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(self.advanced),
            ahead: self.advanced,
        }
    }

    fn date(&self) -> HeaderValue {
        // An HTTP date has four digits for the year.
        let text = httpdate::fmt_http_date(UNIX_EPOCH + self.now().unix.min(YEAR_9999));
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.advanced = self.advanced.saturating_add(by);
    }

    pub(crate) fn reset(&mut self) {
        self.advanced = Duration::ZERO;
        self.faults = Plan::default();
        self.server.reset();
    }

    /// Passes the latest request to the callback.
    fn report(&mut self) {
        if let (Some(call), Some(request)) = (&mut self.on_request, self.server.requests().next_back()) {
            call(request);
        }
    }
}
