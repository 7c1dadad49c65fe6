//! A signed-in session: what it is, what its token is worth, and what it says to others.

mod cache;
pub mod impersonate;
pub mod revoke;
pub mod tokenize;

pub use cache::{CachedSession, SessionCache};

use primitives::rng::is_token;
use primitives::subject::{AssuranceLevel, SecondFactor};
use primitives::{
    ActingParty, AuthenticatedSubject, ClientAddress, IdentityId, KeyedHash, OrganisationId, Rng, Sealer,
    Secret, SessionClaims, SessionId, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::identity::{Identity, IdentityState};
use crate::providers::Upstreamed;
use crate::settings::{RequiredAssurance, SessionSettings};
use crate::trusted_device::TrustedDeviceId;

const TOKEN_PREFIX: &str = "ory_st_";
const TOKEN_PURPOSE: &str = "session_token";
const LOGOUT_PREFIX: &str = "ory_lo_";
const LOGOUT_PURPOSE: &str = "logout_token";
/// Where session documents have what plugins said of the session.
const CLAIMS_MEMBER: &str = "portcullis_claims";

/// Where session documents have the organisation in whose name it began, which need not be the identity's first one.
const ORGANISATION_MEMBER: &str = "portcullis_organization";

/// Where session documents have who acts in the person's name.
const ACTOR_MEMBER: &str = "portcullis_act";

/// A session as it is stored. It serialises for sealing; [`session_document`] is what clients see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// `sid` of its tokens.
    pub id: SessionId,
    /// Whose.
    pub identity: IdentityId,
    /// In which organisation's name.
    pub organisation: Option<OrganisationId>,
    /// How strong its proofs are together.
    pub assurance: AssuranceLevel,
    /// Its proofs, oldest first.
    pub methods: Vec<AuthenticationMethod>,
    /// When the last proof was given.
    pub authenticated_at: Timestamp,
    /// When it began.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Where it began.
    pub device: Device,
    /// What the tenant's plugins said of it when the last proof was given.
    pub claims: SessionClaims,
    /// Who acts in the person's name, if it is not the person.
    pub actor: Option<ActingParty>,
    /// How strong its proofs must be, by the organisation in whose name it began.
    pub required: Option<AssuranceLevel>,
    /// The trusted device that it began on, by which it counts without a second factor.
    #[serde(default)]
    pub trusted_device: Option<TrustedDeviceId>,
}

/// A proof that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationMethod {
    /// Which.
    pub method: Method,
    /// What it is worth.
    pub aal: AssuranceLevel,
    /// When it was given.
    pub completed_at: Timestamp,
    /// Which provider says so, and how it knows, where one does.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstreamed>,
}

impl AuthenticationMethod {
    /// A proof that was given here.
    pub const fn new(method: Method, aal: AssuranceLevel, completed_at: Timestamp) -> Self {
        Self { method, aal, completed_at, upstream: None }
    }
}

/// The ways to prove who one is, by their names in the flow API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A password.
    Password,
    /// A code that was sent to an address.
    Code,
    /// The same, to get back in.
    CodeRecovery,
    /// A link that was sent to an address, to get back in.
    LinkRecovery,
    /// A code of an authenticator app.
    Totp,
    /// A backup code.
    LookupSecret,
    /// Another provider's word.
    Oidc,
    /// A passkey.
    Passkey,
    /// A security key.
    Webauthn,
}

impl Method {
    /// Its name in the flow API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::CodeRecovery => "code_recovery",
            Self::LinkRecovery => "link_recovery",
            Self::Totp => "totp",
            Self::LookupSecret => "lookup_secret",
            Self::Oidc => "oidc",
            Self::Passkey => "passkey",
            Self::Webauthn => "webauthn",
        }
    }

    /// Whether it proves that a message was received.
    pub const fn is_of_message(self) -> bool {
        match self {
            Self::Code | Self::CodeRecovery | Self::LinkRecovery => true,
            Self::Password
            | Self::Totp
            | Self::LookupSecret
            | Self::Oidc
            | Self::Passkey
            | Self::Webauthn => false,
        }
    }

    /// Its Authentication Method Reference (RFC 8176 section 2).
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Code | Self::CodeRecovery | Self::LinkRecovery | Self::Totp | Self::LookupSecret => "otp",
            // The registry has no word for it; this is the usual one.
            Self::Oidc => "fed",
            // Proof of possession of a key; whether hardware keeps it, nobody vouches for.
            Self::Passkey | Self::Webauthn => "pop",
        }
    }
}

/// The device on which a session began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Names it.
    pub id: Uuid,
    /// The client's address.
    pub ip_address: Option<String>,
    /// The `User-Agent`, at most 512 bytes of it.
    pub user_agent: Option<String>,
}

impl Device {
    /// The device behind a request.
    pub fn new(rng: &dyn Rng, address: ClientAddress, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|agent| agent.chars().take(256).collect::<String>());
        Self { id: rng.uuid(), ip_address: Some(address.to_string()), user_agent }
    }
}

/// A session about to be stored, with the hash of its token.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The hash under which its token finds it.
    pub token: KeyedHash,
}

/// The secret that stands for a session: `ory_st_` and 256 random bits.
#[derive(Debug, Clone)]
pub struct SessionToken(Secret<String>);

impl SessionToken {
    /// Draws a new token.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(format!("{TOKEN_PREFIX}{}", rng.token())))
    }

    /// Reads a presented token; `None` if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bits = text.strip_prefix(TOKEN_PREFIX)?;
        is_token(bits).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The token itself, for the one response that carries it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The hash under which a new session is stored.
    pub fn hash(&self, sealer: &Sealer, tenant: &TenantId) -> KeyedHash {
        sealer.hash(tenant, TOKEN_PURPOSE, self.expose().as_bytes())
    }

    /// The hashes under which the session may be stored.
    pub fn hashes(&self, sealer: &Sealer, tenant: &TenantId) -> Vec<KeyedHash> {
        sealer.hashes(tenant, TOKEN_PURPOSE, self.expose().as_bytes())
    }
}

impl Session {
    /// Begins a session for an identity that has just given a proof.
    pub fn begin(
        rng: &dyn Rng,
        identity: &Identity,
        method: AuthenticationMethod,
        device: Device,
        settings: &SessionSettings,
    ) -> Self {
        let now = method.completed_at;
        Self {
            id: SessionId::generate(rng),
            identity: identity.id,
            organisation: identity.organisation,
            assurance: method.aal,
            methods: vec![method],
            authenticated_at: now,
            issued_at: now,
            expires_at: now.after(settings.lifespan()),
            revoked_at: None,
            device,
            claims: SessionClaims::default(),
            actor: None,
            required: None,
            trusted_device: None,
        }
    }

    /// Whether it counts at `now`, as far as the session itself goes.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// The same session after another proof. Of each kind the last one is listed.
    #[must_use]
    pub fn proven(&self, method: AuthenticationMethod) -> Self {
        let mut session = self.clone();
        session.authenticated_at = method.completed_at;
        session.assurance = session.assurance.max(method.aal);
        session.methods.retain(|known| known.method != method.method);
        session.methods.push(method);
        session
    }

    /// Whether its last proof is young enough to change credentials.
    pub fn is_privileged(&self, now: Timestamp, settings: &SessionSettings) -> bool {
        // Whoever acts in somebody's name has proven nothing of them, and changes nothing that they sign in with.
        self.actor.is_none() && now.since(self.authenticated_at) < settings.privileged_max_age()
    }

    /// The logout token of a browser session: derived from the session, so that it costs no row, and
    /// worthless without the session's own cookie.
    pub fn logout_token(&self, sealer: &Sealer, tenant: &TenantId) -> String {
        let hash = sealer.hash(tenant, LOGOUT_PURPOSE, self.id.0.as_bytes());
        format!("{LOGOUT_PREFIX}{}", primitives::base64url::encode(hash.0))
    }

    /// Whether `presented` is the logout token of this session.
    pub fn check_logout_token(&self, sealer: &Sealer, tenant: &TenantId, presented: &str) -> bool {
        presented.strip_prefix(LOGOUT_PREFIX).and_then(primitives::base64url::decode).is_some_and(|hash| {
            sealer.verify_hash(tenant, LOGOUT_PURPOSE, self.id.0.as_bytes(), &KeyedHash(hash))
        })
    }
}

/// A live session with its active identity: what a valid token amounts to.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveSession {
    session: Session,
    identity: Identity,
}

impl LiveSession {
    /// Checks that session and identity belong together and count at `now`.
    pub fn check(session: Session, identity: Identity, now: Timestamp) -> Option<Self> {
        let live = session.identity == identity.id
            && identity.state == IdentityState::Active
            && session.is_live(now);
        live.then_some(Self { session, identity })
    }

    /// The session.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The identity.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether it is worth what a tenant asks of sessions. Whoever acts in somebody's name cannot have their second factor;
    /// what needs a young proof stays closed to them.
    pub fn satisfies(&self, required: RequiredAssurance) -> bool {
        match required {
            _ if self.session.actor.is_some() => true,
            RequiredAssurance::Aal1 => self.session.assurance >= AssuranceLevel::Aal1,
            RequiredAssurance::HighestAvailable => self.session.assurance >= self.identity.available,
        }
    }

    /// Whether it is worth what its organisation asks. Whoever acts in somebody's name cannot have their second factor.
    pub fn satisfies_organisation(&self) -> bool {
        let session = &self.session;
        session.actor.is_some() || session.required.is_none_or(|required| session.assurance >= required)
    }

    /// What passes to whoever issues tokens.
    pub fn subject(&self, tenant: &TenantId) -> AuthenticatedSubject {
        AuthenticatedSubject {
            tenant: tenant.clone(),
            subject: self.identity.id,
            session: self.session.id,
            organisation: self.session.organisation,
            authenticated_at: self.session.authenticated_at,
            assurance: self.session.assurance,
            methods: self.references(),
            claims: self.session.claims.clone(),
            actor: self.session.actor.clone(),
            external: None,
            second_factor: self.second_factor(),
        }
    }

    /// The last proof of two factors, if there was one.
    fn second_factor(&self) -> Option<SecondFactor> {
        let (strong, others): (Vec<_>, Vec<_>) =
            self.session.methods.iter().partition(|method| method.aal >= AssuranceLevel::Aal2);
        let proven_at = strong.iter().map(|method| method.completed_at).max()?;
        let mut beside: Vec<String> = Vec::new();
        for reference in others.iter().map(|method| method.method.amr()) {
            if !beside.iter().any(|known| known == reference) {
                beside.push(reference.to_owned());
            }
        }
        Some(SecondFactor { proven_at, beside })
    }

    /// The Authentication Method References (RFC 8176), each once; `mfa` if two factors stand behind them.
    fn references(&self) -> Vec<String> {
        let mut references: Vec<&str> = Vec::new();
        let several = (self.session.assurance >= AssuranceLevel::Aal2).then_some("mfa");
        for reference in self.session.methods.iter().map(|m| m.method.amr()).chain(several) {
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
        references.into_iter().map(str::to_owned).collect()
    }

    /// The `session` document of the flow API.
    pub fn document(&self, now: Timestamp, schema_url: &str) -> Value {
        session_document(&self.session, now, Some((&self.identity, schema_url)))
    }
}

/// The `session` document of the flow API, with the identity where it belongs into it.
pub fn session_document(session: &Session, now: Timestamp, identity: Option<(&Identity, &str)>) -> Value {
    let device = json!({
        "id": session.device.id,
        "ip_address": session.device.ip_address.as_deref().unwrap_or_default(),
        "user_agent": session.device.user_agent.as_deref().unwrap_or_default(),
        "location": "",
    });
    let mut document = json!({
        "id": session.id,
        "active": session.is_live(now),
        "expires_at": session.expires_at,
        "authenticated_at": session.authenticated_at,
        "authenticator_assurance_level": session.assurance,
        "authentication_methods": session.methods,
        "issued_at": session.issued_at,
    });
    if let Value::Object(fields) = &mut document {
        if let Some((identity, schema_url)) = identity {
            fields.insert("identity".to_owned(), identity_document(identity, schema_url));
        }
        fields.insert("devices".to_owned(), json!([device]));
        if let Some(actor) = &session.actor {
            fields.insert(ACTOR_MEMBER.to_owned(), json!(actor));
        }
        if let Some(organisation) = session.organisation {
            fields.insert(ORGANISATION_MEMBER.to_owned(), json!(organisation));
        }
        // A member that the API does not have: its SDKs pass over it, and most sessions are without it.
        if !session.claims.is_empty() {
            fields.insert(CLAIMS_MEMBER.to_owned(), session.claims.as_object().clone().into());
        }
    }
    document
}

/// The `identity` document of the flow API, as the person itself may see it.
pub fn identity_document(identity: &Identity, schema_url: &str) -> Value {
    let mut document = serde_json::to_value(identity).unwrap_or_default();
    if let Value::Object(fields) = &mut document {
        fields.insert("schema_url".to_owned(), schema_url.into());
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second factor ages by itself, and what else was proven is told apart from it.
    #[test]
    fn second_factor_is_as_old_as_its_own_last_proof() {
        let at = |seconds| Timestamp::from_seconds(seconds);
        let rng = primitives::rng::SeededRng::new(1);
        let proof = |method, aal, seconds| AuthenticationMethod::new(method, aal, at(seconds));
        let identity = Identity {
            id: IdentityId(Uuid::from_u128(1)),
            external_id: None,
            schema_id: "default".to_owned(),
            state: IdentityState::Active,
            state_changed_at: at(0),
            traits: serde_json::Map::new(),
            verifiable_addresses: Vec::new(),
            recovery_addresses: Vec::new(),
            metadata_public: None,
            metadata_admin: None,
            created_at: at(0),
            updated_at: at(0),
            organisation: None,
            available: AssuranceLevel::Aal2,
            version: 1,
        };
        let device = Device { id: Uuid::nil(), ip_address: None, user_agent: None };
        let (one, two) = (AssuranceLevel::Aal1, AssuranceLevel::Aal2);
        let settings = SessionSettings::default();
        let session = Session::begin(&rng, &identity, proof(Method::Password, one, 10), device, &settings);
        let said = |session: &Session| {
            let live = LiveSession::check(session.clone(), identity.clone(), at(100)).unwrap();
            let subject = live.subject(&TenantId::default_tenant());
            (subject.second_factor.map(|factor| (factor.proven_at, factor.beside)), subject.authenticated_at)
        };
        assert_eq!(said(&session), (None, at(10)));
        let beside = vec!["pwd".to_owned()];
        let whole = session.proven(proof(Method::Totp, two, 20));
        assert_eq!(said(&whole), (Some((at(20), beside.clone())), at(20)));
        let password_again = whole.proven(proof(Method::Password, one, 90));
        assert_eq!(
            said(&password_again),
            (Some((at(20), beside.clone())), at(90)),
            "it is no younger by that"
        );
        let factor_again = password_again.proven(proof(Method::Totp, two, 95));
        assert_eq!(said(&factor_again), (Some((at(95), beside)), at(95)));
    }

    #[test]
    fn only_tokens_of_our_form_are_looked_up() {
        let rng = primitives::rng::SeededRng::new(1);
        let token = SessionToken::generate(&rng);
        assert!(SessionToken::parse(token.expose()).is_some());
        for text in [
            "",
            "ory_st_",
            "ory_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            &format!("{}x", token.expose()),
        ] {
            assert!(SessionToken::parse(text).is_none(), "{text}");
        }
    }
}
