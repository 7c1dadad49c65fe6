//! A name server on loopback that has the text records it is given (RFC 1035), for tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

type Records = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    records: Records,
    task: JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NameServer {
    /// Listens on a free port. A name that has no records does not exist.
    pub async fn start() -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let records = Records::default();
        let known = Arc::clone(&records);
        let task = tokio::spawn(async move {
            let mut asked = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut asked).await {
                let known = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(answer) = asked.get(..length).and_then(|asked| answer(asked, &known)) {
                    socket.send_to(&answer, client).await.ok();
                }
            }
        });
        Ok(Self { address, records, task })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes a text record.
    pub fn publish(&self, name: &str, text: &str) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.entry(name.to_owned()).or_default().push(text.to_owned());
    }
}

/// Answers the one question of a message.
fn answer(asked: &[u8], records: &BTreeMap<String, Vec<String>>) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut rest = asked.get(12..)?;
    loop {
        let (length, after) = rest.split_first()?;
        if *length == 0 {
            rest = after;
            break;
        }
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        rest = after;
    }
    let end = asked.len() - rest.len() + 4;
    let texts = records.get(&labels.join("."));
    let code = if texts.is_some() { 0x80 } else { 0x83 };
    let texts = texts.map(Vec::as_slice).unwrap_or_default();
    let mut message = asked.get(..2)?.to_vec();
    message.extend([0x81, code, 0, 1]);
    message.extend(u16::try_from(texts.len()).ok()?.to_be_bytes());
    message.extend([0; 4]);
    message.extend(asked.get(12..end)?);
    for text in texts {
        let length = u8::try_from(text.len()).ok()?;
        message.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        message.extend((u16::from(length) + 1).to_be_bytes());
        message.push(length);
        message.extend(text.as_bytes());
    }
    Some(message)
}
