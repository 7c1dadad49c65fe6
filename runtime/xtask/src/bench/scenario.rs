//! What is measured, and what both sides have to offer for it.

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD as STANDARD};
use serde_json::Value;

use super::load::Request;
use super::table::Bar;
use crate::loopback::send;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// client_credentials with an ES256 JWT access token.
    ClientCredentials,
    /// The same, where the tenant's sample token plugin shapes each token.
    ClientCredentialsWithPlugin,
    /// Introspection of an opaque access token, as a client.
    Introspection,
    /// The session of a session token.
    Whoami,
}

/// A kind, with its name in the table and its bar.
pub(super) struct Scenario {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// Which of the other's rates ours is compared with.
    pub(super) compared_with: Option<Kind>,
    pub(super) bar: Bar,
}

/// Every scenario, in the order of the table.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        kind: Kind::ClientCredentials,
        name: "client_credentials, ES256 JWT",
        compared_with: Some(Kind::ClientCredentials),
        bar: Bar::Ratio(4.0),
    },
    Scenario {
        kind: Kind::ClientCredentialsWithPlugin,
        name: "the same, with the sample token plugin (ours only)",
        compared_with: Some(Kind::ClientCredentials),
        bar: Bar::Ratio(3.0),
    },
    Scenario {
        kind: Kind::Introspection,
        name: "introspection of an opaque token",
        compared_with: Some(Kind::Introspection),
        bar: Bar::Ratio(4.0),
    },
    Scenario { kind: Kind::Whoami, name: "whoami", compared_with: None, bar: Bar::Rate(25_000.0) },
];

/// A provider that is measured.
pub(super) trait Peer {
    /// Who issues the tokens of this kind of request.
    fn issuer(&self, kind: Kind) -> &str;

    /// Returns the request of a kind, or nothing where the provider has no such thing.
    fn request(&self, kind: Kind) -> anyhow::Result<Option<Request>>;

    /// Checks that the answers of one measurement were what they should be; `answers` is their number.
    fn check_after(&self, _kind: Kind, _answers: u64) -> anyhow::Result<()> {
        Ok(())
    }

    /// Ends it.
    fn end(self: Box<Self>) -> anyhow::Result<()>;
}

impl Request {
    /// Sends the request once and returns the access token that it gets.
    pub(super) fn access_token(&self) -> anyhow::Result<String> {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = send(self.method, &self.url, &headers, self.body.as_bytes())?;
        text(&answer.json().with_context(|| self.url.clone())?, "access_token")
    }
}

/// Returns a text member of a document.
pub(super) fn text(document: &Value, name: &str) -> anyhow::Result<String> {
    let value = document.get(name).and_then(Value::as_str);
    Ok(value.with_context(|| format!("`{name}` is missing in {document}"))?.to_owned())
}

/// Returns the value of HTTP Basic for credentials that need no further encoding.
pub(super) fn basic(name: &str, secret: &str) -> String {
    STANDARD.encode(format!("{name}:{secret}"))
}

/// Checks the answers that were kept: each is JSON, and what is looked up is there.
pub(super) fn check_samples(kind: Kind, lines: &str) -> anyhow::Result<usize> {
    let mut checked = 0;
    for line in lines.lines() {
        let document: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        match kind {
            Kind::ClientCredentials | Kind::ClientCredentialsWithPlugin => {
                text(&document, "access_token")?;
            }
            Kind::Introspection | Kind::Whoami => {
                ensure!(document.get("active") == Some(&Value::Bool(true)), "not active: {line}");
            }
        }
        checked += 1;
    }
    ensure!(checked > 0, "no answer was kept as a sample");
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::{Kind, basic, check_samples};

    #[test]
    fn basic_is_base64_with_padding() {
        assert_eq!(basic("a", "b"), "YTpi");
        assert_eq!(basic("ab", "c"), "YWI6Yw==");
    }

    #[test]
    fn a_sample_that_is_not_active_fails() {
        assert_eq!(check_samples(Kind::Whoami, "{\"active\":true}\n{\"active\":true}").unwrap(), 2);
        assert!(check_samples(Kind::Introspection, "{\"active\":false}").is_err());
        assert!(check_samples(Kind::ClientCredentials, "{}").is_err());
        assert!(check_samples(Kind::Whoami, "").is_err());
    }
}
