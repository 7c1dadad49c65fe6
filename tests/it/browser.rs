//! A browser without scripts: it keeps cookies, sends forms, and follows redirects only when told to.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

/// A browser. Cloning it clones its cookies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    /// By path and name.
    pub(crate) cookies: BTreeMap<(String, String), String>,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> Url {
        self.header("location")
            .parse()
            .unwrap_or_else(|_| panic!("no location: {} {}", self.status, self.text()))
    }

    /// A parameter of the address that the browser is sent to.
    pub(crate) fn sent(&self, name: &str) -> Option<String> {
        self.location().query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }
}

impl Browser {
    /// Opens an address as a page.
    pub(crate) async fn get(&mut self, url: &str) -> Response {
        self.send("GET", url, &[("accept", "text/html".to_owned())], String::new()).await
    }

    /// Opens an address as a single-page application does.
    pub(crate) async fn get_json(&mut self, url: &str) -> Response {
        self.send("GET", url, &[("accept", "application/json".to_owned())], String::new()).await
    }

    /// Sends JSON as a single-page application does.
    pub(crate) async fn post_json(&mut self, url: &str, body: &Value) -> Response {
        let headers =
            [("accept", "application/json".to_owned()), ("content-type", "application/json".to_owned())];
        self.send("POST", url, &headers, body.to_string()).await
    }

    /// Sends a form.
    pub(crate) async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Response {
        let headers = [
            ("accept", "text/html".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        self.send("POST", url, &headers, encode(form)).await
    }

    /// Sends a request with the cookies of its address, and keeps those of the answer.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, String)],
        body: impl Into<Bytes>,
    ) -> Response {
        let url: Url = url.parse().unwrap();
        let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let stream = TcpStream::connect(&address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let target =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut request = Request::builder().method(method).uri(target);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", &address);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|((path, _), _)| path == "/" || url.path().starts_with(path))
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let answer = sender.send_request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        for cookie in head.headers.get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        Response { status: head.status.as_u16(), headers: head.headers, body }
    }

    fn keep(&mut self, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        let path = attributes.iter().find_map(|a| a.strip_prefix("Path=")).unwrap_or("/").to_owned();
        if attributes.contains(&"Max-Age=0") {
            self.cookies.remove(&(path, name.to_owned()));
        } else {
            self.cookies.insert((path, name.to_owned()), value.to_owned());
        }
    }
}

/// A form as it is sent.
pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}
