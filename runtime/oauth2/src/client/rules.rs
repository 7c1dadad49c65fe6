//! What makes a client document acceptable. One rule a line, in the order in which they are reported.

use jose::Algorithm;
use primitives::ClientId;
use url::Url;

use super::redirect_uri::{InvalidRedirectUri, RedirectUri};
use super::token_exchange::TokenExchangeRules;
use super::{AuthenticationMethod, Client, ClientDocument, ClientRecord, GrantType, responses, sector};
use crate::authorization::request_object::REQUEST_OBJECT_ALGORITHMS;
use crate::mtls::{InvalidSubject, RegisteredSubject};
use crate::scope::Scopes;
use crate::security_profile::{self, Contradiction, SecurityProfile};
use crate::settings::AccessTokenStrategy;

/// Why a client document is refused. Always the fault of who wrote it; the words are for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClient {
    /// No `client_id` where one must be.
    #[error("client_id is missing")]
    NoId,
    /// A redirect URI that may not be registered.
    #[error("{property} {uri:?} {reason}")]
    RedirectUri {
        /// The property.
        property: &'static str,
        /// The URI.
        uri: String,
        /// What is wrong with it.
        reason: InvalidRedirectUri,
    },
    /// A property whose value is not one that we know.
    #[error("{property} {value:?} is not supported; it may be {supported}")]
    Unsupported {
        /// The property.
        property: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        supported: &'static str,
    },
    /// A property that must be a web address.
    #[error("{property} must be an absolute https URL")]
    NotHttps {
        /// The property.
        property: &'static str,
    },
    /// Nothing that says with which other clients it shares the names of people.
    #[error(
        "subject_type pairwise needs sector_identifier_uri, unless all redirect_uris are https addresses of one host"
    )]
    NoSector,
    /// A sector that does not name the client.
    #[error("sector_identifier_uri must answer with a JSON array that lists every one of redirect_uris")]
    Sector,
    /// An address that the browser opens at logout, of another origin than everything else of the client.
    #[error("frontchannel_logout_uri must have the scheme, host and port of one of redirect_uris")]
    FrontchannelOrigin,
    /// Scope with characters that no scope may have.
    #[error("scope holds a character that is not allowed")]
    Scope,
    /// No name, or more than one, of whom a certificate is.
    #[error(transparent)]
    CertificateSubject(#[from] InvalidSubject),
    /// What its security profile, or its tenant's, does not allow.
    #[error(transparent)]
    Profile(#[from] Contradiction),
    /// Tokens that are bound to a certificate and to the key of a proof.
    #[error("tls_client_certificate_bound_access_tokens and dpop_bound_access_tokens exclude each other")]
    TwoBindings,
    /// What is told cannot be signed or encrypted as the document says.
    #[error(transparent)]
    Responses(#[from] responses::InvalidResponses),
    /// Keys by value and by reference at once (RFC 7591 section 2).
    #[error("jwks and jwks_uri exclude each other")]
    TwoKeySources,
    /// A method by which the client proves that it holds a key, without keys.
    #[error("{0} needs jwks or jwks_uri")]
    NoKeys(&'static str),
    /// Keys that are not a set of public keys.
    #[error("jwks must be a JSON Web Key Set of public asymmetric keys: {0}")]
    Keys(String),
    /// Keys of which none is for what the client signs.
    #[error("{property} has no key for {algorithm}, which {needed_by} needs")]
    NoKeyFor {
        /// Where the keys are.
        property: &'static str,
        /// What they are to sign by.
        algorithm: &'static str,
        /// The property that says so.
        needed_by: &'static str,
    },
    /// The authorization code grant without an address to answer to.
    #[error("the authorization_code grant needs at least one of redirect_uris")]
    NoRedirectUri,
    /// A client without authentication cannot act for itself.
    #[error("the client_credentials grant needs a client that authenticates")]
    PublicClientCredentials,
    /// A client without authentication cannot act for others.
    #[error("the token exchange grant needs a client that authenticates")]
    PublicTokenExchange,
    /// What is no audience.
    #[error("{property} must be a list of audiences, each without spaces")]
    Audience {
        /// The property.
        property: &'static str,
    },
    /// The secret is too short or too long for anything.
    #[error("client_secret must have 6 to 512 bytes")]
    SecretLength,
    /// A method that needs a secret, and none anywhere.
    #[error("token_endpoint_auth_method needs a secret; a public client says none")]
    NoSecret,
}

impl InvalidClient {
    /// The property of the document that is wrong.
    pub const fn property(&self) -> &'static str {
        match self {
            Self::NoId => "client_id",
            Self::RedirectUri { property, .. }
            | Self::Unsupported { property, .. }
            | Self::NotHttps { property }
            | Self::NoKeyFor { property, .. }
            | Self::Audience { property } => property,
            Self::Responses(wrong) => wrong.property(),
            Self::NoSector | Self::Sector => "sector_identifier_uri",
            Self::FrontchannelOrigin => "frontchannel_logout_uri",
            Self::Scope => "scope",
            Self::CertificateSubject(wrong) => wrong.property(),
            Self::Profile(wrong) => wrong.property,
            Self::TwoBindings => "dpop_bound_access_tokens",
            Self::TwoKeySources => "jwks_uri",
            Self::NoKeys(_) => "token_endpoint_auth_method",
            Self::Keys(_) => "jwks",
            Self::NoRedirectUri => "redirect_uris",
            Self::PublicClientCredentials | Self::PublicTokenExchange => "grant_types",
            Self::SecretLength | Self::NoSecret => "client_secret",
        }
    }
}

/// The signature algorithms that a client may use, in words.
const ALGORITHMS: &str = "ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384 or PS512";

/// The signature algorithms that a client may use in an assertion. None is symmetric.
pub(crate) const ASSERTION_ALGORITHMS: [Algorithm; 9] = Algorithm::ASYMMETRIC;

pub(super) fn check(record: ClientRecord) -> Result<Client, InvalidClient> {
    let document = &record.document;
    let id: ClientId = document.client_id.clone().ok_or(InvalidClient::NoId)?;
    let authentication =
        AuthenticationMethod::parse(&document.token_endpoint_auth_method).ok_or_else(|| {
            unsupported(
                "token_endpoint_auth_method",
                &document.token_endpoint_auth_method,
                AuthenticationMethod::known(),
            )
        })?;
    // Grants that we do not serve round-trip and are never granted.
    let grant_types: Vec<_> =
        document.grant_types.iter().flatten().filter_map(|grant| GrantType::parse(grant)).collect();
    let redirect_uris = check_redirect_uris("redirect_uris", document.redirect_uris.as_deref())?;
    check_redirect_uris("post_logout_redirect_uris", document.post_logout_redirect_uris.as_deref())?;
    let scope = Scopes::parse(&document.scope).map_err(|_| InvalidClient::Scope)?;
    check_one_of("subject_type", &document.subject_type, &["", "public", "pairwise"], "public or pairwise")?;
    let subject_type = sector::subject_type(document, &redirect_uris)?;
    check_algorithm(document)?;
    check_signed_messages(document)?;
    check_keys(document)?;
    authentication.method().check_document(document)?;
    let certificate_subject = certificate_subject(document)?;
    responses::check(document)?;
    check_pages(document)?;
    let strategy = document.access_token_strategy.as_deref().unwrap_or("");
    let access_token_strategy = match strategy {
        "" => None,
        "jwt" => Some(AccessTokenStrategy::Jwt),
        "opaque" => Some(AccessTokenStrategy::Opaque),
        _ => return Err(unsupported("access_token_strategy", strategy, "jwt or opaque")),
    };
    if grant_types.contains(&GrantType::ClientCredentials) && authentication == AuthenticationMethod::NONE {
        return Err(InvalidClient::PublicClientCredentials);
    }
    if grant_types.contains(&GrantType::TokenExchange) && authentication == AuthenticationMethod::NONE {
        return Err(InvalidClient::PublicTokenExchange);
    }
    if let Some(property) = document.token_exchange.as_ref().and_then(TokenExchangeRules::malformed) {
        return Err(InvalidClient::Audience { property });
    }
    let profile = document.security_profile.as_deref().unwrap_or_default();
    let security_profile = SecurityProfile::parse(profile);
    if security_profile.is_none() && !profile.is_empty() {
        return Err(unsupported("security_profile", profile, "fapi2-security or fapi2-message-signing"));
    }
    let client = Client {
        id,
        authentication,
        grant_types,
        redirect_uris,
        subject_type,
        scope,
        certificate_subject,
        security_profile,
        access_token_strategy,
        record,
    };
    if let Some(profile) = security_profile {
        security_profile::check_document(profile, &client)?;
    }
    Ok(client)
}

fn unsupported(property: &'static str, value: &str, supported: &'static str) -> InvalidClient {
    InvalidClient::Unsupported { property, value: value.chars().take(64).collect(), supported }
}

fn check_one_of(
    property: &'static str,
    value: &str,
    known: &[&str],
    supported: &'static str,
) -> Result<(), InvalidClient> {
    if known.contains(&value) { Ok(()) } else { Err(unsupported(property, value, supported)) }
}

fn check_redirect_uris(
    property: &'static str,
    uris: Option<&[String]>,
) -> Result<Vec<RedirectUri>, InvalidClient> {
    let check = |uri: &String| {
        RedirectUri::check(uri).map_err(|reason| InvalidClient::RedirectUri {
            property,
            uri: uri.chars().take(200).collect(),
            reason,
        })
    };
    uris.unwrap_or(&[]).iter().map(check).collect()
}

fn check_algorithm(document: &ClientDocument) -> Result<(), InvalidClient> {
    match document.token_endpoint_auth_signing_alg.as_deref() {
        None | Some("") => Ok(()),
        Some(alg) if ASSERTION_ALGORITHMS.iter().any(|known| known.as_str() == alg) => Ok(()),
        Some(alg) => Err(unsupported("token_endpoint_auth_signing_alg", alg, ALGORITHMS)),
    }
}

/// `none`, by which others let a client sign nothing, is nobody's: such a client sends plain parameters.
fn check_signed_messages(document: &ClientDocument) -> Result<(), InvalidClient> {
    let alg = document.request_object_signing_alg.as_deref().unwrap_or_default();
    if !alg.is_empty() && !REQUEST_OBJECT_ALGORITHMS.iter().any(|known| known.as_str() == alg) {
        return Err(unsupported("request_object_signing_alg", alg, ALGORITHMS));
    }
    let uris = document.request_uris.iter().flatten();
    uris.map(|uri| uri.split_once('#').map_or(uri.as_str(), |(uri, _)| uri))
        .try_for_each(|uri| check_https("request_uris", uri))
}

fn check_keys(document: &ClientDocument) -> Result<(), InvalidClient> {
    let (inline, uri) = (document.own_keys(), document.keys_uri());
    if inline.is_some() && uri.is_some() {
        return Err(InvalidClient::TwoKeySources);
    }
    if let Some(uri) = uri {
        check_https("jwks_uri", uri)?;
    }
    if let Some(keys) = inline {
        check_public_keys(keys)?;
    }
    Ok(())
}

/// Whom a certificate names. What is registered with another method is checked too: it would count when the method changes.
fn certificate_subject(document: &ClientDocument) -> Result<Option<RegisteredSubject>, InvalidClient> {
    let subject = RegisteredSubject::find(document)?;
    let is_set = |asked: Option<bool>| asked == Some(true);
    if is_set(document.tls_client_certificate_bound_access_tokens)
        && is_set(document.dpop_bound_access_tokens)
    {
        return Err(InvalidClient::TwoBindings);
    }
    Ok(subject)
}

/// Private and symmetric members have no place in a document that anybody may read.
fn check_public_keys(keys: &serde_json::Value) -> Result<(), InvalidClient> {
    let refuse = |reason: &str| Err(InvalidClient::Keys(reason.to_owned()));
    let Some(list) = keys.get("keys").and_then(serde_json::Value::as_array) else {
        return refuse("no keys member");
    };
    for key in list {
        if key.get("kty").and_then(serde_json::Value::as_str).is_none() {
            return refuse("a key has no kty");
        }
        if ["d", "k", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|member| key.get(member).is_some()) {
            return refuse("a key has private members");
        }
    }
    Ok(())
}

fn check_pages(document: &ClientDocument) -> Result<(), InvalidClient> {
    for (property, uri) in [
        ("backchannel_logout_uri", document.backchannel_logout_uri.as_deref()),
        ("frontchannel_logout_uri", document.frontchannel_logout_uri.as_deref()),
        ("sector_identifier_uri", document.sector_identifier_uri.as_deref()),
    ] {
        if let Some(uri) = uri.filter(|uri| !uri.is_empty()) {
            check_https(property, uri)?;
        }
    }
    // Pages are shown as links: only web addresses.
    for (property, uri) in [
        ("client_uri", &document.client_uri),
        ("policy_uri", &document.policy_uri),
        ("tos_uri", &document.tos_uri),
        ("logo_uri", &document.logo_uri),
    ] {
        let web = Url::parse(uri).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if !uri.is_empty() && !web {
            return Err(InvalidClient::NotHttps { property });
        }
    }
    Ok(())
}

/// An https address, or one of the machine itself as developers have it: whether that is asked is for the outbound port to say.
fn check_https(property: &'static str, uri: &str) -> Result<(), InvalidClient> {
    match RedirectUri::check(uri) {
        Ok(_) if uri.starts_with("https:") || uri.starts_with("http:") => Ok(()),
        _ => Err(InvalidClient::NotHttps { property }),
    }
}

#[cfg(test)]
mod tests {
    use primitives::Timestamp;
    use serde_json::json;

    use super::super::ManagedBy;
    use super::*;

    fn check_document(patch: &serde_json::Value) -> Result<Client, InvalidClient> {
        let mut document = json!({"client_id": "c"});
        for (name, value) in patch.as_object().unwrap() {
            document[name] = value.clone();
        }
        let document: ClientDocument = serde_json::from_value(document).unwrap();
        Client::check(ClientRecord {
            document: document.with_defaults(),
            secrets: Vec::new(),
            managed_by: ManagedBy::Api,
            enabled: true,
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
            not_before: Timestamp::from_seconds(0),
            version: 1,
            registration: None,
        })
    }

    #[test]
    fn documents_that_make_no_sense_are_refused() {
        for (patch, expect) in [
            (json!({}), None),
            (json!({"redirect_uris": ["https://a.example/cb", "myapp:/cb"]}), None),
            (json!({"redirect_uris": ["http://a.example/cb"]}), Some("must use https")),
            (json!({"redirect_uris": ["javascript:x"]}), Some("not allowed")),
            (json!({"post_logout_redirect_uris": ["data:x"]}), Some("post_logout_redirect_uris")),
            (json!({"token_endpoint_auth_method": "client_secret_jwt"}), Some("client_secret_basic")),
            (json!({"token_endpoint_auth_method": "private_key_jwt"}), Some("private_key_jwt needs jwks")),
            (
                json!({"token_endpoint_auth_method": "self_signed_tls_client_auth"}),
                Some("self_signed_tls_client_auth needs jwks"),
            ),
            (json!({"token_endpoint_auth_method": "tls_client_auth"}), Some("exactly one of")),
            (
                json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=a"}),
                None,
            ),
            (
                json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=a",
                    "tls_client_auth_san_dns": "a.example"}),
                Some("exactly one of"),
            ),
            (json!({"tls_client_auth_subject_dn": "a"}), Some("RFC 4514")),
            (json!({"tls_client_auth_san_dns": "*.a.example"}), Some("a host name")),
            (json!({"tls_client_auth_san_uri": "a"}), Some("an absolute URI")),
            (json!({"tls_client_auth_san_ip": "192.0.2.0/24"}), Some("an IP address")),
            (json!({"tls_client_auth_san_email": "a"}), Some("an address of mail")),
            (
                json!({"tls_client_certificate_bound_access_tokens": true, "dpop_bound_access_tokens": true}),
                Some("exclude"),
            ),
            (json!({"token_endpoint_auth_signing_alg": "HS256"}), Some("ES256")),
            (json!({"token_endpoint_auth_signing_alg": "none"}), Some("ES256")),
            (json!({"request_object_signing_alg": "none"}), Some("ES256")),
            (json!({"request_object_signing_alg": "HS256"}), Some("ES256")),
            (json!({"request_object_signing_alg": "PS512"}), None),
            (json!({"authorization_signed_response_alg": "none"}), Some("ES256")),
            (json!({"authorization_signed_response_alg": "PS256"}), None),
            (json!({"request_uris": ["https://a.example/r.jwt#hash"]}), None),
            (json!({"request_uris": ["http://a.example/r.jwt"]}), Some("request_uris")),
            (json!({"request_uris": ["urn:x:y"]}), Some("request_uris")),
            (json!({"subject_type": "ephemeral"}), Some("public or pairwise")),
            (json!({"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}), Some("private members")),
            (json!({"jwks": {}}), None),
            (json!({"jwks": {"keys": []}, "jwks_uri": "https://a.example/k"}), Some("exclude")),
            (json!({"jwks_uri": "ftp://a.example/k"}), Some("https")),
            (json!({"jwks_uri": "httpx://a.example/k"}), Some("https")),
            (json!({"backchannel_logout_uri": "https+x://a.example/out"}), Some("https")),
            (json!({"backchannel_logout_uri": "http://127.0.0.1:3000/out"}), None),
            (json!({"scope": "a\"b"}), Some("scope")),
            (json!({"access_token_strategy": "paseto"}), Some("jwt or opaque")),
            (json!({"logo_uri": "javascript:x"}), Some("logo_uri")),
            (
                json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"}),
                Some("authenticates"),
            ),
            (json!({"grant_types": ["implicit", "urn:x"]}), None),
            (
                json!({"grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"],
                    "token_endpoint_auth_method": "none"}),
                Some("authenticates"),
            ),
            (json!({"token_exchange": {"targets": ["a b"]}}), Some("token_exchange.targets")),
            (json!({"token_exchange": {"identifiers": [""]}}), Some("token_exchange.identifiers")),
            (json!({"token_exchange": {"identifiers": ["urn:x"], "impersonation": true}}), None),
        ] {
            let found = check_document(&patch).err().map(|e| e.to_string());
            match (expect, &found) {
                (None, None) => {}
                (Some(part), Some(text)) if text.contains(part) => {}
                _ => panic!("{patch}: {found:?}"),
            }
        }
    }
}
