//! New certificate authority per run, and a server certificate for the loopback names.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::version::{TLS12, TLS13};

/// Names in the certificate.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Authority's certificate, in memory and as a file that is removed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) path: PathBuf,
}

impl Authority {
    /// Creates an authority, and the configuration of a server with a certificate from it.
    pub(crate) fn new() -> io::Result<(Self, ServerConfig)> {
        let (pem, config) = make().map_err(io::Error::other)?;
        let path = write_temp_file(&pem)?;
        Ok((Self { pem, path }, config))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // Best effort: the file may have been removed already.
        let _ = fs::remove_file(&self.path);
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn make() -> Result<(String, ServerConfig), Failure> {
    let mut params = params(&[], "Quatrix emulator authority")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut params = self::params(&NAMES, "Quatrix emulator")?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;

    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((pem_of(authority.der()), config))
}

fn params(names: &[&str], common_name: &str) -> Result<CertificateParams, Failure> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    // At most 790 days: some verifiers reject certificates that are valid for more than 825 days.
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let year = i32::try_from(1970 + seconds / 31_556_952)?;
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + 1, 3, 1);
    Ok(params)
}

fn pem_of(der: &[u8]) -> String {
    use base64::Engine;
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

fn write_temp_file(pem: &str) -> io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("quatrix-emulator-{:016x}.pem", crate::random()?));
    write_new(&path, pem)?;
    Ok(path)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
