//! What this room needs from outside: storage, keys, people, hashing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jose::TenantKeys;
use primitives::{
    ClientAddress, ClientId, GrantId, IdentityId, KeyedHash, OrganisationId, Secret, SessionId, TenantId,
    Timestamp,
};
use serde_json::{Map, Value};

use crate::claims_request::RequestedClaims;
use crate::client::{Client, ClientRecord};
use crate::details::AuthorizationDetails;
use crate::grant::{AccessToken, AuthorizationCode, Consent, Grant, RefreshToken};
use crate::lineage::Mark;
use crate::scope::Scopes;

/// Something outside did not answer. Never the client's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Too much to do right now; the client may try again.
    #[error("overloaded: {}", .0.what)]
    Busy(Busy),
    /// It failed; the text is for the operator.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl PortError {
    /// There is too much of something, for a moment.
    pub const fn busy(what: &'static str) -> Self {
        Self::Busy(Busy { what, retry_after: Duration::from_secs(1) })
    }
}

/// That there is too much to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// Of what; for the operator.
    pub what: &'static str,
    /// When there may be less, in whole seconds.
    pub retry_after: Duration,
}

/// The answer of a port.
pub type PortResult<'a, T> = BoxFuture<'a, Result<T, PortError>>;

/// Finds clients.
pub trait ClientRepository: Send + Sync + fmt::Debug {
    /// The client of this id, ready for decisions. May come from a cache that storage keeps correct.
    fn find_client<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ClientId,
    ) -> PortResult<'a, Option<Arc<Client>>>;

    /// The client's record as it is stored now.
    fn find_client_record<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ClientId,
    ) -> PortResult<'a, Option<ClientRecord>>;

    /// Clients in the order of their places.
    fn list_clients<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a ClientFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<ClientRecord>>;

    /// How many clients have registered themselves; counted up to `most`.
    fn count_registered_clients<'a>(&'a self, tenant: &'a TenantId, most: u32) -> PortResult<'a, u32>;
}

/// Where a client stands among those of its tenant: by when it was made. A list in this order reads what lies together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientPlace {
    /// When it was made.
    pub created_at: Timestamp,
    /// Which of those of the same instant it is.
    pub id: ClientId,
}

impl ClientPlace {
    /// Where a client stands; nowhere if its document has no id.
    pub fn of(client: &ClientRecord) -> Option<Self> {
        Some(Self { created_at: client.created_at, id: client.document.client_id.clone()? })
    }
}

/// Which clients to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// Only those behind this place.
    pub after: Option<ClientPlace>,
    /// Only with this exact name.
    pub client_name: Option<String>,
    /// Only of this owner.
    pub owner: Option<String>,
}

/// Finds grants and consents.
pub trait GrantRepository: Send + Sync + fmt::Debug {
    /// A grant, revoked or not.
    fn find_grant<'a>(&'a self, tenant: &'a TenantId, id: GrantId) -> PortResult<'a, Option<Grant>>;

    /// The remembered consent of a subject to a client, expired or not.
    fn find_consent<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        client: &'a ClientId,
    ) -> PortResult<'a, Option<Consent>>;

    /// The remembered consent that was given with a grant, whatever became of that, expired or not.
    fn find_consent_of_grant<'a>(
        &'a self,
        tenant: &'a TenantId,
        grant: GrantId,
    ) -> PortResult<'a, Option<Consent>>;

    /// What a subject asked us to remember and what has not expired now, newest first.
    fn list_consents<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        filter: GrantFilter,
        now_and_limit: (Timestamp, u32),
    ) -> PortResult<'a, Vec<Consent>>;

    /// The live grants of a subject, newest first.
    fn list_grants<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        filter: GrantFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<Grant>>;

    /// The clients with live grants of a subject, or with what it asked us to remember, of both what is not over now; each with
    /// when the latest was given, and the latest first. A grant is over when its session is and whatever hung on it has expired.
    fn list_clients_with_access<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        now_and_limit: (Timestamp, u32),
    ) -> PortResult<'a, Vec<(ClientId, Timestamp)>>;

    /// What live grants of a subject to a client allow that are not over now, each different thing once however many allow it, the
    /// latest first.
    fn list_allowed<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        client: &'a ClientId,
        now_and_limit: (Timestamp, u32),
    ) -> PortResult<'a, Vec<Allowed>>;

    /// The clients that were granted something in a session, whatever became of it, in the order of their ids.
    fn list_clients_of_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        session: SessionId,
        limit: u32,
    ) -> PortResult<'a, Vec<ClientId>>;
}

/// Which of a subject's grants, or remembered consents, to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Only those made in this session.
    pub session: Option<SessionId>,
    /// Only those behind the grant of this time and id.
    pub after: Option<(Timestamp, GrantId)>,
}

/// What grants allow, whenever and however often they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// What.
    pub scope: Scopes,
    /// Where.
    pub audience: Vec<String>,
    /// What no scope says.
    pub details: AuthorizationDetails,
    /// The claims that were asked for by name.
    pub requested: RequestedClaims,
}

impl Allowed {
    /// What a grant allows.
    pub fn of(grant: &Grant) -> Self {
        Self {
            scope: grant.scope.clone(),
            audience: grant.audience.clone(),
            details: grant.details.clone(),
            requested: grant.requested.clone(),
        }
    }
}

/// Finds codes and tokens, each with the grant that it hangs on.
pub trait TokenRepository: Send + Sync + fmt::Debug {
    /// A code that waits to be redeemed, or was redeemed or has expired a while ago.
    fn find_authorization_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AuthorizationCode, Grant)>>;

    /// The grant of a code that was redeemed, however long ago, while the grant is there.
    fn find_grant_of_redeemed_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<Grant>>;

    /// An opaque access token, with the grant on which it hangs. None where its client is another one of its name, or has no row and
    /// the token hangs on no grant.
    fn find_access_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AccessToken, Option<Grant>)>>;

    /// A refresh token, rotated or not.
    fn find_refresh_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(RefreshToken, Grant)>>;

    /// Whether one of these tokens was revoked by itself: a signed one, and those of which it was exchanged.
    fn is_any_revoked<'a>(&'a self, tenant: &'a TenantId, marks: &'a [Mark]) -> PortResult<'a, bool>;

    /// Whether a client has used an assertion.
    fn is_assertion_used<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        jti: &'a str,
    ) -> PortResult<'a, bool>;

    /// Whether an assertion was taken for a grant.
    fn is_bearer_assertion_used<'a>(&'a self, tenant: &'a TenantId, jti: &'a str) -> PortResult<'a, bool>;
}

/// Tells about people, for claims and for whether they still may. Identity stands behind it.
pub trait SubjectClaims: Send + Sync + fmt::Debug {
    /// The person, if they exist and are active.
    fn find_subject<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
    ) -> PortResult<'a, Option<SubjectProfile>>;

    /// Whether a session is live.
    fn is_session_live<'a>(&'a self, tenant: &'a TenantId, session: SessionId) -> PortResult<'a, bool>;

    /// Whether somebody still belongs to an organisation in whose name they have signed in, and it is active.
    fn is_in_organisation<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        subject: IdentityId,
    ) -> PortResult<'a, bool>;
}

/// What claims are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectProfile {
    /// The identity's traits.
    pub traits: Map<String, Value>,
    /// The identity's public metadata.
    pub metadata_public: Map<String, Value>,
    /// Its verified addresses (e-mail, telephone), normalised.
    pub verified_addresses: Vec<String>,
    /// When the traits last changed.
    pub updated_at: Timestamp,
    /// Tokens issued to the subject before this instant are dead.
    pub not_before: Timestamp,
}

impl SubjectProfile {
    /// Of somebody whom only a login app of the tenant's own knows: what is told of them is what a consent app says.
    pub(crate) fn external() -> Self {
        Self {
            traits: Map::new(),
            metadata_public: Map::new(),
            verified_addresses: Vec::new(),
            updated_at: Timestamp::from_seconds(0),
            not_before: Timestamp::from_seconds(0),
        }
    }
}

/// Knows whom another issuer means: people who sign in with it are linked here. Identity and federation stand behind it.
pub trait FederatedSubjects: Send + Sync + fmt::Debug {
    /// The identity that is linked to this subject of an issuer.
    fn find_federated<'a>(
        &'a self,
        tenant: &'a TenantId,
        issuer: &'a str,
        subject: &'a str,
    ) -> PortResult<'a, Option<IdentityId>>;
}

/// By whom a secret is said to be whose, which may be a guess.
#[derive(Debug, Clone, Copy)]
pub struct SecretGuess<'a> {
    /// Whose client.
    pub tenant: &'a TenantId,
    /// Which.
    pub client: &'a ClientId,
    /// From where it comes; nothing where its client has proven who it is in another way.
    pub source: Option<ClientAddress>,
}

/// Hashes secrets that people chose, in a bounded pool of their own.
pub trait SecretHasher: Send + Sync + fmt::Debug {
    /// Argon2id in PHC form.
    fn hash(&self, secret: Secret<String>) -> PortResult<'_, String>;

    /// Whether the secret is the hashed one.
    fn verify(&self, secret: Secret<String>, phc: String) -> PortResult<'_, bool>;

    /// Whether a secret that is to be verified would be looked at: asked before a guess is counted, so that one that nobody can
    /// look at writes nothing.
    fn has_room(&self) -> bool {
        true
    }

    /// Counts a guess, by client and by source, before it is looked at by `check`, and takes it back if it was right (RFC 6749
    /// section 2.3.1): where there were too many it is [`PortError::Busy`], and nobody looks.
    fn attempt<'a>(&'a self, guess: SecretGuess<'a>, check: PortResult<'a, bool>) -> PortResult<'a, bool>;
}

/// Gives a tenant's keys, ready to sign and verify: the port of whoever provides keys. Storage is one provider, whose keys are in our
/// memory; one whose keys are elsewhere gives [`TenantKeys::with_foreign`].
pub trait TokenKeys: Send + Sync + fmt::Debug {
    /// The keys as they are now. Comes from memory but for the first time.
    fn load_keys<'a>(&'a self, tenant: &'a TenantId) -> PortResult<'a, Arc<TenantKeys>>;
}
