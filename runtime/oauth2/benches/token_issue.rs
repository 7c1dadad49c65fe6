//! What the token endpoint's decision costs, from the parsed form to the tokens and the change that stores them.
//!
//! Storage answers at once, and nothing is applied, so that the same code can be redeemed again and again.
#![expect(clippy::unwrap_used, reason = "a bench that cannot set itself up says so by panicking")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use jose::{KeyState, SigningAlgorithm, SigningKey, TenantKeys};
use portcullis_oauth2::authorization::answered::{AnsweredChallenge, ChallengeId};
use portcullis_oauth2::authorization::external::{LoginSession, LoginSessionRepository};
use portcullis_oauth2::client::{Client, ClientDocument, ClientRecord, ManagedBy, StoredSecret};
use portcullis_oauth2::device::{DeviceCode, DeviceCodeRepository};
use portcullis_oauth2::dpop::PresentedProof;
use portcullis_oauth2::grant::{
    AccessToken, AuthorizationCode, Consent, Grant, GrantSubject, GrantedClaims, RefreshToken,
};

use portcullis_oauth2::hooks::NoTokenHook;
use portcullis_oauth2::lineage::Mark;
use portcullis_oauth2::mtls::PresentedCertificate;
use portcullis_oauth2::parameters::Parameters;
use portcullis_oauth2::pkce::ChallengeMethod;
use portcullis_oauth2::ports::{
    Allowed, ClientFilter, ClientRepository, FederatedSubjects, GrantFilter, GrantRepository, PortResult,
    SecretGuess, SecretHasher, SubjectClaims, SubjectProfile, TokenKeys, TokenRepository,
};
use portcullis_oauth2::scope::Scopes;
use portcullis_oauth2::server::{AuthorizationServer, Environment, Issuer, Ports};
use portcullis_oauth2::settings::Settings;
use portcullis_oauth2::token::{ClientRequest, TokenResponse};
use portcullis_oauth2::trust::{TrustFilter, TrustRepository, TrustSearch, TrustedIssuer};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::subject::AssuranceLevel;
use primitives::time::FixedClock;
use primitives::{
    AuthenticatedSubject, ClientAddress, ClientId, GrantId, IdentityId, KeyedHash, OrganisationId, RequestId,
    Rng, Sealer, Secret, SessionId, TenantId, Timestamp,
};
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa, SigningAlgorithm::Rs256];
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://app.example/cb";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let code = format!("ory_ac_{}", SeededRng::new(2).token());
    let redeem = form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]);
    let machine = form(&[("grant_type", "client_credentials"), ("scope", "read write")]);
    for algorithm in ALGORITHMS {
        let server = server(algorithm);
        let redeemed = token(&server, &redeem);
        assert!(redeemed.id_token.is_some() && redeemed.refresh_token.is_some());
        for (name, form) in [("authorization_code", &redeem), ("client_credentials", &machine)] {
            criterion.bench_function(&format!("{name}/{algorithm}"), |bencher| {
                bencher.iter(|| token(&server, black_box(form)));
            });
        }
    }
    criterion.final_summary();
}

/// A form of the one client, which authenticates with its secret.
fn form(pairs: &[(&str, &str)]) -> String {
    let client = [("client_id", "app"), ("client_secret", "secret-of-app")];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(client).extend_pairs(pairs).finish()
}

/// Decides one request. No port ever waits.
fn token(server: &AuthorizationServer, form: &str) -> TokenResponse {
    let parameters = Parameters::parse(form.as_bytes());
    let request = ClientRequest {
        authorization: None,
        parameters: &parameters,
        proof: PresentedProof::Absent,
        certificate: PresentedCertificate::Absent,
        source: ClientAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        request: RequestId(Uuid::nil()),
    };
    server.token(request).now_or_never().unwrap().result.unwrap()
}

fn server(algorithm: SigningAlgorithm) -> AuthorizationServer {
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
    let state = KeyState::Active { rotate_at: Timestamp::from_seconds(9_000_000_000) };
    let key = SigningKey::generate(algorithm, state, NOW, rng.as_ref()).unwrap();
    let tenant = TenantId::default_tenant();
    let rows = Arc::new(Rows::new(&tenant, TenantKeys::new(&[key], NOW).unwrap()));
    let ports = Ports {
        clients: rows.clone(),
        grants: rows.clone(),
        tokens: rows.clone(),
        devices: rows.clone(),
        trusts: rows.clone(),
        logins: rows.clone(),
        subjects: rows.clone(),
        federated: rows.clone(),
        keys: rows.clone(),
        hook: Arc::new(NoTokenHook),
        policy: Arc::new(primitives::policy::NoPolicyHook),
        hasher: rows.clone(),
        outbound: rows,
    };
    let ring = Keyring::new(DataKey { id: 1, material: Zeroizing::new([7; 32]) }, []);
    let sealer = Sealer::new(ring, Arc::clone(&rng));
    let clock = Arc::new(FixedClock::new(NOW));
    let environment = Environment { sealer, clock, rng, verified_secrets: Arc::default() };
    let issuer = Issuer::parse("https://id.example").unwrap();
    AuthorizationServer::new(tenant, issuer, Arc::new(Settings::default()), ports, environment)
}

/// One row of each kind, which every look-up finds.
#[derive(Debug)]
struct Rows {
    client: Arc<Client>,
    grant: Grant,
    subject: SubjectProfile,
    keys: Arc<TenantKeys>,
}

impl Rows {
    fn new(tenant: &TenantId, keys: TenantKeys) -> Self {
        let document = json!({
            "client_id": "app", "client_name": "App", "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid profile email offline_access read write",
            "token_endpoint_auth_method": "client_secret_post",
        });
        let document: ClientDocument = serde_json::from_value(document).unwrap();
        let long_ago = Timestamp::from_seconds(0);
        let client = ClientRecord {
            // Verified once and remembered, as in a node: what is measured is not the hash.
            secrets: vec![StoredSecret::Argon2id("secret-of-app".to_owned())],
            document: document.with_defaults(),
            managed_by: ManagedBy::Api,
            enabled: true,
            created_at: NOW,
            updated_at: NOW,
            not_before: long_ago,
            version: 1,
            registration: None,
        };
        let person = AuthenticatedSubject {
            tenant: tenant.clone(),
            subject: IdentityId(Uuid::from_u128(1)),
            session: SessionId(Uuid::from_u128(2)),
            organisation: None,
            authenticated_at: NOW,
            assurance: AssuranceLevel::Aal1,
            methods: vec!["pwd".to_owned()],
            claims: primitives::SessionClaims::default(),
            actor: None,
            external: None,
            second_factor: None,
        };
        let traits = json!({"email": "ada@example.org", "name": {"first": "Ada", "last": "Lovelace"}});
        Self {
            client: Arc::new(Client::check(client).unwrap()),
            grant: Grant {
                id: GrantId(Uuid::from_u128(3)),
                client: "app".parse().unwrap(),
                subject: GrantSubject::from(&person),
                scope: Scopes::parse("openid profile email offline_access").unwrap(),
                audience: Vec::new(),
                details: portcullis_oauth2::details::AuthorizationDetails::default(),
                requested: portcullis_oauth2::claims_request::RequestedClaims::default(),
                nonce: Some("n-1".to_owned()),
                claims: GrantedClaims::default(),
                created_at: NOW,
                revoked_at: None,
            },
            subject: SubjectProfile {
                traits: traits.as_object().unwrap().clone(),
                metadata_public: serde_json::Map::new(),
                verified_addresses: vec!["ada@example.org".to_owned()],
                updated_at: long_ago,
                not_before: long_ago,
            },
            keys: Arc::new(keys),
        }
    }
}

fn answer<'a, T: Send + 'a>(value: T) -> PortResult<'a, T> {
    Box::pin(ready(Ok(value)))
}

impl ClientRepository for Rows {
    fn find_client<'a>(&'a self, _: &'a TenantId, _: &'a ClientId) -> PortResult<'a, Option<Arc<Client>>> {
        answer(Some(Arc::clone(&self.client)))
    }

    fn find_client_record<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a ClientId,
    ) -> PortResult<'a, Option<ClientRecord>> {
        answer(None)
    }

    fn list_clients<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a ClientFilter,
        _: u32,
    ) -> PortResult<'a, Vec<ClientRecord>> {
        answer(Vec::new())
    }

    fn count_registered_clients<'a>(&'a self, _: &'a TenantId, _: u32) -> PortResult<'a, u32> {
        answer(0)
    }
}

impl GrantRepository for Rows {
    fn find_grant<'a>(&'a self, _: &'a TenantId, _: GrantId) -> PortResult<'a, Option<Grant>> {
        answer(Some(self.grant.clone()))
    }

    fn find_consent<'a>(
        &'a self,
        _: &'a TenantId,
        _: IdentityId,
        _: &'a ClientId,
    ) -> PortResult<'a, Option<Consent>> {
        answer(None)
    }

    fn find_consent_of_grant<'a>(&'a self, _: &'a TenantId, _: GrantId) -> PortResult<'a, Option<Consent>> {
        answer(None)
    }

    fn list_consents<'a>(
        &'a self,
        _: &'a TenantId,
        _: IdentityId,
        _: GrantFilter,
        _: (Timestamp, u32),
    ) -> PortResult<'a, Vec<Consent>> {
        answer(Vec::new())
    }

    fn list_grants<'a>(
        &'a self,
        _: &'a TenantId,
        _: IdentityId,
        _: GrantFilter,
        _: u32,
    ) -> PortResult<'a, Vec<Grant>> {
        answer(Vec::new())
    }

    fn list_clients_with_access<'a>(
        &'a self,
        _: &'a TenantId,
        _: IdentityId,
        _: (Timestamp, u32),
    ) -> PortResult<'a, Vec<(ClientId, Timestamp)>> {
        answer(Vec::new())
    }

    fn list_allowed<'a>(
        &'a self,
        _: &'a TenantId,
        _: IdentityId,
        _: &'a ClientId,
        _: (Timestamp, u32),
    ) -> PortResult<'a, Vec<Allowed>> {
        answer(Vec::new())
    }

    fn list_clients_of_session<'a>(
        &'a self,
        _: &'a TenantId,
        _: SessionId,
        _: u32,
    ) -> PortResult<'a, Vec<ClientId>> {
        answer(Vec::new())
    }
}

impl LoginSessionRepository for Rows {
    fn find_login_session_by_token<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a KeyedHash,
    ) -> PortResult<'a, Option<LoginSession>> {
        answer(None)
    }

    fn find_login_session<'a>(
        &'a self,
        _: &'a TenantId,
        _: SessionId,
    ) -> PortResult<'a, Option<LoginSession>> {
        answer(None)
    }

    fn find_challenge_answer<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a ChallengeId,
    ) -> PortResult<'a, Option<AnsweredChallenge>> {
        answer(None)
    }

    fn list_subjects_named<'a>(&'a self, _: &'a TenantId, _: &'a str) -> PortResult<'a, Vec<IdentityId>> {
        answer(Vec::new())
    }

    fn find_forced_name<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a ClientId,
        _: IdentityId,
    ) -> PortResult<'a, Option<String>> {
        answer(None)
    }

    fn find_forced_subject<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a ClientId,
        _: &'a str,
    ) -> PortResult<'a, Option<IdentityId>> {
        answer(None)
    }

    fn has_identity<'a>(&'a self, _: &'a TenantId, _: IdentityId) -> PortResult<'a, bool> {
        answer(false)
    }

    fn is_session_of<'a>(&'a self, _: &'a TenantId, _: SessionId, _: IdentityId) -> PortResult<'a, bool> {
        answer(false)
    }
}

impl TokenRepository for Rows {
    fn find_grant_of_redeemed_code<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a KeyedHash,
    ) -> PortResult<'a, Option<Grant>> {
        answer(None)
    }

    fn find_authorization_code<'a>(
        &'a self,
        _: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AuthorizationCode, Grant)>> {
        let code = AuthorizationCode {
            hash: hash.clone(),
            grant: self.grant.id,
            redirect_uri: Some(CALLBACK.to_owned()),
            code_challenge: Some(CHALLENGE.to_owned()),
            code_challenge_method: ChallengeMethod::S256,
            dpop_jkt: None,
            expires_at: NOW.after(Duration::from_mins(1)),
            consumed_at: None,
        };
        answer(Some((code, self.grant.clone())))
    }

    fn find_access_token<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AccessToken, Option<Grant>)>> {
        answer(None)
    }

    fn find_refresh_token<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a KeyedHash,
    ) -> PortResult<'a, Option<(RefreshToken, Grant)>> {
        answer(None)
    }

    fn is_any_revoked<'a>(&'a self, _: &'a TenantId, _: &'a [Mark]) -> PortResult<'a, bool> {
        answer(false)
    }

    fn is_assertion_used<'a>(&'a self, _: &'a TenantId, _: &'a ClientId, _: &'a str) -> PortResult<'a, bool> {
        answer(false)
    }

    fn is_bearer_assertion_used<'a>(&'a self, _: &'a TenantId, _: &'a str) -> PortResult<'a, bool> {
        answer(false)
    }
}

impl TrustRepository for Rows {
    fn find_trusted_issuer<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
    ) -> PortResult<'a, Option<TrustedIssuer>> {
        answer(None)
    }

    fn list_trusted_issuers<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a TrustFilter,
        _: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>> {
        answer(Vec::new())
    }

    fn find_trusts<'a>(
        &'a self,
        _: &'a TenantId,
        _: TrustSearch<'a>,
        _: Timestamp,
        _: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>> {
        answer(Vec::new())
    }
}

impl DeviceCodeRepository for Rows {
    fn find_device_code<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a KeyedHash,
    ) -> PortResult<'a, Option<DeviceCode>> {
        answer(None)
    }

    fn find_user_code<'a>(&'a self, _: &'a TenantId, _: &'a KeyedHash) -> PortResult<'a, Option<DeviceCode>> {
        answer(None)
    }

    fn count_device_codes<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a ClientId,
        _: Timestamp,
        _: u32,
    ) -> PortResult<'a, u32> {
        answer(0)
    }
}

impl SubjectClaims for Rows {
    fn find_subject<'a>(&'a self, _: &'a TenantId, _: IdentityId) -> PortResult<'a, Option<SubjectProfile>> {
        answer(Some(self.subject.clone()))
    }

    fn is_session_live<'a>(&'a self, _: &'a TenantId, _: SessionId) -> PortResult<'a, bool> {
        answer(true)
    }

    fn is_in_organisation<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: IdentityId,
    ) -> PortResult<'a, bool> {
        answer(true)
    }
}

impl FederatedSubjects for Rows {
    fn find_federated<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
        _: &'a str,
    ) -> PortResult<'a, Option<IdentityId>> {
        answer(None)
    }
}

impl SecretHasher for Rows {
    fn hash(&self, secret: Secret<String>) -> PortResult<'_, String> {
        answer(secret.expose().clone())
    }

    fn verify(&self, secret: Secret<String>, phc: String) -> PortResult<'_, bool> {
        answer(*secret.expose() == phc)
    }

    fn attempt<'a>(&'a self, _: SecretGuess<'a>, check: PortResult<'a, bool>) -> PortResult<'a, bool> {
        check
    }
}

impl TokenKeys for Rows {
    fn load_keys<'a>(&'a self, _: &'a TenantId) -> PortResult<'a, Arc<TenantKeys>> {
        answer(Arc::clone(&self.keys))
    }
}

impl Outbound for Rows {
    fn fetch(&self, _: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(ready(Err(OutboundError::Forbidden)))
    }
}
