//! A small mail server on loopback that keeps what it is given (RFC 5321), for tests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use certificate::Certificate;

mod certificate;

/// How the server is spoken to.
#[derive(Clone)]
enum Spoken {
    /// In the clear.
    Plainly,
    /// In the clear first, until the client asks for TLS (RFC 3207). Before that it takes nothing.
    StartTls(TlsAcceptor),
    /// By TLS from the start (RFC 8314).
    Tls(TlsAcceptor),
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// From whom, as the envelope says.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Headers and body as they came.
    pub data: String,
}

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
    /// Everything that clients said.
    lines: Arc<Mutex<Vec<String>>>,
    /// Who signed in.
    signed_in: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SmtpServer {
    /// Listens on a free port. A recipient whose name is `refused` is refused for good, `later` for now.
    pub async fn start() -> anyhow::Result<Self> {
        Self::spoken_to(Spoken::Plainly).await
    }

    /// The same, but that it takes mail only after `STARTTLS`.
    pub async fn start_tls(certificate: &Certificate) -> anyhow::Result<Self> {
        Self::spoken_to(Spoken::StartTls(certificate.acceptor()?)).await
    }

    /// The same, but that it speaks TLS from the start.
    pub async fn tls(certificate: &Certificate) -> anyhow::Result<Self> {
        Self::spoken_to(Spoken::Tls(certificate.acceptor()?)).await
    }

    async fn spoken_to(spoken: Spoken) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (taken, lines) = (Arc::<Mutex<Vec<Taken>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let signed_in = Arc::<Mutex<Vec<String>>>::default();
        let kept =
            Kept { taken: Arc::clone(&taken), lines: Arc::clone(&lines), signed_in: Arc::clone(&signed_in) };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, spoken) = (kept.clone(), spoken.clone());
                tokio::spawn(async move { serve(stream, &spoken, &kept).await.ok() });
            }
        });
        Ok(Self { address, taken, lines, signed_in, task })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it was given so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who signed in so far: `user:password`.
    pub fn signed_in(&self) -> Vec<String> {
        self.signed_in.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What clients said so far, but the messages.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What it keeps of what it is told.
#[derive(Clone)]
struct Kept {
    taken: Arc<Mutex<Vec<Taken>>>,
    lines: Arc<Mutex<Vec<String>>>,
    signed_in: Arc<Mutex<Vec<String>>>,
}

fn keep<T>(list: &Mutex<Vec<T>>, item: T) {
    list.lock().unwrap_or_else(PoisonError::into_inner).push(item);
}

const GREETING: &[u8] = b"220 mail.test ESMTP\r\n";

async fn serve(mut stream: TcpStream, spoken: &Spoken, kept: &Kept) -> std::io::Result<()> {
    match spoken {
        Spoken::Plainly => {
            stream.write_all(GREETING).await?;
            talk(stream, kept).await
        }
        Spoken::StartTls(acceptor) => {
            stream.write_all(GREETING).await?;
            match until_start_tls(stream, kept).await? {
                Some(stream) => talk(acceptor.accept(stream).await?, kept).await,
                None => Ok(()),
            }
        }
        Spoken::Tls(acceptor) => {
            let mut stream = acceptor.accept(stream).await?;
            stream.write_all(GREETING).await?;
            talk(stream, kept).await
        }
    }
}

/// What is said in the clear before TLS; the connection once the client asks for it.
async fn until_start_tls(stream: TcpStream, kept: &Kept) -> std::io::Result<Option<TcpStream>> {
    let mut stream = BufReader::new(stream);
    while let Some(line) = line(&mut stream).await? {
        keep(&kept.lines, line.clone());
        let command = line.to_ascii_uppercase();
        if command == "STARTTLS" {
            stream.write_all(b"220 go on\r\n").await?;
            return Ok(Some(stream.into_inner()));
        }
        let answer: &[u8] = if command.starts_with("EHLO") {
            b"250-mail.test\r\n250 STARTTLS\r\n"
        } else {
            b"530 Must issue a STARTTLS command first\r\n"
        };
        stream.write_all(answer).await?;
    }
    Ok(None)
}

/// The next line without its end; none at the end of what there is.
async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: S, kept: &Kept) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to) = (String::new(), String::new());
    while let Some(said) = line(&mut stream).await? {
        keep(&kept.lines, said.clone());
        let command = said.to_ascii_uppercase();
        let answer = if command.starts_with("EHLO") {
            "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n"
        } else if let Some(proof) = said.strip_prefix("AUTH PLAIN ") {
            keep(&kept.signed_in, plain(proof));
            "235 welcome\r\n"
        } else if command.starts_with("MAIL FROM:") {
            from = address(&said);
            "250 ok\r\n"
        } else if command.starts_with("RCPT TO:") {
            to = address(&said);
            match to.split('@').next() {
                Some("refused") => "550 no such mailbox\r\n",
                Some("later") => "451 try again later\r\n",
                _ => "250 ok\r\n",
            }
        } else if command == "DATA" {
            stream.write_all(b"354 go on\r\n").await?;
            stream.flush().await?;
            let mut data = String::new();
            while let Some(line) = line(&mut stream).await? {
                if line == "." {
                    break;
                }
                data.push_str(line.strip_prefix('.').unwrap_or(&line));
                data.push('\n');
            }
            keep(&kept.taken, Taken { from: from.clone(), to: to.clone(), data });
            "250 taken\r\n"
        } else if command == "QUIT" {
            stream.write_all(b"221 bye\r\n").await?;
            return stream.shutdown().await;
        } else if command == "RSET" || command == "NOOP" {
            "250 ok\r\n"
        } else {
            "502 not here\r\n"
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Who signs in with what (RFC 4616).
fn plain(proof: &str) -> String {
    let proof = STANDARD.decode(proof).unwrap_or_default();
    let parts: Vec<_> = proof.split(|byte| *byte == 0).skip(1).map(String::from_utf8_lossy).collect();
    parts.join(":")
}

/// What stands between `<` and `>`.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
