//! TLS to the API server: whom to trust, and who we are.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::access::{Access, AccessError, Text, wrong};

/// Reads what the access names.
pub(super) fn config(access: &Access) -> Result<ClientConfig, AccessError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = if access.skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(match &access.authorities {
            Some(text) => authorities(text)?,
            None => authorities_of_the_system(),
        })
    };
    let Some((certificate, key)) = &access.certificate else { return Ok(builder.with_no_client_auth()) };
    let key_der = PrivateKeyDer::from_pem_slice(&key.read()?).map_err(|error| bad(key, &error.to_string()))?;
    Ok(builder.with_client_auth_cert(certificates(certificate)?, key_der)?)
}

/// The cluster's own: the system's do not vouch for it.
fn authorities(text: &Text) -> Result<RootCertStore, AccessError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(text)? {
        store.add(certificate).map_err(|error| bad(text, &error.to_string()))?;
    }
    Ok(store)
}

/// For clusters behind a public certificate, whose kubeconfig names no authority; none where the system has none.
fn authorities_of_the_system() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

fn certificates(text: &Text) -> Result<Vec<CertificateDer<'static>>, AccessError> {
    let bytes = text.read()?;
    let list = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let list = list.map_err(|error| bad(text, &error.to_string()))?;
    if list.is_empty() { Err(bad(text, "it has no certificate in PEM")) } else { Ok(list) }
}

fn bad(text: &Text, why: &str) -> AccessError {
    match text {
        Text::File(path) => wrong(path, why),
        Text::Given(_) => wrong("the kubeconfig's data".as_ref(), why),
    }
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
