//! Certificates of a test's own making, good ones and bad ones.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::version::{TLS12, TLS13};

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Returns a new authority that no client trusts yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is no bad name");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_after = date_time_ymd(2099, 1, 1);
        let key = KeyPair::generate().expect("a test machine has random numbers");
        Self(CertifiedIssuer::self_signed(params, key).expect("the parameters fit an authority"))
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server that it vouches for under these names.
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.server_until(names, 2099)
    }

    /// The same, no longer than to the beginning of this year.
    pub fn server_until(&self, names: &[&str], year: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a test machine has random numbers");
        let certificate = leaf(names, 2000, year).signed_by(&key, &self.0).expect("the authority can sign");
        config(&certificate, &key)
    }

    /// The same, from the beginning of this year on.
    pub fn server_from(&self, names: &[&str], year: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a test machine has random numbers");
        let certificate = leaf(names, year, 2099).signed_by(&key, &self.0).expect("the authority can sign");
        config(&certificate, &key)
    }
}

/// Server with a self-signed certificate.
pub fn self_signed(names: &[&str]) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("a test machine has random numbers");
    let certificate = leaf(names, 2000, 2099).self_signed(&key).expect("a key can sign for itself");
    config(&certificate, &key)
}

fn leaf(names: &[&str], from: i32, until: i32) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("the names are good ones");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn config(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("the provider knows both")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .expect("key and certificate belong together");
    Arc::new(config)
}
