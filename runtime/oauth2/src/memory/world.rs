//! A server on the model, and the moves that tests make.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jose::{KeyState, PrivateJwk, SigningAlgorithm, SigningKey, TenantKeys, generate};
use primitives::policy::NoPolicyHook;
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::subject::AssuranceLevel;
use primitives::time::FixedClock;
use primitives::{
    AuthenticatedSubject, Change, ClientAddress, GrantId, IdentityId, RequestId, Rng, Sealer, SessionClaims,
    SessionId, TenantId, Timestamp,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Memory;
use crate::access_token::{PresentedToken, TokenScheme};
use crate::authorization::ResponseType;
use crate::claims_request::RequestedClaims;
use crate::client::{ClientDocument, ClientRecord, ManagedBy, StoredSecret};
use crate::decision::{Decision, MOST_ATTEMPTS};
use crate::details::AuthorizationDetails;
use crate::dpop::PresentedProof;
use crate::grant::{AuthorizationCode, Grant, GrantSubject, GrantedClaims};
use crate::hooks::{NoTokenHook, TokenHook};
use crate::mtls::PresentedCertificate;
use crate::parameters::Parameters;
use crate::pkce::ChallengeMethod;
use crate::ports::{PortError, SubjectProfile};
use crate::scope::Scopes;
use crate::server::{AuthorizationServer, Environment, Issuer, Ports};
use crate::settings::Settings;
use crate::token::{ClientRequest, TokenError, TokenResponse};
use crate::token_format::{AUTHORIZATION_CODE, hash_token};
use crate::write::Write;

/// A tenant's server on the model, at a time that stands still.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) memory: Arc<Memory>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) server: AuthorizationServer,
}

/// A verifier, and the challenge made of it (RFC 7636 appendix B).
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const CALLBACK: &str = "https://app.example/cb";

/// Writes a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default(), Arc::new(NoTokenHook))
    }

    pub(crate) fn set(edit: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        edit(&mut settings);
        Self::with(settings, Arc::new(NoTokenHook))
    }

    /// With the client `app`, which proves itself by its secret in the form unless `patch` says otherwise.
    pub(crate) fn of_app(edit: impl FnOnce(&mut Settings), patch: &Value) -> Self {
        let world = Self::set(edit);
        let mut document = json!({"token_endpoint_auth_method": "client_secret_post"});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        world.add_client(&document);
        world
    }

    /// With a client of our own that may have everything through the browser that its tenant serves: nobody is asked for it.
    pub(crate) fn of_browser_app(edit: impl FnOnce(&mut Settings), patch: &Value) -> Self {
        let mut document = json!({
            "skip_consent": true,
            "response_types": ResponseType::ALL.map(ResponseType::as_str),
            "grant_types": ["authorization_code", "refresh_token", "implicit"],
        });
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        Self::of_app(edit, &document)
    }

    pub(crate) fn with(settings: Settings, hook: Arc<dyn TokenHook>) -> Self {
        let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
        let state = KeyState::Active { rotate_at: Timestamp::from_seconds(9_000_000_000) };
        let now = Timestamp::from_seconds(1_800_000_000);
        let key = SigningKey::generate(SigningAlgorithm::EdDsa, state, now, rng.as_ref()).unwrap();
        let memory = Arc::new(Memory::new(TenantKeys::new(&[key], now).unwrap()));
        let ring = Keyring::new(DataKey { id: 1, material: Zeroizing::new([7; 32]) }, []);
        let ports = Ports {
            clients: memory.clone(),
            grants: memory.clone(),
            tokens: memory.clone(),
            devices: memory.clone(),
            trusts: memory.clone(),
            logins: memory.clone(),
            subjects: memory.clone(),
            federated: memory.clone(),
            keys: memory.clone(),
            hook,
            policy: Arc::new(NoPolicyHook),
            hasher: memory.clone(),
            outbound: memory.clone(),
        };
        let sealer = Sealer::new(ring, Arc::clone(&rng));
        let environment = Environment { sealer, clock: clock.clone(), rng, verified_secrets: Arc::default() };
        let issuer = Issuer::parse("https://id.example").unwrap();
        let tenant = TenantId::default_tenant();
        let server = AuthorizationServer::new(tenant, issuer, Arc::new(settings), ports, environment);
        let world = Self { memory, clock, server };
        world.add_subject(1);
        world
    }

    /// The server of another tenant beside this one, on the same storage, keys and sealer.
    pub(crate) fn other_tenant(&self) -> AuthorizationServer {
        let settings = Arc::clone(&self.server.settings);
        self.beside(("other".parse().unwrap(), "https://other.example"), settings)
    }

    /// Another server on the same storage, keys and sealer: another tenant's, or another node's of the same.
    pub(crate) fn beside(
        &self,
        (tenant, issuer): (TenantId, &str),
        settings: Arc<Settings>,
    ) -> AuthorizationServer {
        AuthorizationServer::new(
            tenant,
            Issuer::parse(issuer).unwrap(),
            settings,
            self.server.ports.clone(),
            Environment {
                sealer: self.server.sealer.clone(),
                clock: Arc::clone(&self.server.clock),
                rng: Arc::clone(&self.server.rng),
                verified_secrets: Arc::clone(&self.server.verified_secrets),
            },
        )
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn rows<T>(&self, edit: impl FnOnce(&mut super::Rows) -> T) -> T {
        self.memory.rows(&self.server.tenant, edit)
    }

    /// Adds a client `app` with secret `s3cret-of-app` and all grants, changed by `patch`.
    pub(crate) fn add_client(&self, patch: &Value) -> ClientRecord {
        let mut document = json!({
            "client_id": "app", "client_name": "App", "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
            "scope": "openid profile email offline_access read write", "audience": ["https://api.example", "https://b.example"],
            "post_logout_redirect_uris": ["https://app.example/bye"],
        });
        for (name, value) in patch.as_object().unwrap() {
            document[name] = value.clone();
        }
        let document: ClientDocument = serde_json::from_value(document).unwrap();
        let document = document.with_defaults();
        let now = self.server.now();
        let record = ClientRecord {
            secrets: vec![StoredSecret::Argon2id(format!(
                "$model$s3cret-of-{}",
                document.client_id.as_ref().unwrap()
            ))],
            document,
            managed_by: ManagedBy::Api,
            enabled: true,
            created_at: now,
            updated_at: now,
            not_before: Timestamp::from_seconds(0),
            version: 1,
            registration: None,
        };
        let change =
            Change::new(self.server.tenant.clone()).write(Write::InsertClient(Box::new(record.clone())));
        self.memory.apply(change).unwrap();
        record
    }

    /// Person `n`, active, with a live session of the same number.
    pub(crate) fn add_subject(&self, n: u128) {
        let Value::Object(traits) = json!({"email": "ada@example.org", "name": {"first": "Ada"}}) else {
            unreachable!()
        };
        let profile = SubjectProfile {
            traits,
            metadata_public: serde_json::Map::new(),
            verified_addresses: vec!["ada@example.org".to_owned()],
            updated_at: Timestamp::from_seconds(9),
            not_before: Timestamp::from_seconds(0),
        };
        self.rows(|rows| {
            rows.subjects.insert(IdentityId(Uuid::from_u128(n)), profile);
            rows.sessions.insert(SessionId(Uuid::from_u128(n)));
        });
    }

    /// Person `n`, signed in just now.
    pub(crate) fn subject(&self, n: u128) -> AuthenticatedSubject {
        AuthenticatedSubject {
            tenant: self.server.tenant.clone(),
            subject: IdentityId(Uuid::from_u128(n)),
            session: SessionId(Uuid::from_u128(n)),
            organisation: None,
            authenticated_at: self.server.now(),
            assurance: AssuranceLevel::Aal1,
            methods: vec!["pwd".to_owned()],
            claims: SessionClaims::check(Map::from_iter([("desk".to_owned(), json!("3.14"))]))
                .unwrap_or_default(),
            actor: None,
            external: None,
            second_factor: None,
        }
    }

    /// A code for a grant of person 1 to `app`.
    pub(crate) fn code(&self, scope: &str) -> String {
        let now = self.server.now();
        let code = format!("{AUTHORIZATION_CODE}{}", self.server.rng.token());
        let grant = Grant {
            id: GrantId::generate(self.server.rng.as_ref()),
            client: "app".parse().unwrap(),
            subject: GrantSubject::from(&self.subject(1)),
            scope: Scopes::parse(scope).unwrap(),
            audience: vec!["https://api.example".to_owned()],
            details: AuthorizationDetails::default(),
            requested: RequestedClaims::default(),
            nonce: Some("n-1".to_owned()),
            claims: GrantedClaims::default(),
            created_at: now,
            revoked_at: None,
        };
        let row = AuthorizationCode {
            hash: hash_token(&self.server, &code),
            grant: grant.id,
            redirect_uri: Some(CALLBACK.to_owned()),
            code_challenge: Some(CHALLENGE.to_owned()),
            code_challenge_method: ChallengeMethod::S256,
            dpop_jkt: None,
            expires_at: now.after(Duration::from_mins(1)),
            consumed_at: None,
        };
        let change = Change::new(self.server.tenant.clone())
            .write(Write::InsertGrant(Box::new(grant)))
            .write(Write::InsertAuthorizationCode(Box::new(row)));
        self.memory.apply(change).unwrap();
        code
    }

    /// What a caller does with an endpoint: decide, apply, and decide again when a guard missed.
    pub(crate) fn commit<T, E: From<PortError>>(
        &self,
        mut decide: impl FnMut() -> Decision<T, E>,
    ) -> Result<T, E> {
        for _ in 0..MOST_ATTEMPTS {
            let decision = decide();
            if self.memory.apply(decision.change).is_ok() {
                return decision.result;
            }
        }
        Err(PortError::busy("every attempt missed its guard").into())
    }

    /// One decision of the token endpoint, not applied.
    pub(crate) fn decide_token(&self, encoded: &str) -> Decision<TokenResponse, TokenError> {
        let parameters = Parameters::parse(encoded.as_bytes());
        now(self.server.token(request(&parameters)))
    }

    /// Asks the token endpoint as client `app`.
    pub(crate) fn token(&self, pairs: &[(&str, &str)]) -> Result<TokenResponse, TokenError> {
        let encoded = as_app(pairs);
        self.commit(|| self.decide_token(&encoded))
    }

    /// Redeems a code as client `app`.
    pub(crate) fn redeem(&self, code: &str) -> Result<TokenResponse, TokenError> {
        self.token(&redemption(code))
    }

    /// Refreshes as client `app`.
    pub(crate) fn refresh(&self, token: &str) -> Result<TokenResponse, TokenError> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }
}

/// A key pair of another party, of this name.
pub(crate) fn named_key(seed: u64, kid: &str) -> PrivateJwk {
    let pair = generate(SigningAlgorithm::EdDsa, &SeededRng::new(seed)).unwrap();
    let mut document: Value = serde_json::from_str(&pair.to_json()).unwrap();
    document["kid"] = kid.into();
    PrivateJwk::parse(document.to_string().as_bytes()).unwrap()
}

/// The form of a redemption.
pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// A form of client `app`, which authenticates with its secret.
pub(crate) fn as_app(pairs: &[(&str, &str)]) -> String {
    // Whatever the client's method is: tests that change it send a form of their own.
    form(&[&[("client_id", "app"), ("client_secret", "s3cret-of-app")], pairs].concat())
}

/// The request that tests make.
pub(crate) const REQUEST: RequestId = RequestId(Uuid::nil());

/// A request with credentials in its form.
pub(crate) fn request<'a>(parameters: &'a Parameters<'a>) -> ClientRequest<'a> {
    ClientRequest {
        authorization: None,
        parameters,
        proof: PresentedProof::Absent,
        certificate: PresentedCertificate::Absent,
        source: ClientAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        request: REQUEST,
    }
}

/// A token as bearers present it.
pub(crate) fn as_bearer(text: &str) -> PresentedToken<'_> {
    PresentedToken {
        scheme: TokenScheme::Bearer,
        text,
        proof: PresentedProof::Absent,
        certificate: PresentedCertificate::Absent,
        method: "GET",
    }
}

/// The answer of a decision: every port of the model is ready at once.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}
