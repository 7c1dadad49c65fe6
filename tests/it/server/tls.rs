//! TLS: HTTP/1.1 and HTTP/2, certificates that change while the node runs, and client certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use config::Listener;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_http::Certificates;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::World;

/// An authority of our own.
pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate and its key.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }
}

/// The files of a listener, in a directory that goes with them.
pub(crate) struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new(authority: &Authority) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(files.path("ca.pem"), authority.0.pem()).unwrap();
        files.renew(authority);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn renew(&self, authority: &Authority) {
        let (certificate, key) = authority.issue("localhost");
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        fs::write(self.path("cert.pem"), certificate.pem()).unwrap();
    }

    fn serve(&self, listener: &mut Listener) {
        listener.tls = Some(config::listener::Tls { cert: self.path("cert.pem"), key: self.path("key.pem") });
        listener.client_ca = Some(self.path("ca.pem"));
    }
}

pub(crate) async fn connect(
    base: &str,
    authority: &Authority,
    client: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    protocol: &[u8],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn get(stream: TlsStream<TcpStream>, path: &str) -> u16 {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let request = Request::get(format!("https://localhost{path}")).header("host", "localhost");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let answer = if is_h2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let status = answer.status().as_u16();
    answer.into_body().collect().await.unwrap();
    status
}

async fn start(files: &Files) -> (World, Certificates) {
    World::start_listening(|_| {}, |listener| files.serve(listener)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_are_served() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority);
    let (world, _) = start(&files).await;
    for protocol in [b"http/1.1".as_slice(), b"h2"] {
        let stream = connect(&world.base, &authority, None, protocol).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
        assert_eq!(get(stream, "/health/alive").await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificate_is_taken_and_a_broken_one_changes_nothing() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority);
    let (world, certificates) = start(&files).await;
    let served = async || {
        let stream = connect(&world.base, &authority, None, b"http/1.1").await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let first = served().await;
    age(&files.path("cert.pem"));
    fs::write(files.path("cert.pem"), "no certificate").unwrap();
    certificates.reload();
    assert_eq!(served().await, first, "what cannot be used is not used");
    files.renew(&authority);
    certificates.reload();
    assert_ne!(served().await, first);
}

/// Makes a file look older, so that a change within the clock's resolution is seen.
fn age(path: &Path) {
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
    fs::File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificate_of_the_listeners_authority_lets_an_operator_in() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority);
    let (world, _) = start(&files).await;
    let (certificate, key) = authority.issue("operator");
    let key = || PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let ours = Some((certificate.der().clone(), key()));
    for (client, status) in [(ours, 200), (None, 401)] {
        let stream = connect(&world.admin, &authority, client, b"http/1.1").await;
        assert_eq!(get(stream, "/admin/clients").await, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificate_of_another_authority_is_worth_nothing() {
    let (authority, foreign) = (Authority::new("ours"), Authority::new("theirs"));
    let files = Files::new(&authority);
    let (world, _) = start(&files).await;
    let (certificate, key) = foreign.issue("operator");
    let client = Some((certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap()));
    let stream = connect(&world.admin, &authority, client, b"http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/admin/clients").header("host", "localhost").body(Empty::<Bytes>::new());
    assert!(
        sender.send_request(request.unwrap()).await.is_err(),
        "the handshake fails, and nothing is answered"
    );
}
