//! Which proxy a connection goes through.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use quatrix_proto::{Error, Failure, FailureKind};

/// Where connections go through. A tunnel (`CONNECT`) is made through it, so it sees the name of the server and nothing
/// else.
#[derive(Debug)]
pub(crate) enum Proxy {
    /// Straight to the server.
    None,
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say; this machine is reached without.
    Environment(Matcher),
    /// Through this one, whatever the environment says.
    Fixed(Matcher),
}

impl Proxy {
    pub(crate) fn from_environment() -> Self {
        Self::Environment(Matcher::from_env())
    }

    /// Reads `http://[USER:PASSWORD@]HOST:PORT`, or the same with `https`.
    pub(crate) fn at(url: &str) -> Result<Self, Error> {
        let matcher = Matcher::builder().all(url).build();
        let usable = matcher.intercept(&Uri::from_static("https://quatrix.it/")).is_some_and(|proxy| {
            matches!(proxy.uri().scheme_str(), Some("http" | "https")) && proxy.uri().host().is_some()
        });
        match usable {
            true => Ok(Self::Fixed(matcher)),
            // The text may hold a password, so it is not shown.
            false => Err(Failure::unsent(FailureKind::Proxy)
                .with_detail("its address is not of the form http://HOST:PORT")
                .into()),
        }
    }

    /// The proxy on the way to this server.
    pub(crate) fn towards(&self, server: &Uri) -> Option<Intercept> {
        match self {
            Self::None => None,
            Self::Environment(_) if server.host().is_some_and(is_this_machine) => None,
            Self::Environment(matcher) | Self::Fixed(matcher) => matcher.intercept(server),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(proxy: &Proxy, server: &'static str) -> Option<String> {
        proxy.towards(&Uri::from_static(server)).map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn a_fixed_proxy_is_on_the_way_to_every_server() {
        let proxy = Proxy::at("http://me:canary@proxy.acme.com:3128").unwrap();
        for server in ["https://acme.quatrix.it/", "http://127.0.0.1:80/", "https://localhost/"] {
            assert_eq!(through(&proxy, server).as_deref(), Some("http://proxy.acme.com:3128/"));
        }
        assert!(!format!("{proxy:?}").contains("canary"));
    }

    #[test]
    fn the_environment_has_no_say_about_this_machine() {
        let proxy = Proxy::Environment(Matcher::builder().all("http://proxy.acme.com:3128").no("intra.net").build());
        assert!(through(&proxy, "https://acme.quatrix.it/").is_some());
        for server in ["http://127.0.0.1:4000/", "https://[::1]/", "https://LOCALHOST/", "https://q.intra.net/"] {
            assert_eq!(through(&proxy, server), None, "{server}");
        }
    }

    #[test]
    fn m35_what_is_no_proxy_is_refused_without_quoting_it() {
        for url in ["", "socks5://me:canary@proxy:1080", "http://me:canary@", "canary canary", "ftp://canary"] {
            let error = Proxy::at(url).unwrap_err();
            let says = "the proxy failed: its address is not of the form http://HOST:PORT";
            assert_eq!(error.to_string(), says, "{url}");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }
}
