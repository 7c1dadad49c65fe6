//! The requests of a case: what a plugin sends by the capability `http`, in this order, and what comes back.

use std::collections::BTreeMap;

use anyhow::Context as _;
use primitives::origin::Origin;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::commands::plugin::diff::{Difference, Extent, compare};

/// One request that must be sent, and its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::commands::plugin) struct Exchange {
    #[serde(default = "get")]
    method: String,
    url: String,
    /// Those that must be sent; others may be.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// What must be sent: a text, or a JSON document. Anything, where nothing is said.
    body: Option<Value>,
    /// Without it, nobody is there.
    pub(in crate::commands::plugin) answer: Option<Reply>,
}

/// What a server answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::commands::plugin) struct Reply {
    #[serde(default = "ok")]
    pub(in crate::commands::plugin) status: u16,
    #[serde(default)]
    pub(in crate::commands::plugin) headers: BTreeMap<String, String>,
    /// A text, or a JSON document.
    #[serde(default)]
    body: Option<Value>,
}

/// A request that was sent.
#[derive(Debug, Clone)]
pub(in crate::commands::plugin) struct Sent {
    pub(in crate::commands::plugin) method: String,
    pub(in crate::commands::plugin) url: String,
    /// By their names in lower case.
    pub(in crate::commands::plugin) headers: BTreeMap<String, String>,
    pub(in crate::commands::plugin) body: Vec<u8>,
}

fn get() -> String {
    "GET".to_owned()
}

const fn ok() -> u16 {
    200
}

impl Exchange {
    /// The server that the request goes to.
    pub(in crate::commands::plugin) fn origin(&self) -> anyhow::Result<Origin> {
        let url = Url::parse(&self.url).ok();
        url.and_then(|url| Origin::of(&url)).with_context(|| format!("http: {:?} is no URL", self.url))
    }

    /// Whether this is the request, whatever is in it.
    pub(in crate::commands::plugin) fn is(&self, sent: &Sent) -> bool {
        self.method == sent.method && self.url == sent.url
    }

    fn in_words(&self) -> Value {
        json!({ "method": self.method, "url": self.url })
    }
}

impl Sent {
    fn in_words(&self) -> Value {
        json!({ "method": self.method, "url": self.url, "body": String::from_utf8_lossy(&self.body) })
    }

    /// As the expected one is written: a text, or a JSON document.
    fn body_like(&self, expected: &Value) -> Value {
        let text = || Value::from(String::from_utf8_lossy(&self.body));
        if expected.is_string() {
            return text();
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|_| text())
    }
}

impl Reply {
    /// The body in bytes.
    pub(in crate::commands::plugin) fn bytes(&self) -> Vec<u8> {
        match &self.body {
            None => Vec::new(),
            Some(Value::String(text)) => text.clone().into_bytes(),
            Some(document) => document.to_string().into_bytes(),
        }
    }
}

/// Where what was sent is not what had to be.
pub(in crate::commands::plugin) fn differences(expected: &[Exchange], sent: &[Sent]) -> Vec<Difference> {
    let mut differences = Vec::new();
    for at in 0..expected.len().max(sent.len()) {
        let place = format!("http/{at}");
        let (Some(wanted), Some(had)) = (expected.get(at), sent.get(at)) else {
            let (expected, found) =
                (expected.get(at).map(Exchange::in_words), sent.get(at).map(Sent::in_words));
            differences.push(Difference { path: place, expected, found });
            continue;
        };
        if !wanted.is(had) {
            let (expected, found) = (Some(wanted.in_words()), Some(had.in_words()));
            differences.push(Difference { path: place, expected, found });
            continue;
        }
        let headers: BTreeMap<String, &String> =
            wanted.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let below = |part: &str, found: Vec<Difference>| {
            let place = format!("{place}/{part}");
            found.into_iter().map(move |found| Difference { path: format!("{place}{}", found.path), ..found })
        };
        differences.extend(below("headers", compare(&json!(headers), &json!(had.headers), Extent::Subset)));
        if let Some(body) = &wanted.body {
            differences.extend(below("body", compare(body, &had.body_like(body), Extent::Exact)));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Sent {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Sent { method: method.to_owned(), url: url.to_owned(), headers, body: body.into() }
    }

    /// The places where what was sent is another thing.
    fn check(expected: &Value, sent: &[Sent], places: &[&str]) {
        let exchanges: Vec<Exchange> = serde_json::from_value(expected.clone()).unwrap();
        let found = differences(&exchanges, sent);
        let found: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(found, places, "{expected}");
    }

    #[test]
    fn what_is_sent_is_compared_request_by_request() {
        let url = "https://mail.example/send";
        let post = |headers: &[(&str, &str)], body: &str| sent("POST", url, headers, body);
        let plain = json!([{ "method": "POST", "url": url }]);
        check(&json!([]), &[], &[]);
        check(&plain, &[post(&[("x", "1")], "anything")], &[]);
        check(&plain, &[], &["http/0"]);
        check(&plain, &[post(&[], ""), post(&[], "")], &["http/1"]);
        check(&plain, &[sent("GET", url, &[], "")], &["http/0"]);
        check(&plain, &[sent("POST", "https://mail.example/other", &[], "")], &["http/0"]);
        let headers = json!([{ "method": "POST", "url": url, "headers": { "Authorization": "Bearer t" } }]);
        check(&headers, &[post(&[("authorization", "Bearer t"), ("x", "1")], "")], &[]);
        check(&headers, &[post(&[("authorization", "Bearer u")], "")], &["http/0/headers/authorization"]);
        check(&headers, &[post(&[], "")], &["http/0/headers/authorization"]);
        let body = json!([{ "method": "POST", "url": url, "body": { "to": "ada" } }]);
        check(&body, &[post(&[], r#"{ "to": "ada" }"#)], &[]);
        check(&body, &[post(&[], r#"{ "to": "ada", "bcc": "eve" }"#)], &["http/0/body/bcc"]);
        check(&body, &[post(&[], "no JSON")], &["http/0/body"]);
        let text = json!([{ "method": "POST", "url": url, "body": "a=1" }]);
        check(&text, &[post(&[], "a=1")], &[]);
        check(&text, &[post(&[], "a=2")], &["http/0/body"]);
    }

    #[test]
    fn request_goes_to_an_origin() {
        let of = |url: &str| serde_json::from_value::<Exchange>(json!({ "url": url })).unwrap().origin();
        assert_eq!(of("https://mail.example/send?a=1").unwrap().as_str(), "https://mail.example");
        assert!(of("mail.example").is_err() && of("ftp://mail.example/").is_err());
    }
}
