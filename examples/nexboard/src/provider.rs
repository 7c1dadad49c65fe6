//! The OpenID provider, as this app knows it: its metadata, its keys, and the requests that go there.
//!
//! What a browser brings is in [`crate::callback`]; what a token must satisfy is in [`crate::person`].

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreIdToken, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AdditionalProviderMetadata, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, DiscoveryError, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl,
    JsonWebKeySetUrl, LogoutProviderMetadata, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadata, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardErrorResponse, SubjectIdentifier, UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

use crate::clock::Clock;
use crate::http_client::{HttpClient, HttpError};
use crate::settings::{Settings, is_safe};
use crate::sign_in_error::{Refusal, SignInError};

/// Asymmetric only: with an HMAC every holder of the client secret could make ID tokens.
const ACCEPTED_ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
];

/// A token with an unknown key makes us fetch the keys again, but not more often than this.
const KEYS_ARE_FRESH_FOR: TimeDelta = TimeDelta::seconds(30);

type Metadata = ProviderMetadata<
    LogoutProviderMetadata<IssParameter>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Whether authorization responses carry `iss` (RFC 9207, section 3).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct IssParameter {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for IssParameter {}

/// Claims that the library has no field for, such as those that a plugin added.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Further {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for Further {}

/// The provider, after discovery.
#[derive(Debug)]
pub struct Provider {
    http: HttpClient,
    clock: Clock,
    client: Client,
    issuer: IssuerUrl,
    scopes: Vec<Scope>,
    sends_iss: bool,
    has_userinfo: bool,
    end_session: Option<EndSessionUrl>,
    after_logout: PostLogoutRedirectUrl,
    keys_url: JsonWebKeySetUrl,
    keys: Mutex<Keys>,
}

#[derive(Debug)]
struct Keys {
    set: Arc<CoreJsonWebKeySet>,
    fetched: DateTime<Utc>,
}

/// Why the provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The issuer, or an address made from the public URL, is no URL.
    #[error("{0}")]
    Url(#[from] url::ParseError),
    /// Discovery failed.
    #[error("{0}")]
    Discovery(String),
    /// The document sends browsers to a place where codes travel in the clear.
    #[error("the discovery document names {0}, which is neither https nor on this machine")]
    Insecure(Url),
}

impl Provider {
    /// Reads the discovery document and the keys.
    pub async fn discover(
        settings: &Settings,
        http: HttpClient,
        clock: Clock,
    ) -> Result<Self, ProviderError> {
        let issuer = IssuerUrl::new(settings.issuer.clone())?;
        let metadata = Metadata::discover_async(issuer.clone(), &http)
            .await
            .map_err(|error| ProviderError::Discovery(discovery_failure(&error)))?;
        let extra = metadata.additional_metadata();
        let end_session = extra.end_session_endpoint.clone();
        let visited = std::iter::once(metadata.authorization_endpoint().url());
        for url in visited.chain(end_session.as_ref().map(EndSessionUrl::url)) {
            if !is_safe(url) {
                return Err(ProviderError::Insecure(url.clone()));
            }
        }
        let (client_id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
        let keys = Keys { set: Arc::new(metadata.jwks().clone()), fetched: clock.now() };
        Ok(Self {
            http,
            issuer,
            sends_iss: extra.additional_metadata.authorization_response_iss_parameter_supported,
            has_userinfo: metadata.userinfo_endpoint().is_some(),
            end_session,
            after_logout: PostLogoutRedirectUrl::new(settings.public_url.page("/signed-out"))?,
            keys_url: metadata.jwks_uri().clone(),
            keys: Mutex::new(keys),
            scopes: settings.scopes.iter().filter(|s| *s != "openid").cloned().map(Scope::new).collect(),
            client: CoreClient::from_provider_metadata(
                metadata,
                ClientId::new(client_id),
                secret.map(ClientSecret::new),
            )
            .set_redirect_uri(RedirectUrl::new(settings.public_url.page("/callback"))?),
            clock,
        })
    }

    /// The issuer that this app trusts.
    pub fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    pub(crate) fn client_id(&self) -> &ClientId {
        self.client.client_id()
    }

    /// The origin where a sign-out goes, which the pages' policy must let a form lead to.
    pub(crate) fn end_session_origin(&self) -> Option<String> {
        self.end_session.as_ref().map(|url| url.url().origin().ascii_serialization())
    }

    /// Where a browser begins to sign in.
    pub(crate) fn authorization_url(&self, state: String, nonce: Nonce, challenge: PkceCodeChallenge) -> Url {
        let request = self.client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state),
            || nonce,
        );
        request.add_scopes(self.scopes.iter().cloned()).set_pkce_challenge(challenge).url().0
    }

    /// Checks who sent an authorization response (RFC 9207, section 2.4): a promised `iss` must be there, and any
    /// that is there must be ours.
    pub(crate) fn check_iss(&self, iss: Option<&str>) -> Result<(), SignInError> {
        match iss {
            Some(iss) if iss == self.issuer.as_str() => Ok(()),
            None if !self.sends_iss => Ok(()),
            Some(_) | None => Err(SignInError::OtherIssuer),
        }
    }

    /// Exchanges the code for tokens.
    pub(crate) async fn redeem(
        &self,
        code: String,
        verifier: PkceCodeVerifier,
    ) -> Result<CoreTokenResponse, SignInError> {
        let request = self
            .client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| SignInError::Upstream(error.to_string()))?;
        request.set_pkce_verifier(verifier).request_async(&self.http).await.map_err(token_failure)
    }

    /// Exchanges the refresh token for new tokens.
    pub(crate) async fn refresh(&self, token: &RefreshToken) -> Result<CoreTokenResponse, SignInError> {
        let request = self
            .client
            .exchange_refresh_token(token)
            .map_err(|error| SignInError::Upstream(error.to_string()))?;
        request.request_async(&self.http).await.map_err(token_failure)
    }

    /// Reads userinfo, which must be about `subject` (OpenID Connect Core, section 5.3.2); empty where there is no
    /// such endpoint.
    pub(crate) async fn userinfo(
        &self,
        token: AccessToken,
        subject: SubjectIdentifier,
    ) -> Result<Map<String, Value>, SignInError> {
        if !self.has_userinfo {
            return Ok(Map::new());
        }
        let request = self
            .client
            .user_info(token, Some(subject))
            .map_err(|error| SignInError::Upstream(error.to_string()))?;
        let claims: UserInfoClaims<Further, CoreGenderClaim> =
            request.request_async(&self.http).await.map_err(userinfo_failure)?;
        match serde_json::to_value(&claims) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(SignInError::Upstream("userinfo is no JSON object".to_owned())),
        }
    }

    /// Where a browser ends its session at the provider; `None` where the provider has no such place.
    ///
    /// Without the ID token, as when none was given, the provider asks the person first.
    pub(crate) fn logout_url(&self, id_token: Option<&CoreIdToken>, state: String) -> Option<Url> {
        let request = LogoutRequest::from(self.end_session.clone()?)
            .set_client_id(self.client_id().clone())
            .set_post_logout_redirect_uri(self.after_logout.clone())
            .set_state(CsrfToken::new(state));
        Some(match id_token {
            Some(id_token) => request.set_id_token_hint(id_token).http_get_url(),
            None => request.http_get_url(),
        })
    }

    pub(crate) fn keys(&self) -> Arc<CoreJsonWebKeySet> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner).set)
    }

    /// Fetches the keys again, if that was not done a moment ago; a provider that rotates publishes first.
    pub(crate) async fn renew_keys(&self) -> Option<Arc<CoreJsonWebKeySet>> {
        {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            if self.clock.now() < keys.fetched + KEYS_ARE_FRESH_FOR {
                return None;
            }
            keys.fetched = self.clock.now();
        }
        let set = match CoreJsonWebKeySet::fetch_async(&self.keys_url, &self.http).await {
            Ok(set) => Arc::new(set),
            Err(error) => {
                tracing::warn!(error = discovery_failure(&error), "the provider's keys cannot be read");
                return None;
            }
        };
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).set = Arc::clone(&set);
        Some(set)
    }

    pub(crate) fn accepted_algorithms() -> [CoreJwsSigningAlgorithm; 4] {
        ACCEPTED_ALGORITHMS
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

fn token_failure(
    error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> SignInError {
    match error {
        RequestTokenError::ServerResponse(response) => SignInError::Refused(Refusal::new(
            response.error().as_ref(),
            response.error_description().map(String::as_str),
        )),
        RequestTokenError::Request(error) => SignInError::Upstream(error.to_string()),
        // The place alone: the message and the body may hold tokens.
        RequestTokenError::Parse(error, _) => {
            SignInError::Upstream(format!("token response: `{}` is not as expected", error.path()))
        }
        RequestTokenError::Other(error) => SignInError::Upstream(error),
    }
}

fn userinfo_failure(error: UserInfoError<HttpError>) -> SignInError {
    match error {
        UserInfoError::ClaimsVerification(_) => SignInError::OtherSubject,
        UserInfoError::Request(error) => SignInError::Upstream(error.to_string()),
        UserInfoError::Response(status, body, _) => match serde_json::from_slice::<WireError>(&body) {
            Ok(wire) => SignInError::Refused(Refusal::new(&wire.error, wire.error_description.as_deref())),
            Err(_) => SignInError::Upstream(format!("userinfo answered {status}")),
        },
        other => SignInError::Upstream(other.to_string()),
    }
}

/// The error response of a protected resource that answers as the token endpoint does.
#[derive(Deserialize)]
struct WireError {
    error: String,
    error_description: Option<String>,
}

fn discovery_failure(error: &DiscoveryError<HttpError>) -> String {
    match error {
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Response(status, _, _) => format!("it answered {status}"),
        DiscoveryError::Parse(error) => format!("its document cannot be read: {error}"),
        other => other.to_string(),
    }
}
