//! The admin API of a node, through the socket in its data directory.

use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use primitives::TenantId;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::outcome::Failure;

/// No answer that a command asks for is larger.
const LARGEST_ANSWER: usize = 16 << 20;

/// A connection to a node.
#[derive(Debug)]
pub(crate) struct Api {
    sender: SendRequest<Full<Bytes>>,
}

/// What a node answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Value,
    /// The token of the list's next page.
    next: Option<String>,
}

impl Api {
    /// Connects to the node whose socket this is.
    pub(crate) async fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends with its sender.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends a request; whatever is not a success is a [`Failure`] with the node's own words.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let body = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        self.request(method, path, body).await
    }

    /// Sends a component.
    pub(crate) async fn upload(&mut self, path: &str, component: Vec<u8>) -> Result<Answer, Failure> {
        self.request(Method::POST, path, Some(("application/wasm", component.into()))).await
    }

    async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&str, Bytes)>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::ACCEPT, "application/json");
        if let Some((kind, _)) = &body {
            request = request.header(header::CONTENT_TYPE, *kind);
        }
        let body = body.map(|(_, bytes)| bytes).unwrap_or_default();
        let request = request.body(Full::new(body))?;
        self.sender.ready().await.context("the node closed the connection")?;
        let response = self.sender.send_request(request).await.context("the node did not answer")?;
        read(response).await
    }

    /// A page of a list that is answered in lines, and the token of the next one.
    pub(crate) async fn lines(&mut self, path: &str) -> Result<(String, Option<String>), Failure> {
        let answer = self.send(Method::GET, path, None).await?;
        let text = match answer.body {
            Value::Null => String::new(),
            Value::String(text) => text,
            // One line is a document by itself.
            document => document.to_string(),
        };
        Ok((text, answer.next))
    }

    /// All entries of a list that is answered in pages, with the entries in `field` or as the whole body.
    pub(crate) async fn list(&mut self, path: &str, field: Option<&str>) -> Result<Vec<Value>, Failure> {
        let mut entries = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let mut answer = self.send(Method::GET, &path, None).await?;
            let page = match field {
                None => answer.body.take(),
                Some(field) => answer.body.get_mut(field).map(Value::take).unwrap_or_default(),
            };
            let Value::Array(page) = page else { return Err(anyhow!("the node answered no list").into()) };
            entries.extend(page);
            let token = answer.body.get("next_page_token").and_then(Value::as_str);
            // The token alone: where a link points is the node's view of its address, not ours.
            next = answer.next.as_deref().or(token).map(|token| with_query(&path, "page_token", token));
        }
        Ok(entries)
    }
}

/// A path below a tenant's prefix.
pub(crate) fn of_tenant(tenant: &TenantId, path: &str) -> String {
    if tenant.as_str() == TenantId::DEFAULT { path.to_owned() } else { format!("/t/{tenant}{path}") }
}

/// One segment of a path, with what would end it encoded.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The path with one query parameter set.
fn with_query(path: &str, name: &str, value: &str) -> String {
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key != name);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept).append_pair(name, value);
    format!("{bare}?{}", query.finish())
}

async fn read(response: Response<Incoming>) -> Result<Answer, Failure> {
    let (parts, body) = response.into_parts();
    let next = parts
        .headers
        .get_all(header::LINK)
        .iter()
        .filter_map(|link| link.to_str().ok())
        .flat_map(|link| link.split(','))
        .find_map(next_page);
    let body = Limited::new(body, LARGEST_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow!("the node's answer broke off: {error}"))?.to_bytes();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into())
    };
    if parts.status.is_success() { Ok(Answer { body, next }) } else { Err(refusal(parts.status, &body)) }
}

/// The page token of `<…?page_token=…>; rel="next"` (RFC 8288).
fn next_page(link: &str) -> Option<String> {
    let (target, parameters) = link.split_once(';')?;
    if !parameters.contains("rel=\"next\"") && !parameters.contains("rel=next") {
        return None;
    }
    let target = target.trim().strip_prefix('<')?.strip_suffix('>')?;
    let (_, query) = target.split_once('?')?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "page_token").map(|(_, token)| token.into_owned())
}

/// The node's words, whichever of its APIs says them.
fn refusal(status: StatusCode, body: &Value) -> Failure {
    let words = ["/detail", "/error/reason", "/error/message", "/error_description", "/error"]
        .iter()
        .find_map(|place| body.pointer(place).and_then(Value::as_str));
    let words = words.unwrap_or(status.canonical_reason().unwrap_or("the node refused it")).to_owned();
    if status.is_server_error() { Failure::Failed(anyhow!(words)) } else { Failure::Refused(words) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_told_in_the_nodes_words() {
        for (status, body, expect) in [
            (404, json!({"detail": "There is nothing."}), "There is nothing."),
            (409, json!({"error": {"reason": "taken", "message": "m"}}), "taken"),
            (400, json!({"error": "invalid_request", "error_description": "no"}), "no"),
            (400, json!({"error": "invalid_request"}), "invalid_request"),
            (403, json!(null), "Forbidden"),
        ] {
            let Failure::Refused(words) = refusal(StatusCode::from_u16(status).unwrap(), &body) else {
                panic!("{status} is no refusal");
            };
            assert_eq!(words, expect);
        }
        assert!(matches!(refusal(StatusCode::SERVICE_UNAVAILABLE, &json!({})), Failure::Failed(_)));
    }

    #[test]
    fn next_page_is_known_by_its_token() {
        for (link, expect) in [
            ("</admin/clients?page_token=a>; rel=\"first\"", None),
            ("</admin/clients?page_token=a>; rel=\"next\"", Some("a")),
            (" <https://id.example/t/a/x?y=1&page_token=b%26c>; rel=next", Some("b&c")),
            ("</admin/clients>; rel=\"next\"", None),
            ("nonsense", None),
        ] {
            assert_eq!(next_page(link).as_deref(), expect, "{link}");
        }
    }

    #[test]
    fn paths_hold_what_they_are_given() {
        assert_eq!(segment("a/b?c d+é"), "a%2Fb%3Fc%20d%2B%C3%A9");
        assert_eq!(with_query("/x", "page_token", "a&b"), "/x?page_token=a%26b");
        assert_eq!(with_query("/x?tenant=t&page_token=a", "page_token", "b"), "/x?tenant=t&page_token=b");
        assert_eq!(of_tenant(&"default".parse().unwrap(), "/admin/clients"), "/admin/clients");
        assert_eq!(of_tenant(&"acme".parse().unwrap(), "/admin/clients"), "/t/acme/admin/clients");
    }
}
