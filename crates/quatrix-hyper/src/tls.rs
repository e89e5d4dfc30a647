//! Whom a connection trusts.

use std::sync::Arc;

use quatrix_proto::{Error, TransportError, TransportErrorKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

/// The authorities that are trusted.
pub(crate) enum Roots {
    /// Those that browsers trust, as built in.
    Public,
    #[cfg(feature = "platform-verifier")]
    Platform,
    Pem(Vec<u8>),
}

/// TLS 1.2 or 1.3 by ring. The provider is named here, so that no other crate's choice of a process-wide default matters.
pub(crate) fn config(roots: &Roots) -> Result<ClientConfig, Error> {
    let unusable = |error| TransportError::unsent(TransportErrorKind::Tls).with_source(error);
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
        Roots::Pem(pem) => config.with_root_certificates(read(pem)?),
    };
    Ok(config.with_no_client_auth())
}

fn read(pem: &[u8]) -> Result<RootCertStore, Error> {
    let unusable =
        || TransportError::unsent(TransportErrorKind::Tls).with_detail("the roots hold no certificate in PEM form");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable().with_source(error))?;
        roots.add(certificate).map_err(|error| unusable().with_source(error))?;
    }
    match roots.is_empty() {
        true => Err(unusable().into()),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_roots_are_there_and_damaged_ones_are_refused() {
        assert!(config(&Roots::Public).is_ok());
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\n", damaged] {
            let error = config(&Roots::Pem(pem.to_vec())).unwrap_err().to_string();
            assert_eq!(error, "no secure connection: the roots hold no certificate in PEM form");
        }
    }
}
