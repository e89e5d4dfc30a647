//! Looking up names, when a connection is made and no longer than a connection may take.
//!
//! The operating system looks names up in its own time, and only a thread of its own can be left behind. So that neither
//! an exchange over a connection that is there nor a dead name server costs a thread each, names are looked up by the
//! connector rather than by ureq, and all who wait for the same name wait for the same thread.

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

/// ureq has room for no more.
const MAX: usize = 16;

type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
type Found = Result<Vec<IpAddr>, Arc<io::Error>>;

/// Finds the addresses of names. A clone is a reference.
#[derive(Clone)]
pub(crate) struct NameResolver {
    look_up: Arc<LookUp>,
    under_way: Arc<Mutex<BTreeMap<String, Arc<Search>>>>,
}

/// One name that is being looked up.
#[derive(Default)]
struct Search {
    found: Mutex<Option<Found>>,
    ended: Condvar,
}

/// What ureq asks before it looks for a connection that is there: it has nothing to say.
#[derive(Debug)]
pub(crate) struct DeferredResolver;

impl NameResolver {
    pub(crate) fn new(look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { look_up: Arc::new(look_up), under_way: Arc::default() }
    }

    /// As the operating system does.
    pub(crate) fn system() -> Self {
        Self::new(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
    }

    /// The same connection, with the addresses of the server or of the proxy that it leads to directly.
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

    /// The addresses of this host, or nothing if there are none in time.
    fn find(&self, host: &str, patience: Duration) -> Option<io::Result<Vec<IpAddr>>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            return Some(Ok(vec![address]));
        }
        let search = match self.search(host) {
            Ok(search) => search,
            Err(error) => return Some(Err(error)),
        };
        let waited = search.ended.wait_timeout_while(lock(&search.found), patience, |found| found.is_none());
        let (found, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Some(match found.clone()? {
            Ok(addresses) if addresses.is_empty() => {
                Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
            }
            Ok(addresses) => Ok(addresses),
            Err(error) => Err(io::Error::new(error.kind(), error)),
        })
    }

    /// The search for this name that is under way, or a new one.
    fn search(&self, name: &str) -> io::Result<Arc<Search>> {
        let mut under_way = lock(&self.under_way);
        if let Some(search) = under_way.get(name) {
            return Ok(Arc::clone(search));
        }
        let search = Arc::new(Search::default());
        let found = Err(Arc::new(io::Error::other("looking the name up ended without a word")));
        let looking = Looking { names: self.clone(), name: name.to_owned(), search: Arc::clone(&search), found };
        thread::Builder::new().name("quatrix-names".into()).spawn(move || looking.run())?;
        under_way.insert(name.to_owned(), Arc::clone(&search));
        Ok(search)
    }
}

/// The end of a search that looks.
struct Looking {
    names: NameResolver,
    name: String,
    search: Arc<Search>,
    found: Found,
}

impl Looking {
    fn run(mut self) {
        self.found = (self.names.look_up)(&self.name).map_err(Arc::new);
    }
}

/// A panic of what looks ends the search as well.
impl Drop for Looking {
    fn drop(&mut self) {
        // Whoever asks from here on asks anew: what was found may be an error that has passed.
        lock(&self.names.under_way).remove(&self.name);
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
