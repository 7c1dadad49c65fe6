//! A kept-alive connection to a server on this machine: one request after the other, each answer read into the same buffer.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer of one piece has room in it.
const ROOM: usize = 16 << 10;
/// The longest answer that is read, so that a broken server cannot fill our memory.
const LONGEST: usize = 1 << 20;

/// The connection.
#[derive(Debug)]
pub(in crate::bench) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What was answered, as it lies in the buffer.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Reply<'a> {
    pub(in crate::bench) status: u16,
    /// The lines after the first.
    head: &'a str,
    pub(in crate::bench) body: &'a [u8],
}

impl Wire {
    /// Connects to `authority`, an address with its port.
    pub(in crate::bench) async fn open(authority: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(authority).await.with_context(|| authority.to_owned())?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(ROOM) })
    }

    /// Sends a whole request and reads the answer.
    pub(in crate::bench) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Reply<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let body = loop {
            let before = self.buffer.len();
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the answer is cut short");
            // The end may lie across two pieces.
            if let Some(at) = end_of_head(&self.buffer, before.saturating_sub(3)) {
                break at;
            }
            ensure!(self.buffer.len() < LONGEST, "an answer without end");
        };
        let length = length(head_of(&self.buffer, body)?.1)?;
        ensure!(length < LONGEST, "an answer of {length} bytes");
        while self.buffer.len() < body + length {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the answer is cut short");
        }
        let (status, head) = head_of(&self.buffer, body)?;
        let body = self.buffer.get(body..body + length).unwrap_or_default();
        Ok(Reply { status, head, body })
    }
}

impl<'a> Reply<'a> {
    /// Returns the first header of a name.
    pub(in crate::bench) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// Returns every header of a name.
    pub(super) fn headers<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        headers(self.head, name)
    }

    /// Returns a member of the JSON object in the body that is a text without escapes, as tokens are.
    pub(in crate::bench) fn text(&self, name: &str) -> anyhow::Result<&'a str> {
        let body = std::str::from_utf8(self.body)?;
        member(body, name).with_context(|| format!("`{name}` is missing in {} {body}", self.status))
    }

    /// Fails with what was answered, unless it has this status.
    pub(in crate::bench) fn expect(self, status: u16) -> anyhow::Result<Self> {
        if self.status != status {
            bail!("{}, not {status}: {}", self.status, String::from_utf8_lossy(self.body));
        }
        Ok(self)
    }
}

/// Where the body begins, if the head is whole.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let at = bytes.get(from..)?.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(from + at + 4)
}

/// The status, and the lines after it.
fn head_of(bytes: &[u8], body: usize) -> anyhow::Result<(u16, &str)> {
    let head = std::str::from_utf8(bytes.get(..body).unwrap_or_default())?;
    let (first, rest) = head.split_once("\r\n").context("no head")?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok()).context("no status")?;
    Ok((status, rest))
}

fn length(head: &str) -> anyhow::Result<usize> {
    let length = headers(head, "content-length").next().context("an answer without its length")?;
    length.parse().with_context(|| length.to_owned())
}

fn headers<'a, 'n>(head: &'a str, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
    head.lines().filter_map(move |line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn member<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = body;
    loop {
        let at = rest.find(name)?;
        let before = rest.get(..at)?;
        rest = rest.get(at + name.len()..)?;
        // Not as a part of another name or of a value.
        if before.ends_with('"')
            && let Some(value) = rest.strip_prefix("\":")
        {
            return value.trim_start().strip_prefix('"')?.split('"').next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_their_whole_name() {
        let body = r#"{"old_code":"a","said":"code","code": "b","n":1}"#;
        assert_eq!(member(body, "code"), Some("b"));
        assert_eq!(member(body, "old_code"), Some("a"));
        assert_eq!(member(body, "n"), None);
        assert_eq!(member(body, "id_token"), None);
    }

    #[test]
    fn heads_are_read_however_they_arrive() {
        let answer =
            b"HTTP/1.1 303 See Other\r\nContent-Length: 2\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok";
        let body = end_of_head(answer, 0).unwrap();
        assert_eq!(answer.get(body..).unwrap(), b"ok");
        assert_eq!(end_of_head(answer.get(..body - 1).unwrap(), 0), None);
        let (status, head) = head_of(answer, body).unwrap();
        assert_eq!((status, length(head).unwrap()), (303, 2));
        let reply = Reply { status, head, body: b"" };
        assert_eq!(reply.headers("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert!(reply.expect(200).is_err());
        assert!(length("transfer-encoding: chunked\r\n").is_err());
    }
}
