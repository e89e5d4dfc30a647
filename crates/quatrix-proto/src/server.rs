//! Where a server is and how it is addressed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use http::uri::{Authority, Scheme};

/// The base of the seed documentation. Real accounts have a host of their own: [`Server::account`].
const DEFAULT_BASE: &str = "https://api.quatrix.it/api/1.0";
const API_PATH: &str = "/api/1.0";

/// The address of one account: the base of the API, and the base of file uploads beside it.
///
/// ```
/// use quatrix_proto::Server;
///
/// assert_eq!(Server::default().to_string(), "https://api.quatrix.it/api/1.0");
/// assert_eq!(Server::account("acme")?.to_string(), "https://acme.quatrix.it/api/1.0");
/// assert_eq!(Server::account("files.acme.com")?.to_string(), "https://files.acme.com/api/1.0");
/// assert_eq!(Server::at("https://acme.quatrix.it/")?, Server::account("acme")?);
/// assert!(Server::at("http://acme.com/api/1.0").is_err(), "plain http only reaches this machine");
/// # Ok::<(), quatrix_proto::ServerError>(())
/// ```
#[derive(Clone)]
pub struct Server(Arc<Bases>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Bases {
    api: Base,
    files: Base,
    token_prefix: Option<Box<str>>,
}

/// Scheme, host, port and a path without a slash at its end.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Base {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    pub(crate) path: Box<str>,
}

/// A base URL that cannot be used, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerError(&'static str);

impl Server {
    /// Takes the account of that name at Quatrix (`acme`), or at its own domain (`files.acme.com`), always over https.
    ///
    /// # Errors
    /// [`ServerError`] if the name is not a bare host name.
    pub fn account(name: &str) -> Result<Self, ServerError> {
        if name.contains(['/', ':']) {
            return Err(ServerError("an account is a bare name or host; `Server::at` takes a whole address"));
        }
        Self::at(name)
    }

    /// Takes an address as people write it: `acme`, `acme.quatrix.it`, `https://acme.quatrix.it/`, or the base of the
    /// API itself.
    ///
    /// A name without a dot is an account at Quatrix. Without a scheme it is `https`, without a path the API is at
    /// `/api/1.0`. `http` only reaches this very machine (`localhost`, `127.0.0.0/8`, `[::1]`).
    ///
    /// # Errors
    /// [`ServerError`] on another scheme, user info, query, fragment, an empty or non-ASCII host, a control
    /// character, a path with empty or dotted segments.
    pub fn at(address: &str) -> Result<Self, ServerError> {
        let server = Self::at_insecure(address)?;
        match server.0.api.is_secure() {
            true => Ok(server),
            false => Err(ServerError("plain http would send secrets unencrypted: use https")),
        }
    }

    /// Takes an address as [`Server::at`] does, but also plain `http` to any host: passwords and
    /// tokens can be read on the way.
    ///
    /// # Errors
    /// As [`Server::at`].
    pub fn at_insecure(address: &str) -> Result<Self, ServerError> {
        let api = Base::of_api(address)?;
        Ok(Self(Arc::new(Bases { files: api.usual_files(), api, token_prefix: None })))
    }

    /// Takes another base for chunked uploads (`BASE/upload/chunked/KEY`).
    ///
    /// By default it is the API base less `/api/1.0`, or else its origin.
    ///
    /// # Errors
    /// As [`Server::at`]; it may be plain `http` only where the API base is.
    pub fn with_files_base(self, base: &str) -> Result<Self, ServerError> {
        let files = Base::parse(base)?;
        if !files.is_secure() && self.0.api.is_secure() {
            return Err(ServerError("files over plain http beside an API that is not"));
        }
        Ok(Self(Arc::new(Bases { files, ..(*self.0).clone() })))
    }

    /// Sends `X-Auth-Token: PREFIX <id>` instead of the bare id: what the vendor's client calls `apiKeyPrefix`.
    ///
    /// # Errors
    /// [`ServerError`] unless the prefix is visible ASCII.
    pub fn with_token_prefix(self, prefix: &str) -> Result<Self, ServerError> {
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ServerError("a token prefix is visible ASCII"));
        }
        Ok(Self(Arc::new(Bases { token_prefix: Some(prefix.into()), ..(*self.0).clone() })))
    }

    /// The host name or address, without the port.
    pub fn host(&self) -> &str {
        self.0.api.authority.host()
    }

    /// Whether every request is sent over `https`, to the API and to the base of uploads.
    pub fn is_https(&self) -> bool {
        self.0.api.scheme == Scheme::HTTPS && self.0.files.scheme == Scheme::HTTPS
    }

    pub(crate) fn api(&self) -> &Base {
        &self.0.api
    }

    pub(crate) fn files(&self) -> &Base {
        &self.0.files
    }

    /// The base of chunked uploads, as text, where it is not the one that follows from the API base.
    pub(crate) fn other_files_base(&self) -> Option<String> {
        let Base { scheme, authority, path } = &self.0.files;
        (self.0.files != self.0.api.usual_files()).then(|| format!("{scheme}://{authority}{path}"))
    }

    pub(crate) fn token_prefix(&self) -> Option<&str> {
        self.0.token_prefix.as_deref()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::at(DEFAULT_BASE).expect("the constant is a good base, as a test shows")
    }
}

impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Server {}

impl Hash for Server {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// The API base: what [`Server::at`] takes.
/// Parses an address as [`Server::at`] does: plain `http` only to this machine.
impl FromStr for Server {
    type Err = ServerError;

    fn from_str(address: &str) -> Result<Self, ServerError> {
        Self::at(address)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Base { scheme, authority, path } = &self.0.api;
        write!(f, "{scheme}://{authority}{path}")
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ServerError {}

impl Base {
    /// Adds to an address what people leave out.
    fn of_api(address: &str) -> Result<Self, ServerError> {
        let mut base = match address.contains("://") {
            true => Self::parse(address)?,
            false => {
                let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
                let is_account = !host.is_empty() && !host.contains(['.', ':', '@']) && !is_loopback(host);
                let suffix = if is_account { ".quatrix.it" } else { "" };
                Self::parse(&format!("https://{host}{suffix}{path}"))?
            }
        };
        if base.path.is_empty() {
            base.path = API_PATH.into();
        }
        Ok(base)
    }

    /// Stricter than `http::Uri`, which takes `https://user@h@evil/` for a request to `evil`.
    fn parse(text: &str) -> Result<Self, ServerError> {
        if text.contains(char::is_control) {
            return Err(ServerError("a base URL holds no control characters"));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::HTTPS, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::HTTP, rest),
            _ => return Err(ServerError("an address starts with https://, or is a name alone")),
        };
        if rest.contains('?') {
            return Err(ServerError("a base URL has no query"));
        }
        if rest.contains('#') {
            return Err(ServerError("a base URL has no fragment"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(ServerError("a base URL names no user; credentials are given at login"));
        }
        Ok(Self { authority: self::authority(&scheme, authority)?, path: self::path(path)?, scheme })
    }

    /// Where chunks are uploaded to, seen from the API base: beside `/api/1.0`, or else at the root.
    fn usual_files(&self) -> Self {
        Self { path: self.path.strip_suffix(API_PATH).unwrap_or_default().into(), ..self.clone() }
    }

    /// Encrypted, or not leaving this machine.
    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS || is_loopback(self.authority.host())
    }
}

/// Whether a host is this very machine: `localhost`, `127.0.0.0/8`, `[::1]`.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || bracketed(host).is_some_and(|address| address.is_loopback())
}

fn bracketed(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Lower case, without the port that goes without saying.
pub(crate) fn authority(scheme: &Scheme, text: &str) -> Result<Authority, ServerError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if host.is_empty() {
        return Err(ServerError("a base URL names a host"));
    }
    if !host.is_ascii() {
        return Err(ServerError("the host is not ASCII: give its xn-- form"));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    if bracketed(host).is_none() && !(name.len() <= 253 && name.split('.').all(label)) {
        return Err(ServerError("the host is not a host name or address"));
    }
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse::<u16>() {
            Ok(port) if port != 0 => Some(port),
            _ => return Err(ServerError("the port is not one from 1 to 65535")),
        },
        Some(_) => return Err(ServerError("the port is not one from 1 to 65535")),
    };
    let usual = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = host.to_ascii_lowercase();
    let written = match port.filter(|&port| port != usual) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    written.try_into().map_err(|_| ServerError("the host is not a host name or address"))
}

fn path(text: &str) -> Result<Box<str>, ServerError> {
    let path = text.trim_end_matches('/');
    let good = |segment: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%".contains(&b);
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
    };
    match path.strip_prefix('/') {
        None => Ok("".into()),
        Some(segments) if segments.split('/').all(good) => Ok(path.into()),
        Some(_) => {
            Err(ServerError("the path of a base URL has plain segments: nothing empty, dotted or to be encoded"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(base: &str) -> &'static str {
        Server::at(base).unwrap_err().0
    }

    #[test]
    fn the_default_is_the_published_base() {
        assert_eq!(Server::default().to_string(), DEFAULT_BASE);
    }

    #[test]
    fn every_refusal_says_what_is_wrong() {
        assert_eq!(refused("https://user@h@evil/"), "a base URL names no user; credentials are given at login");
        assert_eq!(refused("https://acme.com/api?x=1"), "a base URL has no query");
        assert_eq!(refused("https://acme.com/api#x"), "a base URL has no fragment");
        assert_eq!(refused("https:///api/1.0"), "a base URL names a host");
        assert_eq!(refused("https://:443/api"), "a base URL names a host");
        assert_eq!(refused("https://acme.com/\r\nX: 1"), "a base URL holds no control characters");
        assert_eq!(refused("https://\u{e4}cme.com"), "the host is not ASCII: give its xn-- form");
        assert_eq!(refused("https://ac me.com"), "the host is not a host name or address");
        assert_eq!(refused("https://acme..com"), "the host is not a host name or address");
        assert_eq!(refused("https://[::1/"), "the host is not a host name or address");
        assert_eq!(refused("https://acme.com:0"), "the port is not one from 1 to 65535");
        assert_eq!(refused("https://acme.com:+1"), "the port is not one from 1 to 65535");
        assert_eq!(refused("https://acme.com:70000"), "the port is not one from 1 to 65535");
        assert_eq!(refused("ftp://acme.com"), "an address starts with https://, or is a name alone");
        assert_eq!(refused("me@acme.com"), "a base URL names no user; credentials are given at login");
        assert_eq!(refused("me@acme"), "a base URL names no user; credentials are given at login");
        assert_eq!(refused(""), "a base URL names a host");
        assert_eq!(refused("not a name"), "the host is not a host name or address");
        assert_eq!(refused("http://acme.com"), "plain http would send secrets unencrypted: use https");
        for path in ["//api", "/a/../b", "/a/./b", "/a b", "/a\\b", "/\u{e4}"] {
            let base = format!("https://acme.com{path}");
            assert!(refused(&base).starts_with("the path of a base URL"), "{base}");
        }
        assert!(Server::account("https://acme.com").is_err() && Server::account("acme:80").is_err());
        assert!(Server::account("").is_err());
    }

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        let acme = Server::account("acme").unwrap();
        for host in ["acme", "ACME", "acme.quatrix.it", "https://acme.quatrix.it", "https://acme.quatrix.it:443"] {
            for path in ["", "/", "/api/1.0", "/api/1.0/"] {
                assert_eq!(Server::at(&format!("{host}{path}")).as_ref(), Ok(&acme), "{host}{path}");
            }
        }
        let shown = |address: &str| Server::at(address).unwrap().to_string();
        assert_eq!(shown("http://127.0.0.1:40123"), "http://127.0.0.1:40123/api/1.0");
        assert_eq!(shown("localhost"), "https://localhost/api/1.0");
        assert_eq!(shown("files:8443"), "https://files:8443/api/1.0");
        assert_eq!(shown("[::1]:8443"), "https://[::1]:8443/api/1.0");
        assert_eq!(shown("https://acme.com/gateway"), "https://acme.com/gateway");
    }

    #[test]
    fn http_reaches_this_machine_and_nothing_else() {
        for base in ["http://localhost:1/api/1.0", "http://127.0.0.1:8080/api/1.0", "http://[::1]:9/api/1.0"] {
            assert_eq!(Server::at(base).unwrap().to_string(), base);
        }
        for base in ["http://localhost.evil.com", "http://127.0.0.1.evil.com", "http://[::2]", "http://127.1"] {
            assert!(Server::at(base).is_err(), "{base}");
            assert!(Server::at_insecure(base).is_ok(), "{base}");
        }
    }

    #[test]
    fn equal_addresses_are_equal() {
        let server = Server::at("HTTPS://Acme.COM:443/api/1.0//").unwrap();
        assert_eq!(server, Server::at("https://acme.com/api/1.0").unwrap());
        assert_ne!(server, Server::at("https://acme.com/API/1.0").unwrap());
    }

    #[test]
    fn files_live_beside_the_api() {
        let files = |base: &str| {
            let server = Server::at(base).unwrap();
            format!("{}{}", server.files().authority, server.files().path)
        };
        assert_eq!(files("https://acme.com/api/1.0"), "acme.com");
        assert_eq!(files("https://acme.com:8443/q/api/1.0"), "acme.com:8443/q");
        assert_eq!(files("https://acme.com/other"), "acme.com");
        let server = Server::account("acme").unwrap();
        assert!(server.clone().with_files_base("http://acme.com").is_err());
        let here = Server::at("http://127.0.0.1:1").unwrap();
        assert!(here.clone().with_files_base("http://acme.com").is_err());
        assert!(here.with_files_base("http://127.0.0.1:2").is_ok());
        let moved = server.with_files_base("https://up.acme.com/x").unwrap();
        assert_eq!(&*moved.files().path, "/x");
    }

    proptest! {
        #[test]
        fn any_text_parses_to_itself_or_is_refused(text in "(https?://)?[a-zA-Z0-9@:/?#%\\[\\]. \\-\\PC]{0,60}") {
            if let Ok(server) = Server::at(&text) {
                let shown = server.to_string();
                prop_assert_eq!(&Server::at(&shown).unwrap(), &server);
                let uri: http::Uri = shown.parse().unwrap();
                prop_assert_eq!(uri.authority(), Some(&server.api().authority));
                prop_assert!(!shown.contains('@') || uri.path().contains('@'));
            }
        }
    }

    #[test]
    fn an_address_parses_as_at_reads_it() {
        assert_eq!("acme".parse(), Server::at("acme"));
        assert_eq!("http://acme.com".parse::<Server>(), Server::at("http://acme.com"));
        assert!("http://acme.com".parse::<Server>().is_err());
    }

    #[test]
    fn https_needs_both_bases_encrypted() {
        assert!(Server::at("acme").unwrap().is_https());
        let plain = Server::at("http://localhost").unwrap();
        assert!(!plain.is_https() && !plain.with_files_base("https://files.acme.com").unwrap().is_https());
    }
}
