//! `[[tenant.federation.provider]]`: the providers with which a tenant's people sign in.

use std::collections::BTreeMap;

use primitives::{OrganisationId, SecretReference};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::connection::is_connection;
use crate::fed_cm::FedCm;
use crate::kind::{self, IdTokens, Kind};

/// Signing in with other providers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The providers, in the order in which forms offer them.
    #[serde(rename = "provider")]
    pub providers: Vec<ProviderSettings>,
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// Its name: 1 to 63 lower-case letters, digits, `-` and `_`. Part of the address that is registered there, and of
    /// every link: it never changes.
    pub id: String,
    /// What kind of provider it is: `generic` for any that speaks OpenID Connect, or one of those whose quirks are known,
    /// e.g. `google`, `github`, `microsoft`, `apple`.
    pub provider: String,
    /// What people know it by; by default the kind's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The client id that it gave.
    pub client_id: String,
    /// The client secret that it gave; of Apple, the private key (PKCS #8, PEM). Only the file refers to it; elsewhere it
    /// is set by the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretReference>,
    /// The issuer, exactly as its documents and tokens name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_url: Option<String>,
    /// Its authorization endpoint, where it has no discovery document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub auth_url: Option<Url>,
    /// Its token endpoint, where it has no discovery document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub token_url: Option<Url>,
    /// Its userinfo endpoint, where it has no discovery document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub userinfo_url: Option<Url>,
    /// Where its keys are, where it has no discovery document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub jwks_url: Option<Url>,
    /// The scopes to ask for; by default those of the kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// Whether codes are bound to us by PKCE (`S256`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub pkce: Pkce,
    /// Where claims are taken from; by default as the kind needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_source: Option<ClaimsSource>,
    /// What to ask for in the `claims` parameter (OpenID Connect Core section 5.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub requested_claims: Option<Map<String, Value>>,
    /// Client ids of native applications whose ID tokens are taken too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_id_token_audiences: Vec<String>,
    /// Which claim becomes which trait, where no plugin decides: `"name.first" = "given_name"`. Nested claims have dots.
    /// By default each trait of the schema takes the claim that is called like it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
    /// Whether an address counts as proven here if the provider says that it is verified; by default as the kind is known
    /// to verify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusts_email: Option<bool>,
    /// Signing in by the browser's own dialog (FedCM), with an ID token of this provider. Without it the provider is not offered so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fed_cm: Option<FedCm>,
    /// Whether what it says of somebody replaces what their account says, at every sign-in. What it does not say stays, and so
    /// does all of it if the schema does not take it or an address is somebody else's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub update_identity_on_login: UpdateIdentity,
    /// Of an organisation's provider: the claim that lists the groups that its people are in, where no plugin says so. Nested
    /// claims have dots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_claim: Option<String>,
    /// The organisation whose people alone sign in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub organization_id: Option<OrganisationId>,
    /// Of Microsoft: `common`, `organizations`, `consumers`, or a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microsoft_tenant: Option<String>,
    /// Of Microsoft: what names a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_source: Option<SubjectSource>,
    /// Of Apple: the team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apple_team_id: Option<String>,
    /// Of Apple: the name of the private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apple_private_key_id: Option<String>,
}

/// Whether codes are bound to us by PKCE.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// Where the provider says that it takes `S256`.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Always; answers come to `/self-service/methods/oidc/callback`, without the provider's name.
    Force,
}

/// Whether an account follows what a provider says of its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateIdentity {
    /// It is made of that, and is its owner's to change from then on.
    #[default]
    Never,
    /// It does at every sign-in.
    Automatic,
}

/// Where claims are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimsSource {
    /// The ID token.
    IdToken,
    /// The userinfo endpoint, beside the ID token where there is one.
    Userinfo,
}

/// What names a person at Microsoft.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectSource {
    /// `sub`, which differs by application.
    #[default]
    Userinfo,
    /// `id` of Microsoft Graph.
    Me,
    /// `oid` of the ID token.
    Oid,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Settings {
    /// Reports what contradicts itself, by key within the section.
    pub fn check(&self, report: &mut dyn FnMut(&str, String)) {
        for (index, provider) in self.providers.iter().enumerate() {
            let mut say = |key: &str, message: String| report(&format!("provider[{index}].{key}"), message);
            if self.providers.iter().take(index).any(|earlier| earlier.id == provider.id) {
                say("id", format!("`{}` is also the id of an earlier provider", provider.id));
            }
            if is_connection(&provider.id) {
                say("id", format!("`{}` is like the name of an organisation's connection", provider.id));
            }
            provider.check(&mut say);
        }
    }

    /// The same without what only the file may refer to.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let without =
            |provider: &ProviderSettings| ProviderSettings { client_secret: None, ..provider.clone() };
        Self { providers: self.providers.iter().map(without).collect() }
    }
}

impl ProviderSettings {
    pub(crate) fn check(&self, say: &mut dyn FnMut(&str, String)) {
        let of_form = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_');
        if !(1..=63).contains(&self.id.len()) || !self.id.bytes().all(of_form) {
            say("id", format!("`{}` is no name: 1 to 63 lower-case letters, digits, - and _", self.id));
        }
        if self.client_secret.is_some() {
            say(
                "client_secret",
                "can only be declared in the file of the node; set it by the API".to_owned(),
            );
        }
        let Some(kind) = kind::find(&self.provider) else {
            let known: Vec<&str> = kind::KINDS.iter().map(|kind| kind.name).collect();
            say("provider", format!("`{}` is none of {}", self.provider, known.join(", ")));
            return;
        };
        let needed = [
            ("client_id", !self.client_id.is_empty()),
            ("microsoft_tenant", kind.name != "microsoft" || self.microsoft_tenant.is_some()),
            ("apple_team_id", kind.name != "apple" || self.apple_team_id.is_some()),
            ("apple_private_key_id", kind.name != "apple" || self.apple_private_key_id.is_some()),
        ];
        for (key, _) in needed.iter().filter(|(_, given)| !given) {
            say(key, format!("is needed by the kind `{}`", kind.name));
        }
        let has_endpoints = self.auth_url.is_some() && self.token_url.is_some();
        if kind.issuer.is_none() && kind.auth.is_none() && self.issuer_url.is_none() && !has_endpoints {
            say("issuer_url", "is needed, or `auth_url` and `token_url`".to_owned());
        }
        if let Some(fed_cm) = &self.fed_cm {
            self.check_fed_cm(fed_cm, kind, say);
        }
        if self.groups_claim.is_some() && self.organization_id.is_none() {
            say(
                "groups_claim",
                "is for a provider with an `organization_id`: groups are an organisation's".to_owned(),
            );
        }
        let issuer = self.issuer_url.as_deref().map(Url::parse);
        match issuer {
            Some(Err(_)) => say("issuer_url", "is no URL".to_owned()),
            Some(Ok(url)) if !is_private_enough(&url) => say("issuer_url", INSECURE.to_owned()),
            Some(Ok(_)) | None => {}
        }
        for (key, url) in [
            ("auth_url", &self.auth_url),
            ("token_url", &self.token_url),
            ("userinfo_url", &self.userinfo_url),
            ("jwks_url", &self.jwks_url),
        ] {
            if url.as_ref().is_some_and(|url| !is_private_enough(url)) {
                say(key, INSECURE.to_owned());
            }
        }
    }
}

impl ProviderSettings {
    /// Reports why nobody could sign in by a browser's own dialog.
    fn check_fed_cm(&self, fed_cm: &FedCm, kind: &Kind, say: &mut dyn FnMut(&str, String)) {
        if !is_private_enough(&fed_cm.config_url) {
            say("fed_cm.config_url", INSECURE.to_owned());
        }
        if fed_cm.parameters.contains_key("nonce") {
            say("fed_cm.parameters", "has a `nonce`: each sign-in gets one of its own".to_owned());
        }
        if kind.id_token == IdTokens::None || (kind.issuer.is_none() && self.issuer_url.is_none()) {
            say("fed_cm", "is for a provider with ID tokens and an `issuer_url`".to_owned());
        }
        if self.organization_id.is_some() {
            say(
                "fed_cm",
                "is for no organisation's provider: the dialog asks before anybody is known".to_owned(),
            );
        }
        if self.subject_source == Some(SubjectSource::Me) {
            say("fed_cm", "cannot ask for `subject_source = \"me\"`: there is no access token".to_owned());
        }
    }
}

const INSECURE: &str = "must be https; http is for this machine only";

/// Whether nobody on the way reads along: TLS, or no way at all.
pub(crate) fn is_private_enough(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        },
        _ => false,
    }
}
