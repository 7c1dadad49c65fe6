//! What this room needs of whoever lets other providers authenticate people: the port that `federation` implements.
//!
//! This room never asks a provider. It learns which ones a tenant offers, sends browsers where the port says, and is
//! handed a [`ProvenElsewhere`] when one of them has said, verifiably, who somebody is. What that is worth here (an
//! account, a new one, a link to one) is decided in [`crate::flow`].

use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::BoxFuture;
use primitives::hooks::HookContext;
use primitives::{OrganisationId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::flow::{Flow, FlowError};
use crate::hooks::{MappingDecision, Origin};
use crate::identity::Identity;
use crate::ports::StoreUnavailable;
use crate::schema::Schema;

/// A provider as forms offer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its name in the tenant's settings.
    pub id: String,
    /// What people know it by.
    pub label: String,
    /// The organisation whose people alone sign in with it.
    pub organisation: Option<OrganisationId>,
}

/// Somebody whom a provider has authenticated, as it says. Only `federation` makes one, of what it has verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProvenElsewhere {
    /// Who says it: the provider's name in the tenant's settings.
    pub provider: String,
    /// What people know it by.
    pub label: String,
    /// Whom it means, as it names them. Never an address: those change hands.
    pub subject: String,
    /// The organisation whose provider it is.
    pub organisation: Option<OrganisationId>,
    /// What it says of them.
    pub claims: Map<String, Value>,
    /// How it authenticated them.
    pub upstream: Upstreamed,
    /// The tokens that it gave.
    pub tokens: Option<UpstreamTokens>,
    /// Whether what it says of somebody who has an account replaces what the account says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub updates: bool,
}

/// How a provider says that it authenticated somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstreamed {
    /// Which provider.
    pub provider: String,
    /// Its `acr`.
    #[serde(default, rename = "upstream_acr", skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Its `amr`.
    #[serde(default, rename = "upstream_amr", skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The organisation whose provider it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganisationId>,
}

/// Tokens of one answer of a provider.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSet {
    /// The access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// The refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSet(…)")
    }
}

/// The tokens of a link: those of its first sign-in and the present ones. Stored sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamTokens {
    /// Those that the link was made with.
    pub initial: TokenSet,
    /// Those of the last sign-in or renewal.
    pub current: TokenSet,
    /// Until when the access token is good, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl UpstreamTokens {
    /// The first tokens of a link.
    pub fn first(tokens: TokenSet, expires_at: Option<Timestamp>) -> Self {
        Self { initial: tokens.clone(), current: tokens, expires_at }
    }

    /// The same link after a sign-in or a renewal. A provider that gives no new refresh token lets the old one go on.
    #[must_use]
    pub fn renewed(&self, newer: &Self) -> Self {
        let mut current = newer.current.clone();
        current.refresh_token = current.refresh_token.or_else(|| self.current.refresh_token.clone());
        current.id_token = current.id_token.or_else(|| self.current.id_token.clone());
        Self { initial: self.initial.clone(), current, expires_at: newer.expires_at }
    }

    /// Whether they can and must be renewed before they are handed out.
    pub fn are_stale(&self, now: Timestamp) -> bool {
        self.current.refresh_token.is_some() && self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A link between an identity and whom a provider means by a subject, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The provider's name in the tenant's settings.
    pub provider: String,
    /// Whom it means.
    pub subject: String,
    /// The organisation whose provider it is.
    pub organisation: Option<OrganisationId>,
    /// The tokens that it gave.
    pub tokens: Option<UpstreamTokens>,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its tokens last changed.
    pub updated_at: Timestamp,
}

impl Link {
    /// What its credential is identified by.
    pub fn identifier(&self) -> String {
        format!("{}:{}", self.provider, self.subject)
    }
}

/// What a sign-in with a provider is begun with.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// The form that it is for.
    pub flow: &'a Flow,
    /// With which provider.
    pub provider: &'a str,
    /// What the form passes on to it, of what may be passed on.
    pub parameters: &'a BTreeMap<String, String>,
}

/// An ID token that a native application got by itself.
#[derive(Debug, Clone, Copy)]
pub struct PresentedIdToken<'a> {
    /// Of which provider.
    pub provider: &'a str,
    /// The token.
    pub id_token: &'a str,
    /// The nonce that it was asked for with.
    pub nonce: Option<&'a str>,
}

/// Why a provider does not let somebody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFailure {
    /// The tenant has none of that name. The client's.
    #[error("there is no such provider")]
    Unknown,
    /// It cannot be asked, or answers nonsense. Its own, or the operator's.
    #[error("the provider {provider} failed: {detail}")]
    Upstream {
        /// What people know it by.
        provider: String,
        /// For the log.
        detail: String,
    },
    /// It does not let them, or they do not want to.
    #[error("the provider {provider} refused: {detail}")]
    Denied {
        /// What people know it by.
        provider: String,
        /// For the log.
        detail: String,
    },
}

/// Other providers that a tenant lets authenticate people.
pub trait Providers: Send + Sync + fmt::Debug {
    /// Those that forms offer, in the order of the settings.
    fn offers(&self) -> &[Offer];

    /// An organisation's connection: the provider with which its people alone sign in.
    fn find_connection(
        &self,
        organisation: OrganisationId,
    ) -> BoxFuture<'_, Result<Option<Offer>, StoreUnavailable>>;

    /// Where a browser begins a sign-in with one.
    fn begin<'a>(&'a self, beginning: Beginning<'a>) -> BoxFuture<'a, Result<Url, ProviderFailure>>;

    /// Who the subject of an ID token is that an application got by itself.
    fn check_id_token<'a>(
        &'a self,
        presented: PresentedIdToken<'a>,
    ) -> BoxFuture<'a, Result<ProvenElsewhere, ProviderFailure>>;

    /// Who somebody is here, by the tenant's plugins, else by the provider's settings. The traits are not checked.
    fn map<'a>(
        &'a self,
        context: &'a HookContext,
        who: &'a ProvenElsewhere,
        schema: &'a Schema,
        known: (Option<&'a Identity>, Option<Origin>),
    ) -> BoxFuture<'a, Result<MappingDecision, FlowError>>;
}

/// For a tenant without other providers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProviders;

impl Providers for NoProviders {
    fn offers(&self) -> &[Offer] {
        &[]
    }

    fn find_connection(&self, _: OrganisationId) -> BoxFuture<'_, Result<Option<Offer>, StoreUnavailable>> {
        Box::pin(async { Ok(None) })
    }

    fn begin<'a>(&'a self, _: Beginning<'a>) -> BoxFuture<'a, Result<Url, ProviderFailure>> {
        Box::pin(async { Err(ProviderFailure::Unknown) })
    }

    fn check_id_token<'a>(
        &'a self,
        _: PresentedIdToken<'a>,
    ) -> BoxFuture<'a, Result<ProvenElsewhere, ProviderFailure>> {
        Box::pin(async { Err(ProviderFailure::Unknown) })
    }

    fn map<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a ProvenElsewhere,
        _: &'a Schema,
        _: (Option<&'a Identity>, Option<Origin>),
    ) -> BoxFuture<'a, Result<MappingDecision, FlowError>> {
        Box::pin(async { Ok(MappingDecision::Unmapped) })
    }
}
