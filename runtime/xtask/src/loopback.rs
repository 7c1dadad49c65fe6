//! A small HTTP/1.1 client for servers on this machine: enough to wait for one and to set it up.

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// How long one request may take; setting up a node hashes passwords and makes keys.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read, so that a broken server cannot fill our memory.
const LARGEST: u64 = 16 << 20;

/// Returns a loopback port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Returns this port of loopback if nobody has it, otherwise another.
pub(crate) fn free_port_near(wanted: u16) -> anyhow::Result<u16> {
    if TcpListener::bind(("127.0.0.1", wanted)).is_ok() { Ok(wanted) } else { free_port() }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Content-Type`, or nothing.
    pub(crate) content_type: String,
    /// Each cookie that it sets: its name, `=`, its value.
    pub(crate) cookies: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns the body as JSON if the status is one of success, otherwise an error that shows both.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!((200..300).contains(&self.status), "status {}: {text}", self.status);
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {text}"))
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> anyhow::Result<Answer> {
    let asked = || format!("{method} {url}");
    exchange(method, url, headers, body).with_context(asked)
}

/// Gets a JSON document.
pub(crate) fn get_json(url: &str) -> anyhow::Result<Value> {
    send("GET", url, &[], b"")?.json().with_context(|| format!("GET {url}"))
}

/// Posts a JSON document and returns the one that is answered.
pub(crate) fn post_json(url: &str, headers: &[(&str, &str)], document: &Value) -> anyhow::Result<Value> {
    let mut all = vec![("content-type", "application/json"), ("accept", "application/json")];
    all.extend_from_slice(headers);
    let answer = send("POST", url, &all, &serde_json::to_vec(document)?)?;
    answer.json().with_context(|| format!("POST {url}"))
}

fn exchange(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> anyhow::Result<Answer> {
    let (authority, path) = parts(url)?;
    let mut stream = connect(authority)?;
    let ending = [&[("connection", "close")], headers].concat();
    stream.write_all(&request(method, (authority, path), &ending, body)?)?;
    let mut bytes = Vec::new();
    stream.take(LARGEST).read_to_end(&mut bytes)?;
    parse(&bytes)
}

/// The authority of a URL, and its path.
fn parts(url: &str) -> anyhow::Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").context("only http:// is spoken here")?;
    Ok(rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash)))
}

fn connect(authority: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn request(
    method: &str,
    (authority, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> anyhow::Result<Vec<u8>> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    write!(head, "content-length: {}\r\n\r\n", body.len())?;
    Ok([head.as_bytes(), body].concat())
}

/// A connection that stays open between its requests, as a browser's does.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects to the server of a URL.
    pub(crate) fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self { stream: connect(parts(url)?.0)? })
    }

    /// Sends one request and reads its answer, whose length must be told.
    pub(crate) fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        self.stream.write_all(&request(method, parts(url)?, headers, body)?)?;
        let mut bytes = Vec::new();
        while end_of_answer(&bytes)?.is_none_or(|end| bytes.len() < end) {
            let mut some = [0; 16 << 10];
            let read = self.stream.read(&mut some)?;
            ensure!(read > 0, "{method} {url}: the connection ended in the middle of an answer");
            bytes.extend_from_slice(some.get(..read).unwrap_or_default());
        }
        parse(&bytes)
    }
}

/// How long an answer is, once its head is there.
fn end_of_answer(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("an answer that does not tell its length")?.trim().parse()?;
    Ok(Some(end + 4 + length))
}

/// Reads an answer that is whole.
pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").context("no complete answer")?;
    let (head, body) = bytes.split_at(end);
    let body = body.get(4..).unwrap_or_default();
    let head = std::str::from_utf8(head)?;
    let cookies = head.lines().filter_map(cookie).collect();
    let head = head.to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).context("no status")?;
    let chunked =
        head.lines().any(|line| line.starts_with("transfer-encoding:") && line.ends_with("chunked"));
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    let content_type = head.lines().find_map(|line| line.strip_prefix("content-type:")).unwrap_or_default();
    Ok(Answer { status, content_type: content_type.trim().to_owned(), cookies, body })
}

/// Reads the cookie of a line that sets one.
fn cookie(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    let pair = value.split(';').next()?.trim();
    name.eq_ignore_ascii_case("set-cookie").then(|| pair.to_owned())
}

/// Reads a body that came in chunks.
pub(crate) fn unchunk(mut rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line =
            rest.windows(2).position(|window| window == b"\r\n").context("a chunk without its size")?;
        let (size, after) = rest.split_at(line);
        let size = std::str::from_utf8(size)?.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16)?;
        if size == 0 {
            return Ok(body);
        }
        let Some(chunk) = after.get(2..2 + size) else { bail!("a chunk is cut short") };
        body.extend_from_slice(chunk);
        rest = after.get(2 + size + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::{end_of_answer, parse};

    fn check(answer: &str, status: u16, body: &str) {
        let answer = parse(answer.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (status, body.as_bytes()));
    }

    #[test]
    fn answers_are_read_plain_and_in_chunks() {
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 200, "{}");
        check("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
            200,
            "abcde",
        );
    }

    #[test]
    fn cookies_are_read_as_they_are_written() {
        let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=B=; Path=/; HttpOnly\r\nset-cookie: c=D\r\n\r\n";
        assert_eq!(parse(answer.as_bytes()).unwrap().cookies, ["a=B=", "c=D"]);
    }

    #[test]
    fn the_end_of_an_answer_is_told_by_its_length() {
        let end = |answer: &str| end_of_answer(answer.as_bytes());
        assert_eq!(end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n").unwrap(), None);
        assert_eq!(end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{").unwrap(), Some(40));
        assert!(end("HTTP/1.1 200 OK\r\n\r\n{}").is_err());
    }

    #[test]
    fn a_broken_answer_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_err());
        assert!(parse(b"nonsense\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc").is_err());
    }
}
