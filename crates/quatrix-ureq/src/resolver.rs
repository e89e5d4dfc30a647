//! Name resolution, once for each new connection and within the connect timeout.
//!
//! The operating system's lookup cannot be cancelled; only a separate thread can be left behind. The connector resolves
//! names instead of ureq, so that an exchange over an existing connection needs no thread, and all lookups of the same
//! name share one thread.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use http::Uri;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, NextTimeout};
use ureq::{Error, Timeout};

use crate::stage::in_time;

/// Maximum number of addresses that ureq accepts.
const MAX: usize = 16;

type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
type Found = Result<Vec<IpAddr>, Arc<io::Error>>;

/// Resolves host names. A clone is a reference.
#[derive(Clone)]
pub(crate) struct NameResolver {
    look_up: Arc<LookUp>,
    in_progress: Arc<Mutex<BTreeMap<String, Arc<Search>>>>,
}

/// Lookup of one name in progress.
#[derive(Default)]
struct Search {
    found: Mutex<Option<Found>>,
    ended: Condvar,
}

/// Resolver for ureq, which resolves before it looks for an idle connection. It returns no address.
#[derive(Debug)]
pub(crate) struct DeferredResolver;

impl NameResolver {
    pub(crate) fn new(look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { look_up: Arc::new(look_up), in_progress: Arc::default() }
    }

    /// Returns the resolver of the operating system.
    pub(crate) fn system() -> Self {
        Self::new(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
    }

    /// Returns the details with the addresses of their host: the server or the proxy.
    pub(crate) fn resolved<'a>(&self, details: &ConnectionDetails<'a>) -> Result<ConnectionDetails<'a>, Error> {
        let begun = Instant::now();
        let ConnectionDetails { uri, config, request_level, resolver, timeout, .. } = *details;
        let timeout = in_time(timeout, Timeout::Connect);
        let (host, port) = host_and_port(uri).ok_or(Error::HostNotFound)?;
        let found = self.find(host, *timeout.after).ok_or(Error::Timeout(Timeout::Resolve))??;
        let mut addrs = resolver.empty();
        let all = found.into_iter().map(|address| SocketAddr::new(address, port));
        for address in config.ip_family().keep_wanted(all).take(MAX) {
            addrs.push(address);
        }
        let after = timeout.after.saturating_sub(begun.elapsed()).into();
        Ok(ConnectionDetails {
            uri,
            addrs,
            config,
            request_level,
            resolver,
            now: (details.current_time)(),
            timeout: NextTimeout { after, ..timeout },
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        })
    }

    /// Resolves a host, or returns `None` after the timeout.
    fn find(&self, host: &str, timeout: Duration) -> Option<io::Result<Vec<IpAddr>>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            return Some(Ok(vec![address]));
        }
        let search = match self.search(host) {
            Ok(search) => search,
            Err(error) => return Some(Err(error)),
        };
        let waited = search.ended.wait_timeout_while(lock(&search.found), timeout, |found| found.is_none());
        let (found, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Some(match found.clone()? {
            Ok(addresses) if addresses.is_empty() => {
                Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
            }
            Ok(addresses) => Ok(addresses),
            Err(error) => Err(io::Error::new(error.kind(), error)),
        })
    }

    /// Returns the lookup of this name in progress, or starts one.
    fn search(&self, name: &str) -> io::Result<Arc<Search>> {
        let mut in_progress = lock(&self.in_progress);
        if let Some(search) = in_progress.get(name) {
            return Ok(Arc::clone(search));
        }
        let search = Arc::new(Search::default());
        let found = Err(Arc::new(io::Error::other("the name lookup panicked")));
        let running =
            RunningSearch { resolver: self.clone(), name: name.to_owned(), search: Arc::clone(&search), found };
        thread::Builder::new().name("quatrix-names".into()).spawn(move || running.run())?;
        in_progress.insert(name.to_owned(), Arc::clone(&search));
        Ok(search)
    }
}

/// Runs a lookup and publishes its result when dropped.
struct RunningSearch {
    resolver: NameResolver,
    name: String,
    search: Arc<Search>,
    found: Found,
}

impl RunningSearch {
    fn run(mut self) {
        self.found = (self.resolver.look_up)(&self.name).map_err(Arc::new);
    }
}

/// Ends the lookup, also after a panic.
impl Drop for RunningSearch {
    fn drop(&mut self) {
        // Later lookups start anew, since the result may be a temporary error.
        lock(&self.resolver.in_progress).remove(&self.name);
        *lock(&self.search.found) = Some(self.found.clone());
        self.search.ended.notify_all();
    }
}

impl Resolver for DeferredResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

fn host_and_port(uri: &Uri) -> Option<(&str, u16)> {
    let whole = DefaultResolver::host_and_port(uri.scheme()?, uri.authority()?)?;
    Some((uri.host()?, whole.rsplit_once(':')?.1.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for NameResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameResolver").finish_non_exhaustive()
    }
}
