//! A server on loopback that speaks TLS and answers what it is told to, for tests of what a node asks of others.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct HttpsHost {
    port: u16,
    authority: String,
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

/// What it is to answer, and what it was asked.
#[derive(Debug, Default)]
struct Heard {
    answer: Mutex<Answer>,
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// What is answered to every request.
#[derive(Debug, Clone, Default)]
enum Answer {
    /// Nothing, for as long as the other end waits.
    #[default]
    Silence,
    /// These bytes.
    Bytes(Vec<u8>),
    /// The first bytes, and then the second for as long as the other end takes them.
    Endless(Vec<u8>, Vec<u8>),
}

impl Drop for HttpsHost {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HttpsHost {
    /// Listens on a free port, with a certificate for `localhost` of an authority of its own.
    pub async fn start() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
        let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (port, heard) = (listener.local_addr()?.port(), Arc::<Heard>::default());
        let told = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                told.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(acceptor.clone(), stream, Arc::clone(&told)));
            }
        });
        Ok(Self { port, authority: authority.pem(), heard, task })
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its authority, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The address of something there.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Answers with a status, lines of a header (each with its end) and a body.
    pub fn says(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.answers(Answer::Bytes(text.into_bytes()));
    }

    /// Answers JSON, of which it says for how many seconds it stands.
    pub fn publishes(&self, document: &serde_json::Value, seconds: u64) {
        let headers = format!("content-type: application/json\r\ncache-control: max-age={seconds}\r\n");
        self.says("200 OK", &headers, &document.to_string());
    }

    /// Answers nothing.
    pub fn says_nothing(&self) {
        self.answers(Answer::Silence);
    }

    /// Answers JSON that has no end.
    pub fn says_without_end(&self) {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        self.answers(Answer::Endless(head.to_vec(), b"8\r\n        \r\n".to_vec()));
    }

    fn answers(&self, answer: Answer) {
        *self.heard.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// How many connections were made to it, whatever became of them.
    pub fn connections(&self) -> usize {
        self.heard.connections.load(Ordering::SeqCst)
    }

    /// How many requests it has read.
    pub fn requests(&self) -> usize {
        self.heard.requests.load(Ordering::SeqCst)
    }
}

/// Reads one request and answers it. Whoever does not believe the certificate, or has enough, hangs up: no failure of this server's.
async fn answer(acceptor: TlsAcceptor, stream: TcpStream, heard: Arc<Heard>) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let mut head = [0; 4_096];
    let read = stream.read(&mut head).await.ok()?;
    if read == 0 {
        return None;
    }
    heard.requests.fetch_add(1, Ordering::SeqCst);
    let answer = heard.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match answer {
        Answer::Silence => {}
        Answer::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
        Answer::Endless(first, then) => {
            stream.write_all(&first).await.ok()?;
            loop {
                stream.write_all(&then).await.ok()?;
            }
        }
    }
    stream.flush().await.ok()?;
    // Until the other end has read it, or waits no longer.
    stream.read_to_end(&mut Vec::new()).await.ok().map(drop)
}
