//! An emulator that runs: the pure server behind a socket, on a thread of its own.

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
use crate::reply::Problem;
use crate::requests::Recorded;
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

/// How an emulator is to be started; [`Emulator::builder`] makes one.
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
    /// Starts one with every default: plain HTTP on a free port of 127.0.0.1, the four accounts.
    ///
    /// # Errors
    /// No socket, no thread or no random seed is to be had.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Starts from the defaults.
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

    /// Where it listens, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The base of the API: the URL with `/api/1.0`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that clients have to trust, as PEM, if it speaks TLS.
    #[must_use]
    pub fn ca_cert_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.pem.as_str())
    }

    /// The same as a file, which exists as long as this value.
    #[must_use]
    pub fn ca_cert_path(&self) -> Option<&Path> {
        self.authority.as_ref().map(|authority| authority.path.as_path())
    }

    /// Moves the clock ahead: sessions, upload keys and download links age, and what is created, modified or dated from
    /// now on is that much later. One-time codes stay with the time of day.
    pub fn advance(&self, by: Duration) {
        self.shared.lock().advance(by);
    }

    /// Ends the sessions of one user, or of all. Says whether there is such a user.
    pub fn expire(&self, user: Option<&str>) -> bool {
        self.shared.lock().server.expire(user)
    }

    /// The code that the second step of this user's login takes now: one-time code or PIN.
    #[must_use]
    pub fn code(&self, user: &str) -> Option<String> {
        let running = self.shared.lock();
        running.server.code(running.now(), user)
    }

    /// The bytes of a user's file, by its path below the home.
    #[must_use]
    pub fn file(&self, user: &str, path: &str) -> Option<Bytes> {
        self.shared.lock().server.file(user, path)
    }

    /// The paths of all of a user's files and folders below the home, sorted; those of folders end with a slash.
    #[must_use]
    pub fn paths(&self, user: &str) -> Vec<String> {
        self.shared.lock().server.paths(user)
    }

    /// The latest requests, oldest first, with every secret masked.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().server.requests().cloned().collect()
    }

    /// Sets the fault plan, in place of the one there was; an empty one ends all faults.
    ///
    /// # Errors
    /// A fault cannot be carried out, such as a status of 42. The plan is as it was then.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) -> Result<(), InvalidFault> {
        self.shared.lock().faults = Plan::new(faults.into_iter().collect())?;
        Ok(())
    }

    /// Makes everything as it was at the start, the clock too, and ends all faults.
    pub fn reset(&self) {
        self.shared.lock().reset();
    }
}

impl Builder {
    /// Listens here; port 0 takes a free one. Default: a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        Self { listen: address, ..self }
    }

    /// Speaks TLS, with a certificate for 127.0.0.1, ::1 and localhost from a fresh authority.
    #[must_use]
    pub fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Also answers under `/_emulator`, where a test in any language can do what the methods of [`Emulator`] do. Only on
    /// a loopback address, and for no web page: `Host` has to be one of this machine, and an `Origin` the same.
    #[must_use]
    pub fn control(self) -> Self {
        Self { control: Access::Local, ..self }
    }

    /// Also answers under `/_emulator`, on any address, to those who send this token: `Authorization: Bearer TOKEN`.
    #[must_use]
    pub fn control_with_token(self, token: impl Into<String>) -> Self {
        Self { control: Access::Token(token.into()), ..self }
    }

    /// Behaves like this.
    #[must_use]
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Knows these people.
    #[must_use]
    pub fn accounts(self, accounts: Accounts) -> Self {
        Self { accounts, ..self }
    }

    /// Has these files in every home from the beginning.
    #[must_use]
    pub fn files(self, files: Seed) -> Self {
        Self { files, ..self }
    }

    /// Takes the ids of sessions, files, keys and links from this seed. Default: a random one.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Calls this after each request. It must not call the emulator, which is locked meanwhile.
    #[must_use]
    pub fn on_request(self, call: impl FnMut(&Recorded) + Send + 'static) -> Self {
        Self { on_request: Some(Box::new(call)), ..self }
    }

    /// Starts it.
    ///
    /// # Errors
    /// The address cannot be listened on, no certificate can be made or written to a file, or no thread be started; or
    /// whoever reaches the address could use the control paths ([`io::ErrorKind::InvalidInput`]).
    pub fn start(self) -> io::Result<Emulator> {
        match &self.control {
            Access::Local if !self.listen.ip().is_loopback() => {
                return Err(invalid("control paths on an address that is not loopback need a token"));
            }
            Access::Token(token) if token.is_empty() => return Err(invalid("the token of the control paths is empty")),
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
            // Ends when told to, or when the emulator is gone. Dropping the runtime then drops all connections.
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

/// Where a client on this machine finds a listener.
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
            // A panic in there has been printed.
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

/// What the sockets and the owner of an emulator share.
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
    /// What goes wrong with a request, and how many bytes of its body are kept.
    pub(crate) fn begin(&self, head: &Parts) -> (Option<Fault>, u64) {
        let Running { server, faults, .. } = &mut *self.lock();
        let fault = faults.next(head.method.as_str(), &head.uri, |path| server.names(&head.uri, path));
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

    /// Refuses a request that may not use the control paths; its body has not been read yet.
    pub(crate) fn admit_control(&self, head: &Parts) -> Result<(), Problem> {
        self.control.check(head)
    }

    pub(crate) fn control(&self, request: Request<Body>) -> Response<Body> {
        control::answer(&mut self.lock(), &request.map(Body::into_bytes))
    }

    /// The `Date` of a response that is made now.
    pub(crate) fn date(&self) -> HeaderValue {
        self.lock().date()
    }

    /// Changes the file that a request's path names.
    pub(crate) fn rewrite(&self, uri: &Uri, len: Option<u64>) {
        let mut running = self.lock();
        let now = running.now();
        running.server.rewrite(now, uri, len);
    }

    /// Remembers a request that is not executed.
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
        // The handler does not panic half-way through a change; if a callback did, the state is whole.
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
        // The form of a date has four digits for the year.
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

    /// Tells about the latest request.
    fn report(&mut self) {
        if let (Some(call), Some(request)) = (&mut self.on_request, self.server.requests().next_back()) {
            call(request);
        }
    }
}
