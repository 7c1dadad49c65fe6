//! Issuers whose assertions a tenant takes for grants (RFC 7523 section 2.1): who may speak for whom, for what, until when.
//!
//! Attacks: an issuer speaks for somebody else than it may (each trust names one subject, or says that any may be), for more
//! (each has its scopes), for longer (each ends), or somebody else speaks in its name (each has one public key, which names its
//! algorithm; none is fetched). A private key in the document is refused and goes nowhere.

mod admin;
mod document;
#[cfg(test)]
mod tests;

use std::fmt;

use jose::PublicJwk;
use primitives::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

pub use admin::TrustError;
pub use document::{ShownIssuer, ShownKey, TrustRequest};

use crate::ports::PortResult;
use crate::scope::Scopes;

/// One trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// Its id, a UUID.
    pub id: String,
    /// What its assertions are.
    pub kind: TrustKind,
    /// `iss` of the assertions.
    pub issuer: String,
    /// For whom it speaks.
    pub subject: TrustedSubject,
    /// What its assertions may give.
    pub scope: Scopes,
    /// What verifies them.
    pub jwk: PublicJwk,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

/// What an issuer's assertions are.
///
/// Attack: an issuer that may say for whom a machine acts, whoever that is, says that one of our people is there; or a company's
/// provider, which may speak of the people who are linked to it, names anybody. So a trust is for one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustKind {
    /// Plain ones (RFC 7523 section 2.1), which name whom they will.
    #[default]
    JwtBearer,
    /// Identity assertions (draft-ietf-oauth-identity-assertion-authz-grant-04), about people who are linked to the issuer here.
    IdJag,
}

impl TrustKind {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JwtBearer => "jwt_bearer",
            Self::IdJag => "id_jag",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::JwtBearer, Self::IdJag].into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it is that of RFC 7523, of which documents say nothing.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::JwtBearer
    }
}

/// For whom an issuer speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrustedSubject {
    /// This one.
    One(String),
    /// Whomever it names.
    Any,
}

impl TrustedSubject {
    /// Whether it speaks for `subject`.
    pub fn covers(&self, subject: &str) -> bool {
        match self {
            Self::One(one) => one == subject,
            Self::Any => true,
        }
    }
}

/// Which trusts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustFilter {
    /// Only of this issuer.
    pub issuer: Option<String>,
    /// Only ids after this one.
    pub after: Option<String>,
}

/// Of what assertion the trusts are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustSearch<'a> {
    /// What it is.
    pub kind: TrustKind,
    /// Its `iss`.
    pub issuer: &'a str,
    /// Its `sub`.
    pub subject: &'a str,
    /// The `kid` of its header; none where it names no key.
    pub kid: Option<&'a str>,
}

/// Finds trusts.
pub trait TrustRepository: Send + Sync + fmt::Debug {
    /// One by its id, expired or not.
    fn find_trusted_issuer<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a str,
    ) -> PortResult<'a, Option<TrustedIssuer>>;

    /// Some in the order of their ids, expired or not.
    fn list_trusted_issuers<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a TrustFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>>;

    /// Those of a kind that hold at `now` and that an issuer has for a subject, by the key that is named if one is: the ones of that very
    /// subject first, then the newest, at most `limit`.
    fn find_trusts<'a>(
        &'a self,
        tenant: &'a TenantId,
        search: TrustSearch<'a>,
        now: Timestamp,
        limit: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>>;
}
