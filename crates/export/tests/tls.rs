//! TLS: who is trusted, who is not, and who we are. Certificates are made for each test.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
#![allow(dead_code, reason = "the modules have helpers for several tests")]

mod faults;
mod pushing;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use faults::{Faults, Reply};
use flowtrace_export::{Destination, Failed, Protocol, Report, Settings, Tls};
use pushing::{LONG, export, exporter, impatient, sent, settings, some, to};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// An authority, and a folder with files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.path().join(name))
    }

    /// A certificate for this name and its key (PEM).
    fn sign(&self, name: &str, until: i32) -> (String, String) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// Writes the client's files.
    fn write_client(&self, name: &str) {
        let (certificate, key) = self.sign(name, 4000);
        std::fs::write(self.file("client.pem").unwrap(), certificate).unwrap();
        std::fs::write(self.file("client.key").unwrap(), key).unwrap();
    }

    fn server(&self, name: &str, until: i32) -> Server<'_> {
        Server {
            authority: self,
            pair: self.sign(name, until),
            clients: false,
            versions: vec![&TLS12, &TLS13],
            h2: true,
        }
    }
}

struct Server<'a> {
    authority: &'a Authority,
    pair: (String, String),
    clients: bool,
    versions: Vec<&'static SupportedProtocolVersion>,
    h2: bool,
}

impl Server<'_> {
    fn start(self) -> Faults {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&self.versions);
        let builder = builder.unwrap();
        let builder = if self.clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let certificate = CertificateDer::from_pem_slice(self.pair.0.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.pair.1.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = if self.h2 { vec![b"h2".to_vec()] } else { vec![b"http/1.1".to_vec()] };
        Faults::at("127.0.0.1:0", Some(Arc::new(config)), |_, _| Reply::Ok)
    }
}

fn secure(receiver: &Faults, protocol: Protocol, tls: Tls) -> Destination {
    let url = format!("https://localhost:{}", receiver.address.port());
    Destination { protocol: Some(protocol), tls, ..to(&url) }
}

fn trusting(authority: &Authority) -> Tls {
    Tls { authorities: authority.file("ca.pem"), ..Tls::default() }
}

/// Not one span gets there.
fn assert_unreachable(receiver: &Faults, tls: &Tls) {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let report = export(secure(receiver, protocol, tls.clone()), impatient(), 3);
        let failed = Failed { unreachable: 3, ..Failed::default() };
        assert_eq!(report, Report { failed, ..Report::default() }, "{protocol:?}");
    }
    assert!(receiver.requests().is_empty());
}

#[test]
fn the_authority_s_receiver_is_trusted() {
    let authority = Authority::new();
    for protocol in Protocol::ALL {
        let receiver = authority.server("localhost", 4000).start();
        assert_eq!(export(secure(&receiver, protocol, trusting(&authority)), settings(), 3), sent(3), "{protocol:?}");
    }
}

#[test]
fn http_goes_over_http_1_where_the_receiver_has_no_other() {
    let authority = Authority::new();
    let receiver = Server { h2: false, ..authority.server("localhost", 4000) }.start();
    let to = secure(&receiver, Protocol::HttpProtobuf, trusting(&authority));
    assert_eq!(export(to, settings(), 3), sent(3));
}

#[test]
fn another_authority_s_receiver_is_not() {
    let (authority, other) = (Authority::new(), Authority::new());
    assert_unreachable(&authority.server("localhost", 4000).start(), &trusting(&other));
}

#[test]
fn the_system_s_authorities_do_not_know_ours() {
    let authority = Authority::new();
    // Where the system has none at all, that is said at once.
    if !rustls_native_certs::load_native_certs().certs.is_empty() {
        assert_unreachable(&authority.server("localhost", 4000).start(), &Tls::default());
    }
}

#[test]
fn an_expired_certificate_is_not_trusted() {
    let authority = Authority::new();
    assert_unreachable(&authority.server("localhost", 2020).start(), &trusting(&authority));
}

#[test]
fn a_certificate_for_another_name_is_not_trusted_unless_that_name_is_asked_for() {
    let authority = Authority::new();
    let receiver = authority.server("collector.example", 4000).start();
    assert_unreachable(&receiver, &trusting(&authority));
    let tls = Tls { server_name: Some("collector.example".into()), ..trusting(&authority) };
    assert_eq!(export(secure(&receiver, Protocol::Grpc, tls), settings(), 3), sent(3));
}

#[test]
fn without_verification_anyone_is_trusted() {
    let authority = Authority::new();
    for (name, until, versions) in [("collector.example", 2020, vec![&TLS12]), ("localhost", 4000, vec![&TLS13])] {
        let receiver = Server { versions, ..authority.server(name, until) }.start();
        let tls = Tls { skip_verify: true, ..Tls::default() };
        assert_eq!(export(secure(&receiver, Protocol::Grpc, tls), settings(), 3), sent(3), "{name}");
    }
}

#[test]
fn tls_1_2_is_taken_unless_1_3_is_the_minimum() {
    let authority = Authority::new();
    let receiver = Server { versions: vec![&TLS12], ..authority.server("localhost", 4000) }.start();
    assert_unreachable(&receiver, &Tls { only_1_3: true, ..trusting(&authority) });
    assert_eq!(export(secure(&receiver, Protocol::Grpc, trusting(&authority)), settings(), 3), sent(3));
}

#[test]
fn a_receiver_that_asks_for_a_certificate_gets_ours() {
    let authority = Authority::new();
    authority.write_client("agent");
    let receiver = Server { clients: true, ..authority.server("localhost", 4000) }.start();
    assert_unreachable(&receiver, &trusting(&authority));
    let (certificate, key) = (authority.file("client.pem"), authority.file("client.key"));
    let tls = Tls { certificate, key, ..trusting(&authority) };
    for protocol in Protocol::ALL {
        assert_eq!(export(secure(&receiver, protocol, tls.clone()), settings(), 3), sent(3), "{protocol:?}");
    }
}

#[test]
fn a_client_certificate_is_read_again_when_it_changes_and_kept_while_it_is_damaged() {
    let authority = Authority::new();
    authority.write_client("agent");
    let receiver = Server { clients: true, ..authority.server("localhost", 4000) }.start();
    let (certificate, key) = (authority.file("client.pem"), authority.file("client.key"));
    let tls = Tls { certificate: certificate.clone(), key, ..trusting(&authority) };
    let to = secure(&receiver, Protocol::Grpc, tls);
    let mut exporter = exporter(to, Settings { batch_records: 1, ..settings() });
    let mut next = |write: &dyn Fn()| {
        std::thread::sleep(Duration::from_millis(1_100));
        write();
        exporter.push(&some(1)[0]);
        std::thread::sleep(Duration::from_millis(200));
        receiver.requests().last().unwrap().connection
    };
    assert_eq!(next(&|| {}), 1);
    assert_eq!(next(&|| std::fs::write(certificate.as_ref().unwrap(), "half writ").unwrap()), 1);
    assert_eq!(next(&|| authority.write_client("agent-2")), 2);
    assert_eq!(exporter.shutdown(LONG), sent(3));
}

#[test]
fn plain_http_to_a_tls_port_and_tls_to_a_plain_one_fail() {
    let authority = Authority::new();
    let receiver = authority.server("localhost", 4000).start();
    let failed = Failed { unreachable: 3, ..Failed::default() };
    assert_eq!(export(to(&receiver.url()), impatient(), 3).failed, failed);
    assert!(receiver.requests().is_empty());
    assert_unreachable(&Faults::tcp(|_, _| Reply::Ok), &trusting(&authority));
}
