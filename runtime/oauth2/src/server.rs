//! One tenant's authorization server: its settings, and what it asks of the outside.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jose::{SigningAlgorithm, TenantKeys, TokenSigner};
use primitives::outbound::Outbound;
use primitives::policy::PolicyHook;
use primitives::{Clock, Rng, SealedKind, SealedPlace, Sealer, TenantId, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authorization::external::LoginSessionRepository;
use crate::client::secret::VerifiedSecrets;
use crate::client_authentication::{AssertionKeys, RefusedUses};
use crate::details::{DetailSchemas, NoDetailSchemas};
use crate::device::DeviceCodeRepository;
use crate::fetch::FetchPlaces;
use crate::hooks::TokenHook;
use crate::metadata_document::DescribedClients;
use crate::mtls::Authorities;
use crate::ports::{
    ClientRepository, FederatedSubjects, GrantRepository, PortError, SecretHasher, SubjectClaims, TokenKeys,
    TokenRepository,
};
use crate::protection::Recipients;
use crate::published_keys::PublishedKeys;
use crate::settings::Settings;
use crate::token_webhook::TokenWebhook;
use crate::trust::TrustRepository;

/// The authorization server of one tenant. Every decision of this room is a method of it, spread over
/// the files that are named after the endpoints.
#[derive(Debug)]
pub struct AuthorizationServer {
    /// Whose.
    pub tenant: TenantId,
    /// `iss` of everything that it says.
    pub issuer: Issuer,
    /// Where its endpoints are.
    pub endpoints: Endpoints,
    /// How it behaves.
    pub settings: Arc<Settings>,
    /// What it asks of the outside.
    pub ports: Ports,
    /// Seals requests in progress; hashes tokens.
    pub sealer: Sealer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Chosen secrets that verified before, of every tenant of the process.
    pub verified_secrets: Arc<VerifiedSecrets>,
    /// Clients that describe themselves.
    pub described_clients: DescribedClients,
    /// Whose signatures of clients' certificates count.
    pub certificate_authorities: Authorities,
    /// What clients publish of their keys.
    pub(crate) published_keys: PublishedKeys,
    /// Keys of clients.
    pub assertion_keys: AssertionKeys,
    /// What of its endpoints an assertion of a client may be for, once the first one has come.
    pub(crate) assertion_endpoints: OnceLock<Vec<String>>,
    /// To which keys of clients answers are encrypted.
    pub(crate) recipients: Recipients,
    /// How many fetches for browsers are under way.
    pub fetch_places: FetchPlaces,
    /// What refused requests of clients have used up.
    pub(crate) refused_uses: RefusedUses,
    /// What details of the tenant's types look like; without it none fits.
    pub detail_schemas: Arc<dyn DetailSchemas>,
    /// Who asks the server that its settings name before tokens are made; without it none is made where they name one.
    pub token_webhook: Option<Arc<dyn TokenWebhook>>,
}

/// What the authorization server asks of the outside.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each type says what it is")]
pub struct Ports {
    pub clients: Arc<dyn ClientRepository>,
    pub grants: Arc<dyn GrantRepository>,
    pub tokens: Arc<dyn TokenRepository>,
    pub devices: Arc<dyn DeviceCodeRepository>,
    pub trusts: Arc<dyn TrustRepository>,
    pub logins: Arc<dyn LoginSessionRepository>,
    pub subjects: Arc<dyn SubjectClaims>,
    pub federated: Arc<dyn FederatedSubjects>,
    pub keys: Arc<dyn TokenKeys>,
    pub hook: Arc<dyn TokenHook>,
    pub policy: Arc<dyn PolicyHook>,
    pub hasher: Arc<dyn SecretHasher>,
    pub outbound: Arc<dyn Outbound>,
}

/// What a server shares with every other of the process.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Seals and hashes.
    pub sealer: Sealer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// What was found out of secrets: it outlives a tenant's settings, which change.
    pub verified_secrets: Arc<VerifiedSecrets>,
}

impl AuthorizationServer {
    /// A tenant's server. `issuer` is the configured URL, never a header.
    pub fn new(
        tenant: TenantId,
        issuer: Issuer,
        settings: Arc<Settings>,
        ports: Ports,
        environment: Environment,
    ) -> Self {
        Self {
            endpoints: Endpoints::of(&issuer),
            // Settings that were taken are readable. If these are not, nobody is an authority.
            certificate_authorities: settings.client_certificates.authorities().unwrap_or_default(),
            tenant,
            issuer,
            settings,
            ports,
            sealer: environment.sealer,
            clock: environment.clock,
            rng: environment.rng,
            verified_secrets: environment.verified_secrets,
            described_clients: DescribedClients::default(),
            published_keys: PublishedKeys::default(),
            assertion_keys: AssertionKeys::default(),
            assertion_endpoints: OnceLock::new(),
            recipients: Recipients::default(),
            fetch_places: FetchPlaces::default(),
            refused_uses: RefusedUses::default(),
            detail_schemas: Arc::new(NoDetailSchemas),
            token_webhook: None,
        }
    }

    /// With the schemas of the types that its settings name.
    #[must_use]
    pub fn with_detail_schemas(self, detail_schemas: Arc<dyn DetailSchemas>) -> Self {
        Self { detail_schemas, ..self }
    }

    /// With who asks the server that its settings name as its token hook.
    #[must_use]
    pub fn with_token_webhook(self, token_webhook: Option<Arc<dyn TokenWebhook>>) -> Self {
        Self { token_webhook, ..self }
    }

    /// The tenant's keys.
    pub async fn load_keys(&self) -> Result<Arc<TenantKeys>, PortError> {
        self.ports.keys.load_keys(&self.tenant).await
    }

    /// What of these keys signs ID tokens, and whatever else says to services who somebody is.
    pub fn id_token_signer<'a>(&self, keys: &'a TenantKeys) -> Result<&'a TokenSigner, PortError> {
        signer(keys, self.settings.id_token_signing_algorithm)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn seal<T: Serialize>(&self, kind: SealedKind, value: &T) -> String {
        let place = SealedPlace { tenant: &self.tenant, kind, row: "" };
        // Only our own types are sealed, and they all serialise.
        self.sealer.seal_text(place, &serde_json::to_vec(value).unwrap_or_default())
    }

    pub(crate) fn open<T: DeserializeOwned>(&self, kind: SealedKind, sealed: &str) -> Option<T> {
        let place = SealedPlace { tenant: &self.tenant, kind, row: "" };
        let plain = self.sealer.open_text(place, sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// The signer to use: that of the wanted algorithm, else, until its key has been published for long enough,
/// another that signs.
pub(crate) fn signer(keys: &TenantKeys, wanted: SigningAlgorithm) -> Result<&TokenSigner, PortError> {
    signer_among(keys, wanted, |_| true)
}

/// The same, of algorithms that are allowed. Where none is, nothing is signed.
pub(crate) fn signer_among(
    keys: &TenantKeys,
    wanted: SigningAlgorithm,
    is_allowed: impl Fn(SigningAlgorithm) -> bool,
) -> Result<&TokenSigner, PortError> {
    let others = SigningAlgorithm::ALL.into_iter();
    let mut allowed = std::iter::once(wanted).chain(others).filter(|algorithm| is_allowed(*algorithm));
    allowed
        .find_map(|algorithm| keys.signer(algorithm))
        .ok_or_else(|| PortError::Unavailable("the tenant has no active signing key".to_owned()))
}

/// The issuer identifier (OpenID Connect Discovery section 3): an absolute URL without query or fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer(String);

/// The URL cannot be an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an issuer is an absolute http or https URL without query, fragment and credentials")]
pub struct InvalidIssuer;

impl Issuer {
    /// Takes a configured URL; a final slash is dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = url::Url::parse(text).map_err(|_| InvalidIssuer)?;
        let clean = matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if clean { Ok(Self(text.trim_end_matches('/').to_owned())) } else { Err(InvalidIssuer) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The endpoints' absolute URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is the endpoint's")]
pub struct Endpoints {
    pub authorization: String,
    pub pushed_authorization_request: String,
    pub token: String,
    pub device_authorization: String,
    pub device_verification: String,
    pub registration: String,
    pub revocation: String,
    pub global_revocation: String,
    pub introspection: String,
    pub userinfo: String,
    pub credentials: String,
    pub end_session: String,
    pub jwks: String,
}

impl Endpoints {
    fn of(issuer: &Issuer) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            authorization: at("/oauth2/auth"),
            pushed_authorization_request: at("/oauth2/par"),
            token: at("/oauth2/token"),
            device_authorization: at("/oauth2/device/auth"),
            device_verification: at("/oauth2/device/verify"),
            registration: at("/oauth2/register"),
            revocation: at("/oauth2/revoke"),
            global_revocation: at("/oauth2/global-token-revocation"),
            introspection: at("/oauth2/introspect"),
            userinfo: at("/userinfo"),
            credentials: at("/credentials"),
            end_session: at("/oauth2/sessions/logout"),
            jwks: at("/.well-known/jwks.json"),
        }
    }
}
