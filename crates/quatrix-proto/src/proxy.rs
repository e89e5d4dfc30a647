//! Which proxy a connection goes through, for every adapter alike.
//!
//! A proxy is only ever asked for a tunnel (`CONNECT`) to a server that speaks TLS. Plain `http` through a tunnel would
//! show it the password, and a loopback address would be one of the proxy's own machine.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::error::Invalid;
use crate::secret::SecretText;
use crate::server::{self, Server};

/// The rule that picks a proxy for each server.
#[derive(Clone, Debug)]
pub struct ProxyRule(Rule);

#[derive(Clone, Debug)]
enum Rule {
    Direct,
    Fixed(Proxy),
    /// What cannot be used is an error only for a server that it would be used for.
    Environment {
        proxy: Result<Option<Proxy>, Invalid>,
        exceptions: Box<str>,
    },
}

/// The address of a proxy, and its credentials.
///
/// `Debug` shows neither.
#[derive(Clone)]
pub struct Proxy {
    url: SecretText,
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl ProxyRule {
    /// No proxy for any server.
    pub fn direct() -> Self {
        Self(Rule::Direct)
    }

    /// This proxy for every server: `http://[USER:PASSWORD@]HOST[:PORT]`, or the same with `https`.
    ///
    /// # Errors
    /// [`Invalid`], which does not quote the address.
    pub fn fixed(url: &str) -> Result<Self, Invalid> {
        Proxy::parse("the proxy", url).map(|proxy| Self(Rule::Fixed(proxy)))
    }

    /// What the variables of the environment say: the first of `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and
    /// `all_proxy` that is set, except for servers in `NO_PROXY` and on this machine.
    ///
    /// `HTTP_PROXY` is for plain `http`, which goes through no proxy.
    pub fn environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

        let set = |name| variable(name).filter(|value| !value.is_empty()).map(|value| (name, value));
        let proxy = PROXIES.into_iter().find_map(set).map(|(name, value)| match value.to_str() {
            Some(url) => Proxy::parse(name, url),
            None => Err(Invalid::new(name, "is not UTF-8")),
        });
        let exceptions = EXCEPTIONS.into_iter().find_map(set).map(|(_, value)| value.to_string_lossy().into());
        Self(Rule::Environment { proxy: proxy.transpose(), exceptions: exceptions.unwrap_or_default() })
    }

    /// The proxy on the way to a server; none if it is reached directly.
    ///
    /// # Errors
    /// [`Invalid`] if the proxy that the environment names cannot be used, or a fixed one would carry plain `http`.
    pub fn towards(&self, server: &Server) -> Result<Option<&Proxy>, Invalid> {
        let [files, api] =
            [server.files(), server.api()].map(|base| self.towards_host(&base.scheme, base.authority.host()));
        files.and(api)
    }

    /// As [`towards`](Self::towards), for one connection.
    ///
    /// # Errors
    /// As there.
    pub fn towards_host(&self, scheme: &Scheme, host: &str) -> Result<Option<&Proxy>, Invalid> {
        let is_plain = *scheme != Scheme::HTTPS;
        match &self.0 {
            Rule::Direct => Ok(None),
            Rule::Fixed(_) if is_plain => Err(Invalid::new(
                "the proxy",
                "cannot be used for plain http, which it could read: use https, or no proxy",
            )),
            Rule::Fixed(proxy) => Ok(Some(proxy)),
            Rule::Environment { .. } if is_plain || server::is_loopback(host) => Ok(None),
            Rule::Environment { exceptions, .. } if is_listed(host, exceptions) => Ok(None),
            Rule::Environment { proxy, .. } => proxy.as_ref().map(Option::as_ref).map_err(Clone::clone),
        }
    }
}

impl Proxy {
    fn parse(what: &'static str, url: &str) -> Result<Self, Invalid> {
        const FORM: &str = "must be of the form http://[USER:PASSWORD@]HOST[:PORT]";

        let invalid = || Invalid::new(what, FORM);
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::HTTP, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::HTTPS, rest),
            Some(_) => return Err(Invalid::new(what, "must be an http or https proxy")),
            None => (Scheme::HTTP, url),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, host) = match rest.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, rest),
        };
        let authority = server::authority(&scheme, host).map_err(|_| invalid())?;
        let authorization = credentials.map(|credentials| basic(credentials).ok_or_else(invalid)).transpose()?;
        let text = match credentials {
            Some(credentials) => format!("{scheme}://{credentials}@{authority}"),
            None => format!("{scheme}://{authority}"),
        };
        let uri = uri(scheme, authority).ok_or_else(invalid)?;
        Ok(Self { url: SecretText::new(text), uri, authorization })
    }

    /// The address without credentials.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The value of `Proxy-Authorization`, marked as sensitive.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The whole address, with percent-encoded credentials.
    ///
    /// Whoever calls this is responsible for where it goes.
    pub fn expose_url(&self) -> &str {
        self.url.as_str()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxy(..)")
    }
}

fn uri(scheme: Scheme, authority: Authority) -> Option<Uri> {
    let path = PathAndQuery::from_static("/");
    Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().ok()
}

/// The credentials of a URL as a header value. A user without a password has an empty one.
fn basic(credentials: &str) -> Option<HeaderValue> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&b);
    if !credentials.bytes().all(is_plain) {
        return None;
    }
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut decoded = Zeroizing::new(Vec::with_capacity(credentials.len() + 1));
    decoded.extend(percent_decode_str(user));
    decoded.push(b':');
    decoded.extend(percent_decode_str(password));
    SecretText::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(&*decoded)))).header()
}

/// Whether `NO_PROXY` names this host: `*`, a domain with or without a dot in front, an address, a network.
fn is_listed(host: &str, exceptions: &str) -> bool {
    let host = bare(host);
    let address = host.parse::<IpAddr>().ok();
    exceptions.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let network =
            entry.split_once('/').and_then(|(base, length)| Some((bare(base).parse().ok()?, length.parse().ok()?)));
        match (entry, address, network) {
            ("*", ..) => true,
            (_, Some(address), Some((base, length))) => is_within(address, base, length),
            (_, Some(address), None) => bare(entry).parse() == Ok(address),
            (_, None, _) => is_below(host, entry.trim_start_matches('*').trim_start_matches('.')),
        }
    })
}

fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

fn is_below(host: &str, domain: &str) -> bool {
    let start = host.len().checked_sub(domain.len());
    let ends = start.and_then(|start| host.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(domain));
    !domain.is_empty() && ends && (host.len() == domain.len() || host.as_bytes()[host.len() - domain.len() - 1] == b'.')
}

fn is_within(address: IpAddr, base: IpAddr, length: u32) -> bool {
    let (address, base, bits) = match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => (u32::from(address).into(), u32::from(base).into(), 32),
        (IpAddr::V6(address), IpAddr::V6(base)) => (u128::from(address), u128::from(base), 128),
        _ => return false,
    };
    // A shift by all bits is none that a number can do; then every address is within.
    length <= bits && (address ^ base).checked_shr(bits - length).unwrap_or_default() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &'static [(&str, &str)]) -> ProxyRule {
        ProxyRule::environment(|name| Some(variables.iter().find(|(known, _)| *known == name)?.1.into()))
    }

    fn through(rule: &ProxyRule, server: &str) -> Result<Option<String>, String> {
        let proxy = rule.towards(&Server::at_insecure(server).unwrap());
        proxy.map(|proxy| proxy.map(|proxy| proxy.uri().to_string())).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn m35_an_address_is_read_and_its_credentials_are_shown_by_nothing() {
        let ProxyRule(Rule::Fixed(proxy)) = ProxyRule::fixed("HTTP://me:s%65cret@Proxy.Acme.com:3128/").unwrap() else {
            panic!();
        };
        assert_eq!(proxy.uri(), "http://proxy.acme.com:3128/");
        assert_eq!(proxy.authorization().unwrap(), "Basic bWU6c2VjcmV0");
        assert_eq!(proxy.expose_url(), "http://me:s%65cret@proxy.acme.com:3128");
        assert_eq!(format!("{proxy:?} {:?}", proxy.authorization().unwrap()), "Proxy(..) Sensitive");
        assert_eq!(Proxy::parse("x", "proxy:3128").unwrap().uri(), "http://proxy:3128/");
        assert_eq!(Proxy::parse("x", "https://[::1]").unwrap().uri(), "https://[::1]/");
    }

    #[test]
    fn m35_what_is_no_proxy_is_refused_without_quoting_it() {
        let wrong = [
            "",
            "http://",
            "http://me:canary@",
            "canary canary",
            "http://p/canary",
            "http://p?canary",
            "http://ca\nary@p",
        ];
        for url in wrong {
            let text = ProxyRule::fixed(url).unwrap_err().to_string();
            assert_eq!(text, "the proxy must be of the form http://[USER:PASSWORD@]HOST[:PORT]", "{url}");
        }
        for url in ["socks5://me:canary@proxy:1080", "ftp://canary"] {
            assert_eq!(ProxyRule::fixed(url).unwrap_err().to_string(), "the proxy must be an http or https proxy");
        }
    }

    #[test]
    fn m35_a_fixed_proxy_is_on_the_way_to_every_server_and_never_gets_plain_http() {
        let rule = ProxyRule::fixed("http://proxy.acme.com:3128").unwrap();
        for server in ["https://acme.quatrix.it", "https://localhost", "https://127.0.0.1"] {
            assert_eq!(through(&rule, server), Ok(Some("http://proxy.acme.com:3128/".into())), "{server}");
        }
        for server in ["http://127.0.0.1:80", "http://localhost", "http://[::1]", "http://files.intra.net"] {
            assert!(through(&rule, server).unwrap_err().contains("plain http"), "{server}");
        }
        let files = Server::at("https://acme.com").unwrap().with_files_base("http://127.0.0.1:1").unwrap();
        assert!(rule.towards(&files).is_err());
        assert!(ProxyRule::direct().towards(&files).unwrap().is_none());
    }

    #[test]
    fn the_environment_has_no_say_about_this_machine_and_about_exceptions() {
        let rule = environment(&[
            ("ALL_PROXY", "proxy:1"),
            ("no_proxy", "intra.net, .dotted.net,*.starred.net 10.0.0.0/8,192.0.2.7,fd00::/8"),
        ]);
        let direct = [
            "https://127.0.0.1",
            "https://[::1]",
            "https://LOCALHOST",
            "http://files.example",
            "https://intra.net",
            "https://q.INTRA.net",
            "https://q.dotted.net",
            "https://q.starred.net",
            "https://10.1.2.3",
            "https://192.0.2.7",
            "https://[fd00::1]",
        ];
        for server in direct {
            assert_eq!(through(&rule, server), Ok(None), "{server}");
        }
        let proxied = [
            "https://acme.quatrix.it",
            "https://notintra.net",
            "https://intra.net.evil.com",
            "https://11.1.2.3",
            "https://192.0.2.70",
            "https://[fe00::1]",
            "https://127.0.0.1.evil.com",
            "https://localhost.evil.com",
        ];
        for server in proxied {
            assert_eq!(through(&rule, server), Ok(Some("http://proxy:1/".into())), "{server}");
        }
        assert_eq!(through(&environment(&[("ALL_PROXY", "p:1"), ("NO_PROXY", "*")]), "https://a.com"), Ok(None));
        let every = environment(&[("ALL_PROXY", "p:1"), ("NO_PROXY", "0.0.0.0/0,::/0,1.2.3.4/33,x/8")]);
        assert_eq!(through(&every, "https://192.0.2.1"), Ok(None));
        assert!(through(&every, "https://a.com").unwrap().is_some());
    }

    #[test]
    fn m35_a_variable_that_cannot_be_used_is_an_error_where_it_would_be_used() {
        let rule = environment(&[("HTTPS_PROXY", "http://me:canary@"), ("ALL_PROXY", "p:1"), ("NO_PROXY", "b.com")]);
        let why = "HTTPS_PROXY must be of the form http://[USER:PASSWORD@]HOST[:PORT]";
        assert_eq!(through(&rule, "https://a.com"), Err(why.into()));
        assert_eq!(through(&rule, "https://b.com"), Ok(None));
        assert_eq!(through(&rule, "http://127.0.0.1"), Ok(None));
        assert_eq!(through(&environment(&[("HTTPS_PROXY", "")]), "https://a.com"), Ok(None));
        assert_eq!(through(&environment(&[("HTTP_PROXY", "p:1")]), "https://a.com"), Ok(None));
        let first = environment(&[("https_proxy", "p:2"), ("ALL_PROXY", "p:1")]);
        assert_eq!(through(&first, "https://a.com"), Ok(Some("http://p:2/".into())));
    }

    #[cfg(unix)]
    #[test]
    fn m35_a_variable_that_is_not_utf_8_is_an_error() {
        use std::os::unix::ffi::OsStringExt as _;

        let rule = ProxyRule::environment(|_| Some(OsString::from_vec(b"http://\xff".to_vec())));
        assert_eq!(through(&rule, "https://a.com"), Err("HTTPS_PROXY is not UTF-8".into()));
    }
}
