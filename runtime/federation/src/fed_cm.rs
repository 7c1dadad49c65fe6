//! Signing in by the browser's own dialog (W3C Federated Credential Management): the browser asks the provider, and brings what it
//! got here.
//!
//! | attack | what stops it |
//! |---|---|
//! | a token that was made for another relying party, or by another provider | it is held against this provider's keys, issuer and client id, as every ID token is |
//! | a token of an earlier attempt, or of somebody else's, is brought once more | its nonce names a form that was begun in this browser, and the form ends with the sign-in |
//! | a site has the browser bring a token of the attacker's | the form's token, which that site cannot read |
//! | a provider is asked without the tenant's wish | only those with `fed_cm` are offered, and only their tokens are taken |
//!
//! How old a token is needs no rule of its own: it is as young as the form that its nonce names.

use std::collections::BTreeMap;

use jose::UnverifiedJwt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::provider::Provider;
use crate::room::TenantProviders;

/// Signing in by the browser's own dialog (FedCM).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FedCm {
    /// Where the provider's configuration for browsers is (its `fedcm.json`).
    #[schemars(with = "String")]
    pub config_url: Url,
    /// What the dialog says that is shared (`name`, `email`, `picture`); by default the browser's own choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// What the browser passes on to the provider, e.g. a `scope`. A nonce is always among it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// A provider as a browser is told of it.
#[derive(Debug, Clone, Copy)]
pub struct FedCmOffer<'a> {
    /// The client id that it gave.
    pub client_id: &'a str,
    /// What the settings say.
    pub settings: &'a FedCm,
}

/// What a token says of itself. Nobody has verified any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedFedCm {
    /// The provider whose token it would be.
    pub provider: String,
    /// The nonce that it would answer.
    pub nonce: String,
}

impl TenantProviders {
    /// The providers that browsers may ask by themselves.
    pub fn fed_cm(&self) -> impl Iterator<Item = FedCmOffer<'_>> {
        self.declared().filter_map(|provider| {
            let settings = provider.settings.fed_cm.as_ref()?;
            Some(FedCmOffer { client_id: &provider.settings.client_id, settings })
        })
    }

    /// Whose token it would be, and which attempt it would be of; `None` if it is no ID token, or of none of these providers.
    pub fn of_fed_cm(&self, token: &str) -> Option<UnverifiedFedCm> {
        let parsed = UnverifiedJwt::parse(token).ok()?;
        let nonce = parsed.unverified_claim("nonce").filter(|nonce| !nonce.is_empty())?.to_owned();
        let offered = self.declared().filter(|provider| provider.settings.fed_cm.is_some());
        let issuer = parsed.unverified_claim("iss")?;
        let mut of_issuer = offered.filter(|provider| provider.issuer().as_deref() == Some(issuer));
        let first = of_issuer.next()?;
        // Of two with one issuer, the token says for which it was made.
        let is_party = |provider: &&Provider| {
            let party = parsed.unverified_claim("azp").or_else(|| parsed.unverified_claim("aud"));
            party == Some(provider.settings.client_id.as_str())
        };
        let provider = std::iter::once(first).chain(of_issuer).find(is_party).unwrap_or(first);
        Some(UnverifiedFedCm { provider: provider.id().to_owned(), nonce })
    }
}
