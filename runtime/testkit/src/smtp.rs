//! A small mail server on loopback that keeps what it is given (RFC 5321), for tests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

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
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (taken, lines) = (Arc::<Mutex<Vec<Taken>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let signed_in = Arc::<Mutex<Vec<String>>>::default();
        let kept = (Arc::clone(&taken), Arc::clone(&lines), Arc::clone(&signed_in));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (taken, lines, signed_in) = kept.clone();
                tokio::spawn(async move { talk(stream, &taken, (&lines, &signed_in)).await.ok() });
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

async fn talk(
    stream: TcpStream,
    taken: &Mutex<Vec<Taken>>,
    (lines, signed_in): (&Mutex<Vec<String>>, &Mutex<Vec<String>>),
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read).lines();
    write.write_all(b"220 mail.test ESMTP\r\n").await?;
    let (mut from, mut to) = (String::new(), String::new());
    while let Some(line) = read.next_line().await? {
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        let command = line.to_ascii_uppercase();
        let answer = if command.starts_with("EHLO") {
            "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n"
        } else if let Some(proof) = line.strip_prefix("AUTH PLAIN ") {
            signed_in.lock().unwrap_or_else(PoisonError::into_inner).push(plain(proof));
            "235 welcome\r\n"
        } else if command.starts_with("MAIL FROM:") {
            from = address(&line);
            "250 ok\r\n"
        } else if command.starts_with("RCPT TO:") {
            to = address(&line);
            match to.split('@').next() {
                Some("refused") => "550 no such mailbox\r\n",
                Some("later") => "451 try again later\r\n",
                _ => "250 ok\r\n",
            }
        } else if command == "DATA" {
            write.write_all(b"354 go on\r\n").await?;
            let mut data = String::new();
            while let Some(line) = read.next_line().await? {
                if line == "." {
                    break;
                }
                data.push_str(line.strip_prefix('.').unwrap_or(&line));
                data.push('\n');
            }
            let message = Taken { from: from.clone(), to: to.clone(), data };
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            "250 taken\r\n"
        } else if command == "QUIT" {
            write.write_all(b"221 bye\r\n").await?;
            return Ok(());
        } else if command == "RSET" || command == "NOOP" {
            "250 ok\r\n"
        } else {
            "502 not here\r\n"
        };
        write.write_all(answer.as_bytes()).await?;
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
