//! The client as it travels: the `oAuth2Client` document of the Hydra API (v26.2).
//!
//! Every property comes back as it was given: infrastructure tools send whole documents and compare. A
//! list that was `null` stays `null`, one that was left out is `[]`, a lifespan that is not set is `null`.

use std::time::Duration;

use primitives::{ClientId, Secret, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::InvalidClient;
use super::responses::ResponseProtection;
use super::token_exchange::TokenExchangeRules;
use crate::go_duration::GoDuration;

/// An OAuth client, on the wire and as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientDocument {
    /// The identifier; generated if absent at creation, immutable after.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub client_id: Option<ClientId>,
    /// What people see.
    #[serde(deserialize_with = "null_as_default")]
    pub client_name: String,
    /// The secret, only on its way in.
    #[serde(skip_serializing)]
    pub client_secret: Option<Secret<String>>,
    /// Where answers may go; compared exactly.
    pub redirect_uris: Option<Vec<String>>,
    /// Which grants the client may use.
    pub grant_types: Option<Vec<String>>,
    /// Which response types the client may use.
    pub response_types: Option<Vec<String>>,
    /// The scopes that the client may ask for.
    #[serde(deserialize_with = "null_as_default")]
    pub scope: String,
    /// The audiences that the client may ask for.
    pub audience: Option<Vec<String>>,
    /// The types of `authorization_details` that the client may use (RFC 9396 section 10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details_types: Option<Vec<String>>,
    /// Who owns the client.
    #[serde(deserialize_with = "null_as_default")]
    pub owner: String,
    /// A page about privacy.
    #[serde(deserialize_with = "null_as_default")]
    pub policy_uri: String,
    /// Origins whose scripts may read what this client is answered, each exactly as a browser sends it.
    pub allowed_cors_origins: Option<Vec<String>>,
    /// A page with the terms of service.
    #[serde(deserialize_with = "null_as_default")]
    pub tos_uri: String,
    /// A page about the client.
    #[serde(deserialize_with = "null_as_default")]
    pub client_uri: String,
    /// A picture of the client.
    #[serde(deserialize_with = "null_as_default")]
    pub logo_uri: String,
    /// People to ask.
    pub contacts: Option<Vec<String>>,
    /// Always 0: secrets do not expire.
    #[serde(deserialize_with = "null_as_default")]
    pub client_secret_expires_at: i64,
    /// How subjects are named: `public`, by their ids, or `pairwise`, by names that only the client's sector knows.
    #[serde(deserialize_with = "null_as_default")]
    pub subject_type: String,
    /// Where the client publishes its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The client's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// How the client authenticates.
    #[serde(deserialize_with = "null_as_default")]
    pub token_endpoint_auth_method: String,
    /// The algorithm of the client's assertions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Whom the client's certificate names, by its whole subject (RFC 8705 section 2.1.2); exactly one of these five.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// By a host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    /// By a URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    /// By an IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    /// By an address of mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    /// Whether the client's access tokens are bound to its certificate (RFC 8705 section 3.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// The published rules that the client is held to, e.g. `fapi2-security`; absent for those of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<String>,
    /// The one algorithm of the client's request objects; absent for any that its keys allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    /// What signs the answers of the authorization endpoint to the client (JARM section 3); absent for the tenant's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<String>,
    /// Where the client may publish request objects; compared exactly, but for their fragments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_uris: Option<Vec<String>>,
    /// Whether the client pushes every authorization request (RFC 9126 section 6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    /// Whether the client signs every authorization request (RFC 9101 section 10.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_signed_request_object: Option<bool>,
    /// Whether the client may use PKCE's method `plain` (RFC 7636 section 4.2) where its tenant has that; of the operator alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkce_plain: Option<bool>,
    /// Whether the client's access tokens are always bound to a key (RFC 9449 section 5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens: Option<bool>,
    /// What the client may do with others' tokens (RFC 8693); of the operator alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_exchange: Option<TokenExchangeRules>,
    /// Whether the client's proofs must hold a nonce of ours (RFC 9449 section 8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_dpop_nonce: Option<bool>,
    /// With which other clients it shares the names of subjects: an address that answers with a list of all their redirect URIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// How userinfo answers: `none` is plain JSON.
    #[serde(deserialize_with = "null_as_default")]
    pub userinfo_signed_response_alg: String,
    /// What signs and encrypts what the client is told.
    #[serde(flatten)]
    pub responses: ResponseProtection,
    /// Where the person may be sent after logout; compared exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Front-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether front-channel logout wants `sid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_session_required: Option<bool>,
    /// Back-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether back-channel logout wants `sid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
    /// Free JSON.
    pub metadata: Value,
    /// `jwt` or `opaque`; absent for the tenant's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_strategy: Option<String>,
    /// First party: nobody is asked.
    #[serde(deserialize_with = "null_as_default")]
    pub skip_consent: bool,
    /// First party: logout asks nobody.
    pub skip_logout_consent: Option<bool>,
    /// For dynamic registration, only at creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_access_token: Option<String>,
    /// For dynamic registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_client_uri: Option<String>,
    /// When it was made; ignored on the way in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it was changed; ignored on the way in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Lifespans that differ from the tenant's.
    #[serde(flatten)]
    pub lifespans: Lifespans,
}

/// Lifespans by grant and token; `None` takes the tenant's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each name says all: <grant>_<token>_lifespan")]
pub struct Lifespans {
    pub authorization_code_grant_access_token_lifespan: Option<GoDuration>,
    pub authorization_code_grant_id_token_lifespan: Option<GoDuration>,
    pub authorization_code_grant_refresh_token_lifespan: Option<GoDuration>,
    pub client_credentials_grant_access_token_lifespan: Option<GoDuration>,
    pub device_authorization_grant_access_token_lifespan: Option<GoDuration>,
    pub device_authorization_grant_id_token_lifespan: Option<GoDuration>,
    pub device_authorization_grant_refresh_token_lifespan: Option<GoDuration>,
    pub implicit_grant_access_token_lifespan: Option<GoDuration>,
    pub implicit_grant_id_token_lifespan: Option<GoDuration>,
    pub jwt_bearer_grant_access_token_lifespan: Option<GoDuration>,
    pub refresh_token_grant_access_token_lifespan: Option<GoDuration>,
    pub refresh_token_grant_id_token_lifespan: Option<GoDuration>,
    pub refresh_token_grant_refresh_token_lifespan: Option<GoDuration>,
}

impl Lifespans {
    /// The longest of those of tokens that a key of the tenant signs, of the grants that are served. Access
    /// tokens count in any form: the client may have had signed ones a moment ago.
    pub fn longest_signed(&self) -> Option<Duration> {
        let signed = [
            self.authorization_code_grant_access_token_lifespan,
            self.authorization_code_grant_id_token_lifespan,
            self.client_credentials_grant_access_token_lifespan,
            self.device_authorization_grant_access_token_lifespan,
            self.device_authorization_grant_id_token_lifespan,
            self.implicit_grant_access_token_lifespan,
            self.implicit_grant_id_token_lifespan,
            self.jwt_bearer_grant_access_token_lifespan,
            self.refresh_token_grant_access_token_lifespan,
            self.refresh_token_grant_id_token_lifespan,
        ];
        signed.into_iter().flatten().map(|lifespan| lifespan.0).max()
    }
}

impl Default for ClientDocument {
    fn default() -> Self {
        Self {
            client_id: None,
            client_name: String::new(),
            client_secret: None,
            redirect_uris: Some(Vec::new()),
            grant_types: None,
            response_types: None,
            scope: String::new(),
            audience: Some(Vec::new()),
            authorization_details_types: None,
            owner: String::new(),
            policy_uri: String::new(),
            allowed_cors_origins: Some(Vec::new()),
            tos_uri: String::new(),
            client_uri: String::new(),
            logo_uri: String::new(),
            contacts: Some(Vec::new()),
            client_secret_expires_at: 0,
            subject_type: String::new(),
            jwks_uri: None,
            jwks: None,
            token_endpoint_auth_method: String::new(),
            token_endpoint_auth_signing_alg: None,
            tls_client_auth_subject_dn: None,
            tls_client_auth_san_dns: None,
            tls_client_auth_san_uri: None,
            tls_client_auth_san_ip: None,
            tls_client_auth_san_email: None,
            tls_client_certificate_bound_access_tokens: None,
            security_profile: None,
            request_object_signing_alg: None,
            authorization_signed_response_alg: None,
            request_uris: None,
            require_pushed_authorization_requests: None,
            require_signed_request_object: None,
            pkce_plain: None,
            token_exchange: None,
            dpop_bound_access_tokens: None,
            require_dpop_nonce: None,
            sector_identifier_uri: None,
            userinfo_signed_response_alg: String::new(),
            responses: ResponseProtection::default(),
            post_logout_redirect_uris: None,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: None,
            backchannel_logout_uri: None,
            backchannel_logout_session_required: None,
            metadata: Value::Object(Map::new()),
            access_token_strategy: None,
            skip_consent: false,
            skip_logout_consent: None,
            registration_access_token: None,
            registration_client_uri: None,
            created_at: None,
            updated_at: None,
            lifespans: Lifespans::default(),
        }
    }
}

impl ClientDocument {
    /// Fills in what a new client has when its document does not say, as the API that we are
    /// compatible with does.
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        let fill = |text: &mut String, default: &str| {
            if text.is_empty() {
                default.clone_into(text);
            }
        };
        let fill_list = |list: &mut Option<Vec<String>>, default: &str| {
            if list.as_ref().is_none_or(Vec::is_empty) {
                *list = Some(vec![default.to_owned()]);
            }
        };
        fill(&mut self.scope, "offline_access offline openid");
        fill(&mut self.subject_type, "public");
        fill(&mut self.token_endpoint_auth_method, "client_secret_basic");
        fill(&mut self.userinfo_signed_response_alg, "none");
        fill_list(&mut self.grant_types, "authorization_code");
        fill_list(&mut self.response_types, "code");
        self
    }
}

impl ClientDocument {
    /// Where the client is told that a session has ended. An empty address is none.
    pub fn backchannel_logout_uri(&self) -> Option<&str> {
        self.backchannel_logout_uri.as_deref().filter(|uri| !uri.is_empty())
    }

    /// The keys that it has written down itself. An empty object is how the API that we are compatible with says "no keys".
    pub(crate) fn own_keys(&self) -> Option<&Value> {
        self.jwks
            .as_ref()
            .filter(|keys| !keys.is_null() && keys.as_object().is_none_or(|keys| !keys.is_empty()))
    }

    /// Where it publishes its keys.
    pub(crate) fn keys_uri(&self) -> Option<&str> {
        self.jwks_uri.as_deref().filter(|uri| !uri.is_empty())
    }

    /// A method by which the client proves that it holds a key needs keys.
    pub(crate) fn check_has_keys(&self, method: &'static str) -> Result<(), InvalidClient> {
        let has_keys = self.own_keys().is_some() || self.keys_uri().is_some();
        if has_keys { Ok(()) } else { Err(InvalidClient::NoKeys(method)) }
    }

    /// What the browser opens in the client when a session ends.
    pub fn frontchannel_logout_uri(&self) -> Option<&str> {
        self.frontchannel_logout_uri.as_deref().filter(|uri| !uri.is_empty())
    }
}

/// A client document together with its secret, which is shown once.
#[derive(Debug, Serialize)]
pub struct CreatedClient<'a> {
    /// The document.
    #[serde(flatten)]
    pub document: &'a ClientDocument,
    /// The secret in clear, right after it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<&'a str>,
}

fn null_as_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(d).map(Option::unwrap_or_default)
}

fn empty_as_none<'de, D: Deserializer<'de>>(d: D) -> Result<Option<ClientId>, D::Error> {
    let text = Option::<String>::deserialize(d)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(input: &Value) -> Value {
        serde_json::to_value(serde_json::from_value::<ClientDocument>(input.clone()).unwrap()).unwrap()
    }

    #[test]
    fn every_property_comes_back_as_it_was_given() {
        let input = serde_json::json!({
            "client_id": "c", "client_name": "n", "redirect_uris": ["https://a.example/cb"],
            "grant_types": ["authorization_code"], "response_types": ["code"], "scope": "openid",
            "audience": ["https://api.example"], "authorization_details_types": ["payment"], "owner": "o", "policy_uri": "https://a.example/p",
            "allowed_cors_origins": ["https://a.example"], "tos_uri": "https://a.example/t",
            "client_uri": "https://a.example", "logo_uri": "https://a.example/l", "contacts": ["x@a.example"],
            "client_secret_expires_at": 0, "subject_type": "public", "jwks_uri": "https://a.example/jwks",
            "jwks": {"keys": []}, "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256", "request_object_signing_alg": "ES256",
            "require_signed_request_object": true, "authorization_signed_response_alg": "ES256", "pkce_plain": true,
            "tls_client_auth_subject_dn": "CN=a", "tls_client_auth_san_dns": "a.example",
            "tls_client_auth_san_uri": "urn:a", "tls_client_auth_san_ip": "192.0.2.1",
            "tls_client_auth_san_email": "a@a.example", "tls_client_certificate_bound_access_tokens": true,
            "security_profile": "fapi2-security",
            "request_uris": ["https://a.example/r"],
            "token_exchange": {"identifiers": ["https://a.example/api"], "impersonation": true},
            "dpop_bound_access_tokens": true, "require_dpop_nonce": false, "sector_identifier_uri": "https://a.example/s",
            "userinfo_signed_response_alg": "none",
            "id_token_signed_response_alg": "RS256", "id_token_encrypted_response_alg": "ECDH-ES",
            "id_token_encrypted_response_enc": "A256GCM", "userinfo_encrypted_response_alg": "RSA-OAEP-256",
            "userinfo_encrypted_response_enc": "A128GCM", "introspection_signed_response_alg": "ES256",
            "introspection_encrypted_response_alg": "ECDH-ES", "introspection_encrypted_response_enc": "A256GCM",
            "authorization_encrypted_response_alg": "ECDH-ES", "authorization_encrypted_response_enc": "A256GCM",
            "post_logout_redirect_uris": ["https://a.example/bye"],
            "frontchannel_logout_uri": "https://a.example/f", "frontchannel_logout_session_required": true,
            "backchannel_logout_uri": "https://a.example/b", "backchannel_logout_session_required": true,
            "metadata": {"k": [1, null]}, "access_token_strategy": "opaque", "skip_consent": true,
            "skip_logout_consent": false, "registration_access_token": "t",
            "registration_client_uri": "https://a.example/reg",
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00.5Z",
            "authorization_code_grant_access_token_lifespan": "1h0m0s",
            "authorization_code_grant_id_token_lifespan": "1h0m0s",
            "authorization_code_grant_refresh_token_lifespan": null,
            "client_credentials_grant_access_token_lifespan": "30m0s",
            "device_authorization_grant_access_token_lifespan": null,
            "device_authorization_grant_id_token_lifespan": null,
            "device_authorization_grant_refresh_token_lifespan": null,
            "implicit_grant_access_token_lifespan": null, "implicit_grant_id_token_lifespan": null,
            "jwt_bearer_grant_access_token_lifespan": null,
            "refresh_token_grant_access_token_lifespan": null, "refresh_token_grant_id_token_lifespan": null,
            "refresh_token_grant_refresh_token_lifespan": "720h0m0s"
        });
        assert_eq!(round_trip(&input), input);
    }

    #[test]
    fn null_list_stays_null_and_absent_one_is_empty() {
        let back = round_trip(&serde_json::json!({"redirect_uris": null, "metadata": null}));
        assert_eq!(back["redirect_uris"], Value::Null);
        assert_eq!(back["audience"], serde_json::json!([]));
        assert_eq!(back["metadata"], Value::Null);
        assert_eq!(round_trip(&serde_json::json!({}))["metadata"], serde_json::json!({}));
        assert_eq!(round_trip(&serde_json::json!({"client_name": null, "client_id": ""}))["client_name"], "");
    }

    #[test]
    fn secret_never_leaves_with_the_document() {
        let back = round_trip(&serde_json::json!({"client_secret": "s3cret"}));
        assert_eq!(back.get("client_secret"), None);
    }
}
