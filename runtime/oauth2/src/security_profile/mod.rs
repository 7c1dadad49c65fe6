//! Security profiles: one switch, of a tenant or of a client, that makes every rule of a published profile binding.
//!
//! FAPI 2.0 is a set of choices among what this server can do anyway. Each by itself is a setting; a profile is that none of
//! them is forgotten, now or when somebody changes a client. `rules` is the table: each rule with its section, and with the
//! test that sees it refused.
//!
//! **The name.** Keycloak has `fapi-2-security-profile` and `fapi-2-message-signing` among its client profiles; Authlete has
//! `FAPI2_SECURITY` and three kinds of message signing. `profile` alone means a scope and claims of OpenID Connect, and what this
//! holds somebody to is the specification of that name, so: `security_profile`, `fapi2-security` and `fapi2-message-signing`.
//!
//! A profile holds in three places, so that no order of changes gets around it: a client that contradicts it is not taken
//! (`client`); one that was taken before the tenant had the switch is nobody, at every endpoint; and what depends on the request is
//! checked with the request (`request`).

mod client;
mod request;
mod rules;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use client::Contradiction;
pub(crate) use client::{check_document, contradicts, is_allowed};
pub(crate) use request::{
    Message, check_algorithm, check_object, check_origin, check_request, takes_other_audiences,
};
pub use rules::Rule;

use std::time::Duration;

use crate::client::{AuthenticationMethod, Client};
use crate::client_authentication::Proof;
use crate::server::AuthorizationServer;

/// A published set of rules. One contains all of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SecurityProfile {
    /// FAPI 2.0 Security Profile: clients prove who they are by keys or certificates, push every request with PKCE, and get no
    /// token but what is bound to a key or certificate of theirs.
    #[serde(rename = "fapi2-security")]
    Fapi2Security,
    /// FAPI 2.0 Message Signing on top: clients sign their requests, and the answers to them are signed.
    #[serde(rename = "fapi2-message-signing")]
    Fapi2MessageSigning,
}

/// The algorithms of a profile (FAPI 2.0 Security Profile section 5.4.1), of whatever is signed, by whom ever.
pub const ALGORITHMS: [&str; 3] = ["PS256", "ES256", "EdDSA"];

/// How long a code may wait (section 5.3.2.1).
const MOST_CODE: Duration = Duration::from_mins(1);
/// How long a reference to a pushed request may wait (section 5.3.2.2): less than ten minutes.
const MOST_REFERENCE: Duration = Duration::from_secs(599);

impl SecurityProfile {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Fapi2Security, Self::Fapi2MessageSigning];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fapi2Security => "fapi2-security",
            Self::Fapi2MessageSigning => "fapi2-message-signing",
        }
    }

    /// Reads its name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text)
    }

    /// Whether requests and answers are signed.
    pub const fn signs_messages(self) -> bool {
        matches!(self, Self::Fapi2MessageSigning)
    }

    /// Whether clients may prove who they are in this way: by a key that is theirs alone.
    pub fn allows(self, method: AuthenticationMethod) -> bool {
        match method.proof() {
            Proof::Signature | Proof::Certificate => true,
            Proof::Secret | Proof::Nothing => false,
        }
    }
}

/// What a client is held to: the stricter of its tenant's profile and its own.
pub(crate) fn of(server: &AuthorizationServer, client: &Client) -> Option<SecurityProfile> {
    server.settings.security_profile.max(client.security_profile)
}

/// Whether every answer to a client is signed, whatever its request says (FAPI 2.0 Message Signing section 5.4.1).
pub(crate) fn signs_answers(server: &AuthorizationServer, client: &Client) -> bool {
    of(server, client).is_some_and(SecurityProfile::signs_messages)
}

/// How long a code of a client waits to be redeemed.
pub(crate) fn code_lifespan(server: &AuthorizationServer, client: &Client) -> Duration {
    let lifespan = server.settings.authorization_code_lifespan.0;
    of(server, client).map_or(lifespan, |_| lifespan.min(MOST_CODE))
}

/// How long a reference to what a client pushed waits for its browser.
pub(crate) fn reference_lifespan(server: &AuthorizationServer, client: &Client) -> Duration {
    let lifespan = server.settings.pushed_request_lifespan.0;
    of(server, client).map_or(lifespan, |_| lifespan.min(MOST_REFERENCE))
}

/// Takes out of a tenant's metadata what its profile lets no client use.
pub(crate) fn narrow(document: &mut Value, profile: SecurityProfile) {
    let Value::Object(members) = document else { return };
    for (name, value) in members.iter_mut() {
        let keeps = |text: &str| match name.as_str() {
            "response_types_supported" => text == "code",
            "response_modes_supported" => !profile.signs_messages() || text.ends_with("jwt"),
            "grant_types_supported" => client::allows_grant(text),
            name if name.ends_with("_auth_methods_supported") => {
                AuthenticationMethod::parse(text).is_some_and(|method| profile.allows(method))
            }
            name if name.contains("_encryption_") => true,
            name if name.ends_with("_alg_values_supported") => text == "none" || ALGORITHMS.contains(&text),
            _ => true,
        };
        if let Value::Array(list) = value {
            list.retain(|one| one.as_str().is_none_or(keeps));
        }
    }
    members.insert("require_pushed_authorization_requests".to_owned(), true.into());
    if profile.signs_messages() {
        members.insert("require_signed_request_object".to_owned(), true.into());
    }
}
