//! A provider as it is used: its settings, with what is known of its kind.

use std::sync::Arc;

use identity::providers::Offer;
use primitives::{Origin, Timestamp};
use url::Url;

use crate::discovery::{Documents, Endpoints};
use crate::failure::Failure;
use crate::kind::{self, IdTokens, Kind};
use crate::settings::{ClaimsSource, Pkce, ProviderSettings, UpdateIdentity};
use crate::wire::Wire;

/// A provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) settings: ProviderSettings,
    pub(crate) kind: &'static Kind,
    pub(crate) label: String,
    /// The servers that the operator's own file names.
    pub(crate) named: Vec<Origin>,
}

impl Provider {
    /// Takes settings; `None` if their kind is unknown, which whoever wrote them was told. What a file names may be
    /// anywhere; what an API was told may not.
    pub(crate) fn new(settings: &ProviderSettings, by_operator: bool) -> Option<Self> {
        let kind = kind::find(&settings.provider)?;
        let issuer = settings.issuer_url.as_deref().and_then(|issuer| Url::parse(issuer).ok());
        let urls =
            [issuer, settings.token_url.clone(), settings.userinfo_url.clone(), settings.jwks_url.clone()];
        let named = urls.iter().flatten().filter(|_| by_operator).filter_map(Origin::of).collect();
        let label = settings.label.clone().unwrap_or_else(|| kind.label.to_owned());
        Some(Self { settings: settings.clone(), kind, label, named })
    }

    pub(crate) fn id(&self) -> &str {
        &self.settings.id
    }

    /// As forms offer it.
    pub(crate) fn offer(&self) -> Offer {
        Offer {
            id: self.id().to_owned(),
            label: self.label.clone(),
            organisation: self.settings.organization_id,
        }
    }

    /// Where it is asked what.
    pub(crate) async fn endpoints(
        &self,
        wire: Wire<'_>,
        documents: &Documents,
        now: Timestamp,
    ) -> Result<Arc<Endpoints>, Failure> {
        let own = &self.settings;
        let url = |given: &Option<Url>, known: Option<&str>| {
            given.clone().or_else(|| known.and_then(|known| Url::parse(known).ok()))
        };
        let authorization = url(&own.auth_url, self.kind.auth);
        let token = url(&own.token_url, self.kind.token);
        if let (Some(authorization), Some(token)) = (authorization, token) {
            return Ok(Arc::new(Endpoints {
                issuer: self.issuer(),
                authorization,
                token,
                userinfo: url(&own.userinfo_url, self.kind.userinfo),
                jwks: own.jwks_url.clone(),
                pushed: None,
                names_issuer: false,
                s256: self.kind.pkce,
                post_only: self.kind.client_authentication == kind::ClientAuthentication::Post,
            }));
        }
        let issuer = self.issuer().ok_or(Failure::Settings("neither an issuer nor endpoints"))?;
        documents.endpoints(wire, &issuer, now).await
    }

    pub(crate) fn issuer(&self) -> Option<String> {
        let known = || {
            let directory = self.settings.microsoft_tenant.as_deref().unwrap_or("common");
            self.kind.issuer.map(|issuer| issuer.replace("{tenant}", directory))
        };
        self.settings.issuer_url.clone().or_else(known)
    }

    /// Whether codes are bound to us.
    pub(crate) fn uses_pkce(&self, endpoints: &Endpoints) -> bool {
        match self.settings.pkce {
            Pkce::Auto => endpoints.s256,
            Pkce::Never => false,
            Pkce::Force => true,
        }
    }

    /// Whether the userinfo endpoint is asked who somebody is.
    pub(crate) fn asks_userinfo(&self) -> bool {
        let without_token = self.kind.id_token == IdTokens::None;
        match self.settings.claims_source {
            Some(ClaimsSource::Userinfo) => true,
            Some(ClaimsSource::IdToken) | None => without_token,
        }
    }

    /// Where its answers come to, below the tenant's base URL: as it is registered there.
    pub(crate) fn callback(&self) -> String {
        const BELOW: &str = "/self-service/methods/oidc";
        match (self.settings.pkce, self.settings.organization_id) {
            (Pkce::Force, _) => format!("{BELOW}/callback"),
            (_, Some(organisation)) => format!("{BELOW}/organization/{organisation}/callback/{}", self.id()),
            (_, None) => format!("{BELOW}/callback/{}", self.id()),
        }
    }

    /// Whether what it says replaces what an account says, at every sign-in.
    pub(crate) fn updates(&self) -> bool {
        self.settings.update_identity_on_login == UpdateIdentity::Automatic
    }

    /// Whether what it says of an address counts.
    pub(crate) fn trusts_email(&self) -> bool {
        self.settings.trusts_email.unwrap_or(self.kind.verifies_email)
    }
}
