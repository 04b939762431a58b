//! TLS for `https://` receivers: whom to trust, and who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::destination::Tls;

/// What is wrong with certificates and keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has no authorities.
    #[error("the system has no certificates of authorities (Debian: apt-get install ca-certificates): {0}")]
    NoAuthorities(String),
    /// One without the other.
    #[error("a client certificate needs its key, and a key its certificate")]
    Half,
    /// The name.
    #[error("`{0}` is neither the name nor the address of a server")]
    ServerName(String),
    /// Certificate and key do not fit, or similar.
    #[error("the TLS library refuses: {0}")]
    Library(#[from] rustls::Error),
}

/// Reads the files.
pub(super) fn config(tls: &Tls, http2: bool) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let versions: &[_] = if tls.only_1_3 { &[&TLS13] } else { &[&TLS13, &TLS12] };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions)?;
    let builder = if tls.skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(authorities(tls.authorities.as_deref())?)
    };
    let mut config = match (&tls.certificate, &tls.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error.to_string()))?;
            builder.with_client_auth_cert(certificates(certificate)?, key)?
        }
        _ => return Err(TlsError::Half),
    };
    config.alpn_protocols = if http2 { vec![b"h2".to_vec()] } else { vec![b"h2".to_vec(), b"http/1.1".to_vec()] };
    Ok(Arc::new(config))
}

/// The name that the receiver's certificate must have.
pub(super) fn server_name(tls: &Tls, host: &str) -> Result<ServerName<'static>, TlsError> {
    let name = tls.server_name.as_deref().unwrap_or(host.trim_matches(['[', ']']));
    ServerName::try_from(name.to_owned()).map_err(|_invalid| TlsError::ServerName(name.to_owned()))
}

/// The files that are read.
pub(super) fn files(tls: &Tls) -> impl Iterator<Item = &Path> {
    [&tls.authorities, &tls.certificate, &tls.key].into_iter().flatten().map(PathBuf::as_path)
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let Some(path) = file else {
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
        let why = || found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
        return if store.is_empty() { Err(TlsError::NoAuthorities(why())) } else { Ok(store) };
    };
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| wrong(path, &error.to_string()))?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let list = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let list = list.map_err(|error| wrong(path, &error.to_string()))?;
    if list.is_empty() { Err(wrong(path, "it has no certificate in PEM")) } else { Ok(list) }
}

fn wrong(path: &Path, why: &str) -> TlsError {
    TlsError::File { path: path.to_owned(), why: why.to_owned() }
}

/// Takes every certificate, as long as the peer has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
        std::fs::write(&empty, "nothing").unwrap();
        for (path, expected) in [(&missing, "missing.pem: "), (&empty, "empty.pem: ")] {
            let tls = Tls { authorities: Some(path.clone()), ..Tls::default() };
            let text = config(&tls, true).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
        let half = Tls { key: Some(empty), skip_verify: true, ..Tls::default() };
        assert!(matches!(config(&half, true), Err(TlsError::Half)));
    }

    #[test]
    fn server_names_are_hosts_or_addresses() {
        for host in ["collector.example", "192.0.2.1", "[2001:db8::1]"] {
            assert!(server_name(&Tls::default(), host).is_ok(), "{host}");
        }
        let tls = Tls { server_name: Some("a b".into()), ..Tls::default() };
        assert_eq!(
            server_name(&tls, "x").unwrap_err().to_string(),
            "`a b` is neither the name nor the address of a server"
        );
    }
}
