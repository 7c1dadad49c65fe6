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

    /// Those that hold at `now` and that an issuer has for a subject: the ones of that very subject first, then the newest, at
    /// most `limit`.
    fn find_trusts<'a>(
        &'a self,
        tenant: &'a TenantId,
        issuer: &'a str,
        subject: &'a str,
        now: Timestamp,
        limit: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>>;
}
