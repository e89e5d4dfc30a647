//! TLS settings of the connections.

use std::sync::Arc;

use quatrix_proto::{Error, TransportError, TransportErrorKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

/// Trusted certificate authorities.
pub(crate) enum Roots {
    /// Those that browsers trust, compiled in.
    Public,
    #[cfg(feature = "platform-verifier")]
    Platform,
    Pem(Vec<u8>),
}

/// Returns settings for TLS 1.2 and 1.3 with ring.
///
/// The provider is explicit, so that a process-wide default of another crate has no effect.
pub(crate) fn config(roots: &Roots) -> Result<ClientConfig, Error> {
    let unusable = |error| TransportError::unsent(TransportErrorKind::Local).with_source(error);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?;
    let config = match roots {
        Roots::Public => {
            config.with_root_certificates(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
        }
        #[cfg(feature = "platform-verifier")]
        Roots::Platform => {
            use rustls_platform_verifier::BuilderVerifierExt;
            config.with_platform_verifier().map_err(unusable)?
        }
        Roots::Pem(pem) => config.with_root_certificates(parse_roots(pem)?),
    };
    Ok(config.with_no_client_auth())
}

fn parse_roots(pem: &[u8]) -> Result<RootCertStore, Error> {
    let invalid =
        || TransportError::unsent(TransportErrorKind::Local).with_detail("the roots hold no valid PEM certificate");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| invalid().with_source(error))?;
        roots.add(certificate).map_err(|error| invalid().with_source(error))?;
    }
    match roots.is_empty() {
        true => Err(invalid().into()),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_roots_are_accepted_and_damaged_ones_are_a_local_error() {
        assert!(config(&Roots::Public).is_ok());
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\n", damaged] {
            let error = config(&Roots::Pem(pem.to_vec())).unwrap_err().to_string();
            assert_eq!(error, "a local error: the roots hold no valid PEM certificate");
        }
    }
}
