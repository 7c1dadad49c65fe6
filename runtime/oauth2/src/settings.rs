//! What a tenant may set about its authorization server.

use std::collections::BTreeMap;

use jose::SigningAlgorithm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::authorization::ResponseType;
use crate::credential::CredentialSettings;
use crate::details::DetailsType;
use crate::go_duration::GoDuration;
use crate::mtls::CertificateSettings;
use crate::protected_resource::ProtectedResource;
use crate::registration::RegistrationSettings;
use crate::security_profile::SecurityProfile;
use crate::step_up::StepUp;
use crate::token_format::DEFAULT_PREFIX;
use crate::token_webhook::TokenHookSettings;

/// How this tenant's authorization server behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The form of access tokens, unless a client's `access_token_strategy` says otherwise.
    pub access_token_strategy: AccessTokenStrategy,
    /// The first word of the prefixes of opaque tokens (`ory_at_…`, `ory_rt_…`), of client secrets that are made here and of registration
    /// tokens: 2 to 16 lower-case letters and digits, by which secret scanners know them as yours (`config/tokens.md`). Tokens that
    /// were made under another word stay good.
    pub token_prefix: String,
    /// What signs access tokens. A key of an algorithm that is new to the tenant is published before it
    /// signs (`keys.rotation.publish_ahead_seconds`); until then any other of its keys does.
    pub access_token_signing_algorithm: SigningAlgorithm,
    /// What signs ID tokens; the same holds for it.
    pub id_token_signing_algorithm: SigningAlgorithm,
    /// Who must use PKCE (RFC 7636), by `S256`.
    pub pkce: PkcePolicy,
    /// Whether a client whose own `pkce_plain` says so may use the method `plain` (RFC 7636 section 4.2), which a request without
    /// `code_challenge_method` asks for too: for an old application that knows nothing else. What should be secret then stands
    /// in the request itself, in the browser's history and in logs; RFC 9700 section 2.1.1 tells against it.
    pub pkce_plain: bool,
    /// How long a code may wait to be redeemed.
    pub authorization_code_lifespan: GoDuration,
    /// How long an access token lives.
    pub access_token_lifespan: GoDuration,
    /// How long an ID token lives.
    pub id_token_lifespan: GoDuration,
    /// How long a refresh token lives; each rotation starts it anew.
    pub refresh_token_lifespan: GoDuration,
    /// For how long after its rotation a refresh token still gives the same successor, so that two
    /// requests at once, or one repeated after a lost answer, are not taken for theft. `0s` turns it off.
    pub refresh_token_grace: GoDuration,
    /// Whether every authorization request must be pushed by its client (RFC 9126). A client can ask that of itself
    /// (`require_pushed_authorization_requests`).
    pub require_pushed_authorization_requests: bool,
    /// How long a pushed request waits for the browser that brings its reference.
    pub pushed_request_lifespan: GoDuration,
    /// What may come back from the authorization endpoint; a client may use of it what its own `response_types` and
    /// `grant_types` name (`implicit` for all that is not `code`). What is not `code` goes through the browser, where it is
    /// bound to nothing: it is in the history, in whatever script runs on the page, and cannot be taken back from there. RFC 9700
    /// section 2.1.2 tells against every type with `token`, and OAuth 2.1 has none of them. `code id_token` and `id_token`
    /// give no access away; for an old application that knows nothing else, name that one type.
    pub response_types: Vec<ResponseType>,
    /// Whether a client whose `grant_types` names `password` may sign people in by the passwords that they type into it (RFC 6749 section
    /// 4.3): for an old application that knows nothing else. RFC 9700 section 2.4 forbids it, and OAuth 2.1 has none. Whoever has a
    /// second factor, or would be asked anything else, is refused; attempts count as those of the sign-in form do.
    pub password_grant: bool,
    /// Whether every authorization request must be signed by its client (RFC 9101), by itself or as what it pushes. A client
    /// can ask that of itself (`require_signed_request_object`).
    pub require_signed_request_object: bool,
    /// The longest `exp` accepted in a signed request, counted from its `iat`, or from now where it has none; an hour at most.
    pub request_object_lifespan: GoDuration,
    /// How long a device waits for a person to enter its code and answer (RFC 8628); an hour at most. The shorter, the fewer
    /// codes there are to guess.
    pub device_code_lifespan: GoDuration,
    /// How long a device waits between two questions whether it was answered; whole seconds, a minute at most.
    pub device_poll_interval: GoDuration,
    /// How long a person may take to sign in and consent.
    pub interaction_lifespan: GoDuration,
    /// How long a remembered consent holds; absent: until it is revoked.
    pub consent_lifespan: Option<GoDuration>,
    /// The longest `exp` accepted in an assertion, a client's or one for a grant (RFC 7523), counted from now.
    pub client_assertion_lifespan: GoDuration,
    /// Whether every DPoP proof must hold a nonce of ours (RFC 9449 sections 8 and 9), which costs a client a second request
    /// every few minutes. A client can ask that of itself (`require_dpop_nonce`). Tokens are bound where their client sends
    /// a proof; one that must always (`dpop_bound_access_tokens`) says so in its own document.
    pub require_dpop_nonce: bool,
    /// For how long after it was made a DPoP proof is taken (RFC 9449 section 11.1); five minutes at most.
    pub dpop_proof_lifespan: GoDuration,
    /// A published set of rules that every client here is held to, all of them at once; a client can ask that of itself
    /// (`security_profile`): `config/security-profiles.md`.
    pub security_profile: Option<SecurityProfile>,
    /// The certificates of clients.
    pub client_certificates: CertificateSettings,
    /// Verifiable credentials.
    pub credentials: CredentialSettings,
    /// What `/userinfo` and `/credentials` ask of the sign-in behind a token (RFC 9470): whose is less or older is told so
    /// (`insufficient_user_authentication`).
    pub userinfo_step_up: StepUp,
    /// The scopes that discovery names. A client may use what its own `scope` lists.
    pub scopes_supported: Vec<String>,
    /// What scopes of your own let a client do, by scope and language, as it stands in a list on the page where somebody is
    /// asked: `{ "reports:read" = { en = "Read your reports", de = "Ihre Berichte lesen" } }`. It stands before our own words.
    pub scope_descriptions: BTreeMap<String, BTreeMap<String, String>>,
    /// The resources (RFC 8707) that every client may ask for, e.g. your MCP servers; beside those of its own `audience`.
    /// Absolute URIs without fragment, spelt as the resource server names itself: that stands in `aud`.
    pub resources: Vec<String>,
    /// What clients may ask for that no scope says (RFC 9396), each those of its `authorization_details_types`:
    /// `config/requests.md`.
    pub authorization_details_types: Vec<DetailsType>,
    /// Pages of the tenant's own in place of ours, by the Hydra API: `config/own-login.md`.
    pub urls: Urls,
    /// How long a sign-in at a login app (`urls.login`) lasts: what was granted in it without `offline_access` ends with it.
    /// A browser that is to be remembered for longer is.
    pub login_session_lifespan: GoDuration,
    /// Where a client sends the person after logout when it named no address of its own.
    pub post_logout_redirect_uri: Option<String>,
    /// The APIs that take this tenant's tokens: how they are described to apps (RFC 9728), and which clients ask about tokens in
    /// their name.
    pub protected_resources: Vec<ProtectedResource>,
    /// How clients register themselves.
    pub registration: RegistrationSettings,
    /// A server of your own that is asked before tokens are made, as Hydra's `oauth2.token_hook` is: `config/token-hook.md`.
    pub token_hook: Option<TokenHookSettings>,
    /// Whether signed access tokens have what a consent app, the token hook and plugins add under `ext` besides, for services that look
    /// for it there, where Hydra has it (its `oauth2.mirror_top_level_claims`). It stands beside the other claims either way, and under `ext`
    /// in what introspection answers.
    pub claims_in_ext: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_token_strategy: AccessTokenStrategy::Jwt,
            token_prefix: DEFAULT_PREFIX.to_owned(),
            access_token_signing_algorithm: SigningAlgorithm::Es256,
            id_token_signing_algorithm: SigningAlgorithm::Es256,
            pkce: PkcePolicy::All,
            pkce_plain: false,
            authorization_code_lifespan: GoDuration::minutes(1),
            access_token_lifespan: GoDuration::hours(1),
            id_token_lifespan: GoDuration::hours(1),
            refresh_token_lifespan: GoDuration::hours(720),
            refresh_token_grace: GoDuration::seconds(10),
            require_pushed_authorization_requests: false,
            pushed_request_lifespan: GoDuration::seconds(90),
            response_types: vec![ResponseType::Code],
            password_grant: false,
            require_signed_request_object: false,
            request_object_lifespan: GoDuration::minutes(10),
            device_code_lifespan: GoDuration::minutes(10),
            device_poll_interval: GoDuration::seconds(5),
            interaction_lifespan: GoDuration::minutes(30),
            consent_lifespan: None,
            client_assertion_lifespan: GoDuration::minutes(10),
            require_dpop_nonce: false,
            dpop_proof_lifespan: GoDuration::minutes(1),
            security_profile: None,
            client_certificates: CertificateSettings::default(),
            credentials: CredentialSettings::default(),
            userinfo_step_up: StepUp::default(),
            scopes_supported: ["openid", "profile", "email", "phone", "address", "offline_access", "offline"]
                .map(str::to_owned)
                .to_vec(),
            scope_descriptions: BTreeMap::new(),
            resources: Vec::new(),
            authorization_details_types: Vec::new(),
            urls: Urls::default(),
            login_session_lifespan: GoDuration::hours(720),
            post_logout_redirect_uri: None,
            protected_resources: Vec::new(),
            registration: RegistrationSettings::default(),
            token_hook: None,
            claims_in_ext: false,
        }
    }
}

/// Pages of the tenant's own, each in place of one of ours. The browser goes there with a challenge that the app shows to
/// the admin API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Urls {
    /// Who signs people in: `?login_challenge=` is appended. Without it they sign in with the tenant's identities.
    pub login: Option<String>,
    /// Who asks them for their consent: `?consent_challenge=` is appended.
    pub consent: Option<String>,
    /// Who asks whether they want to sign out: `?logout_challenge=` is appended.
    pub logout: Option<String>,
    /// Who shows what no client can be told: `?error=` and `error_description=` are appended.
    pub error: Option<String>,
    /// The pages of devices without a browser.
    pub device: DeviceUrls,
}

/// The pages of devices without a browser (RFC 8628).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceUrls {
    /// Who asks for the code that a device shows: `?device_challenge=` is appended, and `user_code=` where the device's own
    /// address has it.
    pub verification: Option<String>,
}

/// The form of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenStrategy {
    /// Signed (RFC 9068): a resource server checks them by itself.
    Jwt,
    /// A random reference: only introspection tells what it stands for, and revocation is at once.
    Opaque,
}

/// Who must use PKCE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PkcePolicy {
    /// Every client (RFC 9700 section 2.1.1).
    All,
    /// Only clients without a secret; for old confidential clients that cannot.
    PublicClients,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_setting_is_refused_and_missing_ones_have_defaults() {
        let some: Settings = serde_json::from_str(r#"{"pkce": "public_clients"}"#).unwrap();
        assert_eq!(some, Settings { pkce: PkcePolicy::PublicClients, ..Settings::default() });
        assert!(serde_json::from_str::<Settings>(r#"{"pcke": "all"}"#).is_err());
    }
}
