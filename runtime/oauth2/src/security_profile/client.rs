//! Whether a client may be at all, under a profile.

use jose::SigningAlgorithm;

use super::rules::{self, Rule};
use super::{ALGORITHMS, SecurityProfile, of};
use crate::authorization::ResponseType;
use crate::client::{Client, GrantType};
use crate::server::AuthorizationServer;
use crate::settings::Settings;

/// A client document, or the tenant's settings, against a profile. The words are for who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("security_profile {}: {rule}", profile.as_str())]
pub struct Contradiction {
    /// The property that is wrong.
    pub property: &'static str,
    /// Which rule it breaks.
    pub rule: Rule,
    profile: SecurityProfile,
}

/// Whether a client, which was taken before, may be used as its profile and its tenant are now.
pub(crate) fn contradicts(server: &AuthorizationServer, client: &Client) -> Option<Contradiction> {
    let profile = of(server, client)?;
    check_document(profile, client).and_then(|()| check_tenant(profile, &server.settings)).err()
}

/// Checks what a client has registered, one rule a line.
pub(crate) fn check_document(profile: SecurityProfile, client: &Client) -> Result<(), Contradiction> {
    let document = &client.record.document;
    let holds = |holds: bool, property: &'static str, rule: Rule| {
        if holds { Ok(()) } else { Err(Contradiction { property, rule, profile }) }
    };
    holds(!client.is_public(), "token_endpoint_auth_method", rules::CONFIDENTIAL)?;
    holds(profile.allows(client.authentication), "token_endpoint_auth_method", rules::AUTHENTICATION)?;
    let bindings = [document.dpop_bound_access_tokens, document.tls_client_certificate_bound_access_tokens];
    holds(bindings.contains(&Some(true)), "dpop_bound_access_tokens", rules::SENDER_CONSTRAINED)?;
    let grants = document.grant_types.as_deref().unwrap_or_default();
    holds(grants.iter().all(|grant| allows_grant(grant)), "grant_types", rules::GRANTS)?;
    let types = document.response_types.as_deref().unwrap_or_default();
    let is_code = |name: &String| ResponseType::parse(name) == Some(ResponseType::Code);
    holds(types.iter().all(is_code), "response_types", rules::RESPONSE_TYPE)?;
    holds(document.pkce_plain != Some(true), "pkce_plain", rules::PKCE)?;
    let is_proven = |uri: &str| !uri.starts_with("http:") || is_loopback_address(uri);
    holds(
        client.redirect_uris.iter().all(|uri| is_proven(uri.as_str())),
        "redirect_uris",
        rules::REDIRECT_URIS,
    )?;
    let by_tls = document.jwks_uri.as_deref().is_none_or(|uri| !uri.starts_with("http:"));
    holds(by_tls, "jwks_uri", rules::KEYS_BY_TLS)?;
    for (property, algorithm) in [
        ("token_endpoint_auth_signing_alg", &document.token_endpoint_auth_signing_alg),
        ("request_object_signing_alg", &document.request_object_signing_alg),
        ("authorization_signed_response_alg", &document.authorization_signed_response_alg),
        ("id_token_signed_response_alg", &document.responses.id_token_signed_response_alg),
        ("introspection_signed_response_alg", &document.responses.introspection_signed_response_alg),
    ] {
        let algorithm = algorithm.as_deref().unwrap_or_default();
        holds(algorithm.is_empty() || ALGORITHMS.contains(&algorithm), property, rules::ALGORITHMS)?;
    }
    // What is not signed is no signature of another algorithm.
    let userinfo = document.userinfo_signed_response_alg.as_str();
    let is_plain = matches!(userinfo, "" | "none");
    holds(is_plain || ALGORITHMS.contains(&userinfo), "userinfo_signed_response_alg", rules::ALGORITHMS)?;
    let signs = profile.signs_messages() && client.may_use(GrantType::AuthorizationCode);
    let has_keys = document.jwks.is_some() || document.jwks_uri.as_deref().is_some_and(|uri| !uri.is_empty());
    holds(!signs || has_keys, "jwks", rules::KEYS)
}

/// What the tenant signs with goes to the client too.
fn check_tenant(profile: SecurityProfile, settings: &Settings) -> Result<(), Contradiction> {
    let signed = [settings.id_token_signing_algorithm, settings.access_token_signing_algorithm];
    if signed.into_iter().all(is_allowed) {
        return Ok(());
    }
    Err(Contradiction { property: "security_profile", rule: rules::ALGORITHMS, profile })
}

/// Whether a tenant may sign with this under a profile.
pub(crate) fn is_allowed(algorithm: SigningAlgorithm) -> bool {
    ALGORITHMS.contains(&algorithm.as_str())
}

/// By its registered name, also where we do not serve it.
pub(super) fn allows_grant(name: &str) -> bool {
    !matches!(name, "implicit" | "password")
}

/// RFC 8252 section 7.3: an address, and no name that something else may resolve.
fn is_loopback_address(uri: &str) -> bool {
    ["http://127.0.0.1", "http://[::1]"].into_iter().any(|prefix| {
        uri.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
    })
}
