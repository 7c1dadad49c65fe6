//! Trusts as they travel: `trustOAuth2JwtGrantIssuer` and `trustedOAuth2JwtGrantIssuer` of the Hydra API (v26.2).

use primitives::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{TrustKind, TrustedIssuer, TrustedSubject};

/// What an operator asks for.
#[derive(Debug, Clone, Deserialize)]
pub struct TrustRequest {
    /// What its assertions are; plain ones where nothing is said, as Hydra has no others.
    #[serde(default)]
    pub kind: TrustKind,
    /// `iss` of the assertions.
    pub issuer: String,
    /// For whom it speaks.
    #[serde(default)]
    pub subject: String,
    /// Whether it speaks for anybody.
    #[serde(default)]
    pub allow_any_subject: bool,
    /// What its assertions may give.
    pub scope: Vec<String>,
    /// Its public key.
    pub jwk: Map<String, Value>,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

/// A trust as it is shown. The key is named, not printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct ShownIssuer {
    pub id: String,
    #[serde(skip_serializing_if = "TrustKind::is_plain")]
    pub kind: TrustKind,
    pub issuer: String,
    pub subject: String,
    pub allow_any_subject: bool,
    pub scope: Vec<String>,
    pub public_key: ShownKey,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Which key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct ShownKey {
    pub set: String,
    pub kid: String,
}

impl From<TrustedIssuer> for ShownIssuer {
    fn from(trust: TrustedIssuer) -> Self {
        let kid = trust.jwk.kid().unwrap_or_default().to_owned();
        let (subject, allow_any_subject) = match trust.subject {
            TrustedSubject::One(subject) => (subject, false),
            TrustedSubject::Any => (String::new(), true),
        };
        Self {
            id: trust.id,
            kind: trust.kind,
            public_key: ShownKey { set: trust.issuer.clone(), kid },
            issuer: trust.issuer,
            subject,
            allow_any_subject,
            scope: trust.scope.to_vec(),
            created_at: trust.created_at,
            expires_at: trust.expires_at,
        }
    }
}
