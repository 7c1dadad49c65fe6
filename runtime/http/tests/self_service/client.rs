//! A small HTTP client that keeps cookies: one request per connection.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::site::BASE;

#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The host that it asks for.
    pub(crate) host: &'static str,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|_| panic!("not JSON ({}): {}", self.status, self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// Where it leads, below the base URL.
    pub(crate) fn location(&self) -> &str {
        let location = self.header("location");
        location.strip_prefix(BASE).unwrap_or(location)
    }

    pub(crate) fn error_id(&self) -> String {
        self.json()["error"]["id"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn set_cookie(&self, name: &str) -> &str {
        let start = format!("{name}=");
        let cookies = self.headers.iter().filter(|(found, _)| found == "set-cookie");
        cookies.map(|(_, value)| value.as_str()).find(|value| value.starts_with(&start)).unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new(), host: "id.example" }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, &[("accept", "text/html")], "").await
    }

    pub(crate) async fn get_json(&mut self, path: &str) -> Response {
        self.send("GET", path, &[("accept", "application/json")], "").await
    }

    pub(crate) async fn json(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let headers = [("accept", "application/json"), ("content-type", "application/json")];
        self.send(method, path, &headers, &body.to_string()).await
    }

    pub(crate) async fn form(&mut self, path: &str, pairs: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let headers = [("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &headers, &body).await
    }

    /// Begins a flow as a single-page application does.
    pub(crate) async fn begin(&mut self, kind: &str) -> Value {
        let begun = self.get_json(&format!("/self-service/{kind}/browser")).await;
        assert_eq!(begun.status, 200, "{}", begun.body);
        begun.json()
    }

    /// Submits a flow's form as a page does.
    pub(crate) async fn submit(&mut self, flow: &Value, pairs: &[(&str, &str)]) -> Response {
        let token = csrf_token(flow).to_owned();
        let pairs: Vec<_> = pairs.iter().copied().chain([("csrf_token", token.as_str())]).collect();
        self.form(&action(flow), &pairs).await
    }

    /// Submits a flow as a single-page application does.
    pub(crate) async fn submit_json(&mut self, flow: &Value, mut body: Value) -> Response {
        body["csrf_token"] = csrf_token(flow).into();
        self.json("POST", &action(flow), &body).await
    }

    /// Submits a flow as a native application does, with these headers.
    pub(crate) async fn submit_json_native(
        &mut self,
        flow: &Value,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Response {
        let of_json = [("accept", "application/json"), ("content-type", "application/json")];
        let headers: Vec<_> = of_json.iter().chain(headers).copied().collect();
        self.send("POST", &action(flow), &headers, &body.to_string()).await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.host);
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            write!(head, "cookie: {}\r\n", pairs.join("; ")).unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let response = parse(&answer);
        self.keep_cookies(&response);
        response
    }

    fn keep_cookies(&mut self, response: &Response) {
        for (_, cookie) in response.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn parse(answer: &str) -> Response {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Response { status, headers, body: body.to_owned() }
}

/// The path and query of a flow's form.
pub(crate) fn action(flow: &Value) -> String {
    flow["ui"]["action"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned()
}

pub(crate) fn csrf_token(flow: &Value) -> &str {
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["attributes"]["name"] == "csrf_token").unwrap();
    node["attributes"]["value"].as_str().unwrap()
}

/// The ids of a flow's messages, those of its fields included.
pub(crate) fn messages(flow: &Value) -> Vec<u64> {
    let of = |place: &Value| place["messages"].as_array().cloned().unwrap_or_default();
    let fields = flow["ui"]["nodes"].as_array().unwrap().iter().flat_map(of);
    of(&flow["ui"]).into_iter().chain(fields).map(|message| message["id"].as_u64().unwrap()).collect()
}
