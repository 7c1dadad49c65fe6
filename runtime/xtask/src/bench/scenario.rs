//! What is measured, and what both sides have to offer for it.

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD as STANDARD};
use serde_json::Value;

use super::chains::Browser;
use super::load::{CONNECTIONS, Request};
use super::spent::Reading;
use super::table::Bar;
use crate::loopback::send;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// client_credentials with an ES256 JWT access token.
    ClientCredentials,
    /// The same, where the tenant's sample token plugin shapes each token.
    ClientCredentialsWithPlugin,
    /// client_credentials with an opaque access token, which is kept.
    OpaqueToken,
    /// A refresh token that is used once and followed by another, with an access token and an ID token.
    Refresh,
    /// From the pushed request (RFC 9126) to the tokens, in a browser in which somebody is signed in and has agreed.
    Flow,
    /// Introspection of an opaque access token, as a client.
    Introspection,
    /// The session of a session token.
    Whoami,
}

impl Kind {
    /// How many connections ask at once: more where something is written, since commits are shared.
    pub(super) const fn connections(self) -> usize {
        match self {
            Self::OpaqueToken | Self::Refresh | Self::Flow => 64,
            _ => CONNECTIONS,
        }
    }

    /// Whether a request needs the answer to the one before.
    pub(super) const fn is_chain(self) -> bool {
        matches!(self, Self::Refresh | Self::Flow)
    }

    /// Whether its answers have JWT access tokens.
    pub(super) const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::ClientCredentials | Self::ClientCredentialsWithPlugin | Self::Refresh | Self::Flow
        )
    }
}

/// A kind, with its name in the table and its bar.
pub(super) struct Scenario {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// Which of the other's rates ours is compared with.
    pub(super) compared_with: Option<Kind>,
    pub(super) bar: Bar,
    /// The bar where ours is on PostgreSQL.
    pub(super) on_postgres: Bar,
}

/// Durable writes of tokens on PostgreSQL, per second.
const WRITES: Bar = Bar::Rate(2_000.0);

/// Every scenario, in the order of the table.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        kind: Kind::ClientCredentials,
        name: "client_credentials, ES256 JWT",
        compared_with: Some(Kind::ClientCredentials),
        bar: Bar::Ratio(4.0),
        on_postgres: Bar::Ratio(4.0),
    },
    Scenario {
        kind: Kind::ClientCredentialsWithPlugin,
        name: "the same, with the sample token plugin (ours only)",
        compared_with: Some(Kind::ClientCredentials),
        bar: Bar::Ratio(3.0),
        on_postgres: Bar::Ratio(3.0),
    },
    Scenario {
        kind: Kind::OpaqueToken,
        name: "client_credentials, opaque token, 64 connections",
        compared_with: Some(Kind::OpaqueToken),
        bar: Bar::Ratio(1.5),
        on_postgres: WRITES,
    },
    Scenario {
        kind: Kind::Refresh,
        name: "refresh with rotation, 64 connections",
        compared_with: Some(Kind::Refresh),
        bar: Bar::Ratio(1.0),
        on_postgres: WRITES,
    },
    Scenario {
        kind: Kind::Flow,
        name: "PAR, authorization code and token, 64 browsers",
        compared_with: Some(Kind::Flow),
        bar: Bar::Ratio(2.0),
        on_postgres: Bar::None,
    },
    Scenario {
        kind: Kind::Introspection,
        name: "introspection of an opaque token",
        compared_with: Some(Kind::Introspection),
        bar: Bar::Ratio(4.0),
        on_postgres: Bar::Ratio(4.0),
    },
    Scenario {
        kind: Kind::Whoami,
        name: "whoami",
        compared_with: None,
        bar: Bar::Rate(25_000.0),
        on_postgres: Bar::Rate(25_000.0),
    },
];

/// A provider that is measured.
pub(super) trait Peer {
    /// Who issues the tokens of this kind of request.
    fn issuer(&self, kind: Kind) -> &str;

    /// Returns the request of a kind, or nothing where the provider has no such thing, or it is no single request.
    fn request(&self, kind: Kind) -> anyhow::Result<Option<Request>>;

    /// Returns browsers in which somebody is signed in to the app of a kind and has agreed, for kinds that are chains.
    fn browsers(&self, kind: Kind, count: usize) -> anyhow::Result<Vec<Browser>>;

    /// Reads what it has spent so far.
    fn reading(&self) -> anyhow::Result<Reading>;

    /// Whether whatever was given is still known when everything was answered.
    fn keeps_all(&self) -> bool;

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
        text(&self.send()?, "access_token")
    }

    /// Sends the request once and returns what is answered.
    pub(super) fn send(&self) -> anyhow::Result<Value> {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = send(self.method, &self.url, &headers, self.body.as_bytes())?;
        answer.json().with_context(|| self.url.clone())
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

/// Checks the answers that were kept: each is JSON, and what is looked up or asked for is there.
pub(super) fn check_samples(kind: Kind, lines: &str) -> anyhow::Result<usize> {
    let mut checked = 0;
    for line in lines.lines() {
        let document: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let wanted: &[&str] = match kind {
            Kind::Introspection | Kind::Whoami => {
                ensure!(document.get("active") == Some(&Value::Bool(true)), "not active: {line}");
                &[]
            }
            Kind::Flow => &["access_token", "id_token"],
            Kind::Refresh => &["access_token", "id_token", "refresh_token"],
            Kind::ClientCredentials | Kind::ClientCredentialsWithPlugin | Kind::OpaqueToken => {
                &["access_token"]
            }
        };
        for name in wanted {
            text(&document, name)?;
        }
        // RFC 7519 section 3: a JWT has dots, and an opaque token of either side has none or one.
        if kind == Kind::OpaqueToken {
            ensure!(text(&document, "access_token")?.matches('.').count() < 2, "not opaque: {line}");
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

    #[test]
    fn a_sample_without_a_token_that_was_asked_for_fails() {
        let flow = "{\"access_token\":\"a\",\"id_token\":\"b\"}";
        assert_eq!(check_samples(Kind::Flow, flow).unwrap(), 1);
        assert!(check_samples(Kind::Refresh, flow).is_err());
        assert!(check_samples(Kind::Flow, "{\"access_token\":\"a\"}").is_err());
        assert!(check_samples(Kind::OpaqueToken, "{\"access_token\":\"a_b\"}").is_ok());
        assert!(check_samples(Kind::OpaqueToken, "{\"access_token\":\"a.b.c\"}").is_err());
    }
}
