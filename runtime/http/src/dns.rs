//! Text records of DNS, asked of name servers (RFC 1035): the proof that somebody controls a domain.
//!
//! Attack: somebody who does not control a domain answers in its name server's place. The question goes out from a port
//! and with a number that are drawn anew, the socket takes answers of the asked server only, and what answers another
//! number or another question is passed over. Answers are untrusted bytes: [`answer::texts`] reads them within their
//! bounds, follows no pointer, and takes a few kilobytes at most.

mod answer;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use identity::organisation::ports::{RecordsUnavailable, TextRecords};
use primitives::Rng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use answer::{Found, Question, Unreadable, texts};

/// How long one server is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// The largest answer that is taken in one datagram (as [`Question`] says), and in a stream.
const LARGEST: usize = 16 << 10;

/// Name servers, asked one after the other until one answers.
#[derive(Debug)]
pub struct NameServers {
    servers: Vec<SocketAddr>,
    rng: Arc<dyn Rng>,
}

/// Why one server was of no use. The next one is asked.
#[derive(Debug, thiserror::Error)]
enum Useless {
    #[error("it did not answer in time")]
    Late,
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl NameServers {
    /// These servers. With none nothing is ever found, and whoever asks is told so.
    pub fn new(servers: Vec<SocketAddr>, rng: Arc<dyn Rng>) -> Self {
        Self { servers, rng }
    }

    async fn ask(&self, name: &str) -> Result<Vec<String>, RecordsUnavailable> {
        let mut why = "no name server is known".to_owned();
        for server in &self.servers {
            let mut id = [0; 2];
            self.rng.fill(&mut id);
            let question = Question::new(u16::from_be_bytes(id), name);
            let question = question.map_err(|error| RecordsUnavailable(error.to_string()))?;
            let asked = timeout(PATIENCE, ask_one(*server, &question)).await;
            match asked.unwrap_or(Err(Useless::Late)) {
                Ok(found) => return Ok(found),
                Err(useless) => why = useless.to_string(),
            }
        }
        Err(RecordsUnavailable(why))
    }
}

impl TextRecords for NameServers {
    fn find_text<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, RecordsUnavailable>> {
        Box::pin(self.ask(name))
    }
}

async fn ask_one(server: SocketAddr, question: &Question) -> Result<Vec<String>, Useless> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(server).await?;
    socket.send(question.bytes()).await?;
    let mut buffer = vec![0; LARGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match texts(buffer.get(..length).unwrap_or_default(), question) {
            Ok(Found::Texts(found)) => return Ok(found),
            Ok(Found::Cut) => return ask_by_stream(server, question).await,
            // Somebody else's answer, or somebody's who guesses. Ours may still come.
            Err(Unreadable::AnotherQuestion) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What does not fit into a datagram comes by a stream, each message with its length before it (RFC 1035 section 4.2.2).
async fn ask_by_stream(server: SocketAddr, question: &Question) -> Result<Vec<String>, Useless> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.bytes().len()).unwrap_or(u16::MAX);
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(question.bytes()).await?;
    let length = usize::from(stream.read_u16().await?);
    if length > LARGEST {
        return Err(Unreadable::Malformed.into());
    }
    let mut buffer = vec![0; length];
    stream.read_exact(&mut buffer).await?;
    match texts(&buffer, question)? {
        Found::Texts(found) => Ok(found),
        Found::Cut => Err(Unreadable::Malformed.into()),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
