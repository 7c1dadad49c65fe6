//! What was granted, and everything that hangs on it: code, access tokens, refresh tokens.
//!
//! A token is live only as long as its grant: revoking the grant is one write, and afterwards no token
//! of it is active, whatever was issued before, meanwhile or after.

use std::time::Duration;

use primitives::{
    ActingParty, AuthenticatedSubject, ClientId, GrantId, IdentityId, KeyedHash, OrganisationId,
    SessionClaims, SessionId, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::claims_request::RequestedClaims;
use crate::client::Client;
use crate::confirmation::{Confirmation, Thumbprint};
use crate::derivation::Derivation;
use crate::details::AuthorizationDetails;
use crate::hooks::TokenShape;
use crate::lineage::Lineage;
use crate::pkce::ChallengeMethod;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;

/// A grant is kept so much longer than the codes, opaque tokens and refresh tokens that hang on it, for the signed access tokens, which
/// have no row of their own. One that lives longer is written down as it is issued ([`Write::KeepGrant`](crate::write::Write::KeepGrant)).
pub const SIGNED_TOKENS_LIVE: Duration = Duration::from_hours(7 * 24);

/// What a subject granted to a client at one authorization.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Its identifier.
    pub id: GrantId,
    /// Who may use it.
    pub client: ClientId,
    /// Who granted it, and how they had signed in.
    pub subject: GrantSubject,
    /// For what.
    pub scope: Scopes,
    /// For whom the access tokens are.
    pub audience: Vec<String>,
    /// What no scope says (RFC 9396).
    pub details: AuthorizationDetails,
    /// The claims that were asked for by name.
    pub requested: RequestedClaims,
    /// `nonce` of the authorization request, for the ID token.
    pub nonce: Option<String>,
    /// What a consent app of the tenant's own, or its token hook, wants said in its tokens.
    pub claims: GrantedClaims,
    /// When it was granted.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// A new one, made now, for scopes and audience and nothing else.
    pub(crate) fn plain(
        server: &AuthorizationServer,
        client: &Client,
        subject: GrantSubject,
        (scope, audience): (&Scopes, &[String]),
    ) -> Self {
        Self {
            id: GrantId::generate(server.rng.as_ref()),
            client: client.id.clone(),
            subject,
            scope: scope.clone(),
            audience: audience.to_vec(),
            details: AuthorizationDetails::default(),
            requested: RequestedClaims::default(),
            nonce: None,
            claims: GrantedClaims::default(),
            created_at: server.now(),
            revoked_at: None,
        }
    }

    /// Whether it outlives the session in which it was made. `offline_access` is granted only to
    /// clients that may refresh, and says just that (OpenID Connect Core section 11). What somebody else was granted
    /// in the person's name never does. What was granted without a session, by the word of a provider, has none to end with.
    pub fn outlives_session(&self) -> bool {
        !self.subject.has_session() || (self.subject.actor.is_none() && self.scope.offline())
    }
}

/// Claims that a consent app of the tenant's own adds, by document, and those that its token hook put in their place. None of
/// them is protected: they were checked when they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedClaims {
    /// For access tokens: in those that are signed, and in what introspection answers.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub access_token: Map<String, Value>,
    /// For ID tokens and userinfo.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub id_token: Map<String, Value>,
    /// What the app wants to read again in the list of consents; in no token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
    /// What the client had asked for, where less was granted; in no token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Requested>,
    /// What the token hook has said last, in place of both documents; the list of consents has what the app said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooked: Option<TokenShape>,
}

/// Scopes and audience that a client has asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// For what.
    pub scope: Vec<String>,
    /// For whom the access tokens are.
    pub audience: Vec<String>,
}

impl GrantedClaims {
    /// Whether nothing is added.
    pub fn is_empty(&self) -> bool {
        self.access_token.is_empty()
            && self.id_token.is_empty()
            && self.context.is_none()
            && self.requested.is_none()
            && self.hooked.is_none()
    }

    /// What tokens say: by the token hook's word, or by the consent app's where there is none.
    pub fn said(&self) -> TokenShape {
        self.hooked.clone().unwrap_or_else(|| TokenShape {
            id_token: self.id_token.clone(),
            access_token: self.access_token.clone(),
        })
    }
}

/// The person behind a grant, as they were when they granted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantSubject {
    /// Who.
    pub id: IdentityId,
    /// `sid`; none where a provider's word was enough.
    pub session: SessionId,
    /// The organisation for which they had signed in.
    pub organisation: Option<OrganisationId>,
    /// `auth_time`.
    pub authenticated_at: Timestamp,
    /// `acr`.
    pub acr: String,
    /// `amr`.
    pub amr: Vec<String>,
    /// What the tenant's plugins said of the session, for its plugins on the hook `token`.
    pub session_claims: SessionClaims,
    /// Who acted in the person's name, if it was not the person (`act`).
    pub actor: Option<ActingParty>,
    /// By which text a login app of the tenant's own knows them, if they are no identity of the tenant.
    pub external: Option<String>,
    /// By which name the client knows them, if a login app has given them one there (`force_subject_identifier`).
    pub forced: Option<String>,
}

impl GrantSubject {
    /// Whether they have signed in here.
    pub fn has_session(&self) -> bool {
        self.session != SessionId::NONE
    }

    /// `sub`.
    pub fn sub(&self) -> String {
        self.external.clone().unwrap_or_else(|| self.id.to_string())
    }
}

impl From<&AuthenticatedSubject> for GrantSubject {
    fn from(subject: &AuthenticatedSubject) -> Self {
        Self {
            id: subject.subject,
            session: subject.session,
            organisation: subject.organisation,
            authenticated_at: subject.assured_at(),
            acr: subject.acr().to_owned(),
            amr: subject.methods.clone(),
            session_claims: subject.claims.clone(),
            actor: subject.actor.clone(),
            external: subject.external.as_ref().and_then(|external| external.subject.clone()),
            forced: None,
        }
    }
}

/// A consent that a person asked us to remember: one per subject and client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub subject: IdentityId,
    /// To whom.
    pub client: ClientId,
    /// What.
    pub scope: Scopes,
    /// For whom.
    pub audience: Vec<String>,
    /// Which details (RFC 9396): these, as they are.
    pub details: AuthorizationDetails,
    /// When.
    pub granted_at: Timestamp,
    /// Until when, if not until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// The grant with which it was given: its id is the consent's own, and outlives the grant. None of one that an older version
    /// has written.
    pub grant: Option<GrantId>,
    /// How it was given; none where that was not written down.
    pub record: Option<ConsentRecord>,
}

impl Consent {
    /// By which name it is found, listed and taken back (`consent_request_id`).
    pub fn id(&self) -> GrantId {
        self.grant.unwrap_or(GrantId(uuid::Uuid::nil()))
    }

    /// The same, as it was given with a grant.
    pub(crate) fn given_with(self, grant: &Grant) -> Self {
        let subject = &grant.subject;
        let record = ConsentRecord {
            session: subject.session,
            external: subject.external.clone(),
            acr: subject.acr.clone(),
            amr: subject.amr.clone(),
            claims: grant.claims.clone(),
        };
        // The same instant: both stand at one place of a list. It holds for as long as it would have held.
        let granted_at = grant.created_at;
        let expires_at = self.expires_at.map(|end| granted_at.after(end.since(self.granted_at)));
        Self { granted_at, expires_at, grant: Some(grant.id), record: Some(record), ..self }
    }
}

/// How somebody was signed in who gave a consent, and what was said of it: for the list of consents, when its grant is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// In which session.
    pub session: SessionId,
    /// By which text a login app of the tenant's own knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    /// `acr`.
    pub acr: String,
    /// `amr`.
    pub amr: Vec<String>,
    /// What a consent app said.
    #[serde(default, skip_serializing_if = "GrantedClaims::is_empty")]
    pub claims: GrantedClaims,
}

/// An authorization code (RFC 6749 section 4.1.2). Its grant remembers it after its use, so that a replay is
/// noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// Keyed hash of the code.
    pub hash: KeyedHash,
    /// The grant that it stands for.
    pub grant: GrantId,
    /// `redirect_uri` as it stood in the request, if it did.
    pub redirect_uri: Option<String>,
    /// PKCE `code_challenge`.
    pub code_challenge: Option<String>,
    /// How it was made of its verifier.
    pub code_challenge_method: ChallengeMethod,
    /// The key with whose proof alone it is redeemed (RFC 9449 section 10).
    pub dpop_jkt: Option<Thumbprint>,
    /// Until when it may be redeemed.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub consumed_at: Option<Timestamp>,
}

/// An opaque access token.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessToken {
    /// Keyed hash of the token.
    pub hash: KeyedHash,
    /// The grant that it hangs on; none if the client acts for itself.
    pub grant: Option<GrantId>,
    /// To whom it was issued.
    pub client: ClientId,
    /// Whom an issuer named, where there is no grant.
    pub subject: Option<String>,
    /// What it may be used for.
    pub scope: Scopes,
    /// Where.
    pub audience: Vec<String>,
    /// For which details (RFC 9396).
    pub details: AuthorizationDetails,
    /// What it is bound to.
    pub confirmation: Option<Confirmation>,
    /// Through whose hands it came, where it was exchanged (RFC 8693). What it hangs on is then the first one's.
    pub derivation: Option<Derivation>,
    /// Of which tokens it was exchanged: it ends with each of them.
    pub lineage: Lineage,
    /// Claims that a hook added, for introspection.
    pub claims: Map<String, Value>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when it lives.
    pub expires_at: Timestamp,
}

/// A refresh token. All refresh tokens of one grant are one family: each but the newest is rotated.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshToken {
    /// Keyed hash of the token.
    pub hash: KeyedHash,
    /// The grant that it hangs on.
    pub grant: GrantId,
    /// What it may give; never more than the grant.
    pub scope: Scopes,
    /// What it is bound to: whoever cannot show that key gets nothing for it. Its successors are bound to the same.
    pub confirmation: Option<Confirmation>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when it lives.
    pub expires_at: Timestamp,
    /// Its rotation, once it was used.
    pub rotation: Option<Rotation>,
}

/// The use of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// When.
    pub at: Timestamp,
    /// Keyed hash of the token that took its place.
    pub successor: KeyedHash,
    /// That token, sealed to this row, so that a repeated request gets the same answer.
    pub sealed_successor: Vec<u8>,
}
