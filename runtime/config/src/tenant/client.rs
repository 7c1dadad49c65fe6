//! `[[tenant.client]]`

use std::borrow::Cow;

use oauth2::authorization::ResponseType;
use oauth2::client::{
    AuthenticationMethod, Client, ClientDocument, ClientRecord, GrantType, InvalidClient, ManagedBy,
    TokenExchangeRules,
};
use oauth2::go_duration::GoDuration;
use oauth2::security_profile::SecurityProfile;
use oauth2::settings::AccessTokenStrategy;
use primitives::{ClientId, SecretReference, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::json;
use crate::problem::Report;

/// An application that asks this tenant for tokens. The keys are the properties of the client document
/// that `/admin/clients` takes; those that have no effect here are not keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredClient {
    /// The identifier, unique in the tenant. Never changes.
    #[schemars(with = "String")]
    pub client_id: ClientId,
    /// The secret of `client_secret_basic` and `client_secret_post`, 6 to 512 bytes.
    #[serde(default)]
    pub secret: Option<SecretReference>,
    /// What people see when they are asked for consent. Without it, the identifier.
    #[serde(default)]
    pub client_name: Option<String>,
    /// How it proves who it is; `none` is a public client, such as a single-page or a native app.
    #[serde(default)]
    pub token_endpoint_auth_method: AuthenticationMethod,
    /// What it may do at the token endpoint; `implicit` for tokens from the authorization endpoint.
    #[serde(default = "default_grants")]
    pub grant_types: Vec<GrantType>,
    /// What may come back to it from the authorization endpoint, e.g. `code id_token`, where the tenant has that
    /// (`oauth2.response_types`). What is not `code` needs `implicit` among `grant_types`.
    #[serde(default = "default_response_types")]
    pub response_types: Vec<ResponseType>,
    /// Where answers may go: `https` URLs, `http` ones of a loopback address, or an app's own scheme.
    /// Compared exactly, except for the port of 127.0.0.1 and \[::1\].
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where the person may be sent after logout; compared exactly.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where its server is told that a session has ended, however it ended (`https`, or a loopback address). This file's own
    /// addresses may be inside your network.
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs to be told which session. It always is.
    #[serde(default)]
    pub backchannel_logout_session_required: Option<bool>,
    /// What the browser of whoever signs out opens of it, in a frame: of the scheme, host and port of one of `redirect_uris`.
    #[serde(default)]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether that address is given `iss` and `sid`, which say which session.
    #[serde(default)]
    pub frontchannel_logout_session_required: Option<bool>,
    /// By which names it knows people: `public`, the ids of their accounts, or `pairwise`, names that only it and others of
    /// its sector know. Without it, `public`.
    #[serde(default)]
    pub subject_type: Option<String>,
    /// Its sector: the host of this address, which this file vouches for. Without it, the one host of `redirect_uris`.
    #[serde(default)]
    pub sector_identifier_uri: Option<String>,
    /// The scopes that it may ask for, separated by spaces.
    #[serde(default = "default_scope")]
    pub scope: String,
    /// The audiences that it may ask for.
    #[serde(default)]
    pub audience: Vec<String>,
    /// The types of `authorization_details` that it may use (RFC 9396), of those that the tenant has.
    #[serde(default)]
    pub authorization_details_types: Vec<String>,
    /// Whether it is yours: nobody is asked to consent.
    #[serde(default)]
    pub skip_consent: bool,
    /// Whether nobody is asked when it signs the person out.
    #[serde(default)]
    pub skip_logout_consent: bool,
    /// The form of its access tokens. Without it, the tenant's.
    #[serde(default)]
    pub access_token_strategy: Option<AccessTokenStrategy>,
    /// Its public keys, for `private_key_jwt`, `self_signed_tls_client_auth` and for what it signs otherwise: `{ keys = [ … ] }`.
    #[serde(default)]
    pub jwks: Option<Map<String, Value>>,
    /// Where it publishes its public keys, instead of `jwks`.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// The one algorithm of its assertions, e.g. `ES256`. Without it, any that its keys allow.
    #[serde(default)]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// A published set of rules that it is held to, e.g. `fapi2-security`. Without it, as the tenant says; of two the stricter.
    #[serde(default)]
    pub security_profile: Option<SecurityProfile>,
    /// Whom its certificate names, where `token_endpoint_auth_method` is `tls_client_auth`: its whole subject as RFC 4514
    /// writes it, e.g. `CN=app,O=Example`, its last part first. Exactly one of this and the four below.
    #[serde(default)]
    pub tls_client_auth_subject_dn: Option<String>,
    /// A host name among the certificate's alternative names; no wildcard.
    #[serde(default)]
    pub tls_client_auth_san_dns: Option<String>,
    /// A URI among them; compared exactly.
    #[serde(default)]
    pub tls_client_auth_san_uri: Option<String>,
    /// An IP address among them.
    #[serde(default)]
    pub tls_client_auth_san_ip: Option<String>,
    /// An address of mail among them.
    #[serde(default)]
    pub tls_client_auth_san_email: Option<String>,
    /// Whether it gets no tokens but those that are bound to the certificate that it comes with (RFC 8705), however it proves
    /// who it is.
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// The one algorithm of the authorization requests that it signs (RFC 9101). Without it, any that its keys allow.
    #[serde(default)]
    pub request_object_signing_alg: Option<String>,
    /// What signs the answers that it asks for signed (`response_mode=jwt`, JARM): an algorithm of which the tenant has a key.
    /// Without it, what signs ID tokens.
    #[serde(default)]
    pub authorization_signed_response_alg: Option<String>,
    /// How the content key of such answers reaches it where they are also encrypted, to a key of its `jwks` or `jwks_uri`:
    /// `RSA-OAEP-256`, `ECDH-ES`, `ECDH-ES+A128KW` or `ECDH-ES+A256KW`. Such a key has `use` `enc`. Without it, they are not.
    #[serde(default)]
    pub authorization_encrypted_response_alg: Option<String>,
    /// What encrypts them: `A128CBC-HS256` (without it), `A256CBC-HS512`, `A128GCM` or `A256GCM`.
    #[serde(default)]
    pub authorization_encrypted_response_enc: Option<String>,
    /// What signs its ID tokens and logout tokens: an algorithm of which the tenant has a key. Without it, as the tenant says.
    #[serde(default)]
    pub id_token_signed_response_alg: Option<String>,
    /// Its ID tokens and logout tokens are encrypted to it: by `RSA-OAEP-256`, …, as its answers above.
    #[serde(default)]
    pub id_token_encrypted_response_alg: Option<String>,
    /// What encrypts them.
    #[serde(default)]
    pub id_token_encrypted_response_enc: Option<String>,
    /// What signs userinfo for it, which is plain JSON without it.
    #[serde(default)]
    pub userinfo_signed_response_alg: Option<String>,
    /// Signed userinfo is encrypted to it.
    #[serde(default)]
    pub userinfo_encrypted_response_alg: Option<String>,
    /// What encrypts it.
    #[serde(default)]
    pub userinfo_encrypted_response_enc: Option<String>,
    /// What signs introspection for it where it asks for that (RFC 9701). Without it, what signs ID tokens.
    #[serde(default)]
    pub introspection_signed_response_alg: Option<String>,
    /// Signed introspection is encrypted to it.
    #[serde(default)]
    pub introspection_encrypted_response_alg: Option<String>,
    /// What encrypts it.
    #[serde(default)]
    pub introspection_encrypted_response_enc: Option<String>,
    /// Where it may publish authorization requests that it has signed: `https` URLs, compared exactly, but for their fragments.
    /// What is there is fetched for each browser that brings the address.
    #[serde(default)]
    pub request_uris: Vec<String>,
    /// Whether it signs every authorization request. Without it, as the tenant says.
    #[serde(default)]
    pub require_signed_request_object: Option<bool>,
    /// Whether it may use PKCE's method `plain` (RFC 7636 section 4.2), where the tenant has that (`oauth2.pkce_plain`): for an
    /// old application that knows no `S256`. Whoever can change a request of such a client on its way chooses the method.
    #[serde(default)]
    pub pkce_plain: Option<bool>,
    /// Whether it gets no tokens but those that are bound to a key of its own (DPoP, RFC 9449). Others are bound whenever they
    /// show a key.
    #[serde(default)]
    pub dpop_bound_access_tokens: Option<bool>,
    /// What it may do with other clients' tokens, where `grant_types` let it exchange any: `config/token-exchange.md`.
    #[serde(default)]
    pub token_exchange: Option<TokenExchangeRules>,
    /// Whether its proofs of that key must hold a nonce of the server. Without it, as the tenant says.
    #[serde(default)]
    pub require_dpop_nonce: Option<bool>,
    /// Origins whose pages may read what the token endpoint and its like answer to this client, each exactly as a browser
    /// sends it, e.g. `https://app.example`.
    #[serde(default)]
    pub allowed_cors_origins: Vec<String>,
    /// A page about it, shown beside its name.
    #[serde(default)]
    pub client_uri: Option<String>,
    /// Its picture.
    #[serde(default)]
    pub logo_uri: Option<String>,
    /// Its privacy statement.
    #[serde(default)]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(default)]
    pub tos_uri: Option<String>,
    /// Who owns it; a note that the API shows.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whom to ask about it; a note that the API shows.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// Anything; the API and plugins show it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// How long an access token of the grant `authorization_code` lives. Without it, as the tenant says.
    #[serde(default)]
    pub authorization_code_grant_access_token_lifespan: Option<GoDuration>,
    /// How long an ID token of this grant lives.
    #[serde(default)]
    pub authorization_code_grant_id_token_lifespan: Option<GoDuration>,
    /// How long a refresh token of this grant lives.
    #[serde(default)]
    pub authorization_code_grant_refresh_token_lifespan: Option<GoDuration>,
    /// How long an access token of the grant `refresh_token` lives.
    #[serde(default)]
    pub refresh_token_grant_access_token_lifespan: Option<GoDuration>,
    /// How long an ID token of this grant lives.
    #[serde(default)]
    pub refresh_token_grant_id_token_lifespan: Option<GoDuration>,
    /// How long a refresh token of this grant lives.
    #[serde(default)]
    pub refresh_token_grant_refresh_token_lifespan: Option<GoDuration>,
    /// How long an access token of the grant `client_credentials` lives.
    #[serde(default)]
    pub client_credentials_grant_access_token_lifespan: Option<GoDuration>,
    /// How long an access token lives that comes back from the authorization endpoint.
    #[serde(default)]
    pub implicit_grant_access_token_lifespan: Option<GoDuration>,
    /// How long an ID token lives that comes back from there.
    #[serde(default)]
    pub implicit_grant_id_token_lifespan: Option<GoDuration>,
    /// How long an access token of the JWT bearer grant lives.
    #[serde(default)]
    pub jwt_bearer_grant_access_token_lifespan: Option<GoDuration>,
    /// How long an access token of the device grant lives.
    #[serde(default)]
    pub device_authorization_grant_access_token_lifespan: Option<GoDuration>,
    /// How long an ID token of this grant lives.
    #[serde(default)]
    pub device_authorization_grant_id_token_lifespan: Option<GoDuration>,
    /// How long a refresh token of this grant lives.
    #[serde(default)]
    pub device_authorization_grant_refresh_token_lifespan: Option<GoDuration>,
}

fn default_grants() -> Vec<GrantType> {
    vec![GrantType::AuthorizationCode]
}

fn default_response_types() -> Vec<ResponseType> {
    vec![ResponseType::Code]
}

fn default_scope() -> String {
    "openid offline_access offline".to_owned()
}

impl DeclaredClient {
    /// The client document that these keys say, with the defaults of a new client and without a secret.
    pub fn document(&self) -> Result<ClientDocument, serde_json::Error> {
        let Value::Object(mut properties) = serde_json::to_value(self)? else {
            return Ok(ClientDocument::default());
        };
        // `null` says something else than silence in a client document.
        properties.retain(|name, value| name != "secret" && !value.is_null());
        let document: ClientDocument = serde_json::from_value(Value::Object(properties))?;
        Ok(document.with_defaults())
    }

    /// Checks it, as a client of a tenant with this profile.
    pub(super) fn check(&self, profile: Option<SecurityProfile>, report: &mut Report<'_>) {
        if let Some(wrong) = self.refused(profile) {
            report(&self.place(&wrong), wrong.to_string());
        }
        match (self.token_endpoint_auth_method.uses_secret(), &self.secret) {
            (true, None) => report(
                "token_endpoint_auth_method",
                format!(
                    "`{}` needs `secret = {{ file = \"…\" }}` or {{ env = \"…\" }}; a public client says `none`",
                    self.token_endpoint_auth_method.as_str()
                ),
            ),
            (false, Some(_)) => report(
                "secret",
                format!(
                    "has no use: `token_endpoint_auth_method` is `{}`",
                    self.token_endpoint_auth_method.as_str()
                ),
            ),
            (true, Some(_)) | (false, None) => {}
        }
        if self.grant_types.contains(&GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            report("redirect_uris", InvalidClient::NoRedirectUri.to_string());
        }
        json::check_object("metadata", &self.metadata, report);
    }

    /// What the authorization server has against it.
    fn refused(&self, profile: Option<SecurityProfile>) -> Option<InvalidClient> {
        let document = match self.document() {
            // What its tenant asks of everybody, it asks of itself.
            Ok(document) => ClientDocument {
                security_profile: self
                    .security_profile
                    .max(profile)
                    .map(|profile| profile.as_str().to_owned()),
                ..document
            },
            Err(error) => return Some(InvalidClient::Keys(error.to_string())),
        };
        let never = Timestamp::from_seconds(0);
        let record = ClientRecord {
            document,
            secrets: Vec::new(),
            managed_by: ManagedBy::File,
            enabled: true,
            created_at: never,
            updated_at: never,
            not_before: never,
            version: 1,
            registration: None,
        };
        Client::check(record).and_then(|client| client.check_frontchannel_logout()).err()
    }

    /// The key that is wrong; the very element where it is a list.
    fn place(&self, wrong: &InvalidClient) -> Cow<'static, str> {
        let property = wrong.property();
        if let InvalidClient::RedirectUri { uri, .. } = wrong {
            let list = if property == "redirect_uris" {
                &self.redirect_uris
            } else {
                &self.post_logout_redirect_uris
            };
            // The error holds at most 200 characters of it.
            if let Some(index) = list.iter().position(|listed| listed.starts_with(uri.as_str())) {
                return format!("{property}[{index}]").into();
            }
        }
        if property == "client_secret" { "secret".into() } else { property.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DeclaredClient {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn document_has_the_defaults_of_a_new_client_and_no_secret() {
        let declared =
            read("client_id = \"a\"\nsecret = { env = \"S\" }\nredirect_uris = [\"https://a.example/cb\"]");
        let expect: ClientDocument = serde_json::from_value(serde_json::json!({
            "client_id": "a",
            "redirect_uris": ["https://a.example/cb"],
            "scope": "openid offline_access offline",
            "post_logout_redirect_uris": [],
            "request_uris": [],
            "authorization_details_types": [],
            "skip_logout_consent": false,
        }))
        .unwrap();
        assert_eq!(declared.document().unwrap(), expect.with_defaults());
    }

    #[test]
    fn keys_reach_the_document() {
        let declared = read(
            "client_id = \"a\"\nclient_name = \"A\"\ntoken_endpoint_auth_method = \"private_key_jwt\"\n\
             grant_types = [\"client_credentials\"]\njwks = { keys = [] }\nmetadata = { plan = \"team\" }\n\
             access_token_strategy = \"opaque\"\nclient_credentials_grant_access_token_lifespan = \"5m\"\n\
             subject_type = \"pairwise\"\nbackchannel_logout_uri = \"https://a.example/out\"",
        );
        let document = serde_json::to_value(declared.document().unwrap()).unwrap();
        for (property, expect) in [
            ("client_name", serde_json::json!("A")),
            ("token_endpoint_auth_method", serde_json::json!("private_key_jwt")),
            ("grant_types", serde_json::json!(["client_credentials"])),
            ("jwks", serde_json::json!({"keys": []})),
            ("metadata", serde_json::json!({"plan": "team"})),
            ("access_token_strategy", serde_json::json!("opaque")),
            ("subject_type", serde_json::json!("pairwise")),
            ("backchannel_logout_uri", serde_json::json!("https://a.example/out")),
            ("client_credentials_grant_access_token_lifespan", serde_json::json!("5m0s")),
        ] {
            assert_eq!(document[property], expect, "{property}");
        }
    }

    /// Properties of the document that are no keys, and why.
    const NO_KEYS: [(&str, &str); 5] = [
        ("client_secret_expires_at", "secrets do not expire"),
        ("registration_access_token", "of clients that register themselves"),
        ("registration_client_uri", "of clients that register themselves"),
        ("created_at", "kept by the node"),
        ("updated_at", "kept by the node"),
    ];

    #[test]
    fn every_property_is_a_key_or_has_a_reason() {
        let mut full = serde_json::json!({
            "client_id": "a", "jwks_uri": "x", "jwks": {}, "token_endpoint_auth_signing_alg": "x",
            "request_object_signing_alg": "x", "request_uris": [], "sector_identifier_uri": "x",
            "post_logout_redirect_uris": [], "frontchannel_logout_uri": "x",
            "frontchannel_logout_session_required": true, "backchannel_logout_uri": "x",
            "backchannel_logout_session_required": true, "access_token_strategy": "jwt",
            "registration_access_token": "x", "registration_client_uri": "x",
            "dpop_bound_access_tokens": true, "require_dpop_nonce": true, "require_signed_request_object": true,
            "authorization_signed_response_alg": "x", "authorization_details_types": ["payment"],
            "tls_client_auth_subject_dn": "x", "tls_client_auth_san_dns": "x", "tls_client_auth_san_uri": "x",
            "tls_client_auth_san_ip": "x", "tls_client_auth_san_email": "x",
            "tls_client_certificate_bound_access_tokens": true, "pkce_plain": true,
            "token_exchange": { "identifiers": [], "targets": [], "impersonation": false },
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        });
        let protected = [
            "authorization_encrypted_response_alg",
            "authorization_encrypted_response_enc",
            "id_token_signed_response_alg",
            "id_token_encrypted_response_alg",
            "id_token_encrypted_response_enc",
            "userinfo_signed_response_alg",
            "userinfo_encrypted_response_alg",
            "userinfo_encrypted_response_enc",
            "introspection_signed_response_alg",
            "introspection_encrypted_response_alg",
            "introspection_encrypted_response_enc",
            "security_profile",
        ];
        full.as_object_mut().unwrap().extend(protected.map(|name| (name.to_owned(), "x".into())));
        let full: ClientDocument = serde_json::from_value(full).unwrap();
        let full = serde_json::to_value(full).unwrap();
        let schema = schemars::schema_for!(DeclaredClient).to_value();
        let keys = schema["properties"].as_object().unwrap();
        for property in full.as_object().unwrap().keys() {
            let excused = NO_KEYS.iter().any(|(name, _)| name == property);
            assert_ne!(keys.contains_key(property), excused, "{property}");
        }
        for key in keys.keys().filter(|key| *key != "secret") {
            assert!(full.get(key).is_some(), "{key} is no property");
        }
    }
}
