//! What this room writes. Each variant says what its guard is; a guard that misses undoes the change.

use primitives::subject::AssuranceLevel;
use primitives::{FlowId, IdentityId, KeyedHash, OrganisationId, SessionClaims, SessionId, Timestamp};

use crate::courier::NewMessage;
use crate::factor::{FactorKind, SecondFactor};
use crate::flow::{FlowBounds, StoredFlow};
use crate::identifier::Identifier;
use crate::identity::{Identity, IdentityState};
use crate::organisation::OrganisationWrite;
use crate::password::HashedPassword;
use crate::providers::UpstreamTokens;
use crate::session::{AuthenticationMethod, NewSession};
use crate::trusted_device::{NewTrustedDevice, TrustedDeviceId};
use crate::webauthn::{CredentialId, CredentialRecord};

/// One guarded write.
#[derive(Debug, Clone)]
pub enum Write {
    /// Inserts an identity. Guard: neither its id nor its `external_id` is taken.
    InsertIdentity(Box<Identity>),
    /// The same, one of many at once: search finds it once background work has read by what. Most of what an identity costs to
    /// write is that.
    ImportIdentity(Box<Identity>),
    /// Replaces everything about an identity that can change. Guard: its version is still
    /// `identity.version`, and nobody else has its `external_id`; the stored version becomes one more.
    ReplaceIdentity(Box<Identity>),
    /// Changes whether it may sign in; its tokens die when it no longer may. Guard: it exists.
    SetState {
        /// Whose.
        identity: IdentityId,
        /// To what.
        state: IdentityState,
        /// When.
        at: Timestamp,
    },
    /// Kills every token that was issued to it before `at`. Guard: it exists.
    RevokeTokens {
        /// Whose.
        identity: IdentityId,
        /// The first instant whose tokens live.
        at: Timestamp,
    },
    /// Deletes an identity with its identifiers, credentials and sessions. Guard: it exists.
    DeleteIdentity(IdentityId),
    /// Takes an identifier. Guard: nobody holds it or a look-alike of it.
    ClaimIdentifier {
        /// For whom.
        identity: IdentityId,
        /// What.
        identifier: Identifier,
    },
    /// Gives an identifier back. Guard: this identity holds it.
    ReleaseIdentifier {
        /// Whose.
        identity: IdentityId,
        /// What.
        identifier: Identifier,
    },
    /// Sets the password, whatever it was. Guard: the identity exists.
    SetPassword {
        /// Whose.
        identity: IdentityId,
        /// Its hash.
        password: HashedPassword,
        /// When.
        at: Timestamp,
    },
    /// Takes the password away. Guard: it is there, and a passkey or a link stays to sign in with.
    RemovePassword(IdentityId),
    /// Takes away all that it signs in with and every second factor, whatever there is. Its addresses stay, and it may be left
    /// with nothing else. Guard: it exists.
    RemoveCredentials(IdentityId),
    /// Replaces a password's hash by another of the same password. Guard: the credential is still
    /// the version that was verified, so that a new password is never overwritten by the old one.
    RehashPassword {
        /// Whose.
        identity: IdentityId,
        /// The new hash.
        password: HashedPassword,
        /// The version that was verified.
        version: i64,
        /// When.
        at: Timestamp,
    },
    /// Sets a second factor, or writes what is left of it after it was used. Guard: its version is still `replaces`, or
    /// there is none if that is `None` and the identity exists; the stored version becomes one more.
    SetFactor {
        /// Whose.
        identity: IdentityId,
        /// The factor as it will be.
        factor: SecondFactor,
        /// The version that was read.
        replaces: Option<i64>,
        /// When.
        at: Timestamp,
    },
    /// Takes a second factor away. Guard: it is there.
    RemoveFactor {
        /// Whose.
        identity: IdentityId,
        /// Which.
        kind: FactorKind,
    },
    /// Links an identity to whom a provider means by a subject. Guard: the identity exists, has no other link to that
    /// provider, and nobody has this one.
    LinkProvider {
        /// Whose.
        identity: IdentityId,
        /// To what.
        link: Box<NewLink>,
        /// When.
        at: Timestamp,
    },
    /// Takes a link away. Guard: it is there, and a password, a passkey or another link stays to sign in with.
    UnlinkProvider {
        /// Whose.
        identity: IdentityId,
        /// The provider's name.
        provider: String,
        /// Whom it means.
        subject: String,
    },
    /// Replaces the tokens of a link. Guard: its version is still `version`; the stored version becomes one more.
    ReplaceLinkTokens {
        /// The provider's name.
        provider: String,
        /// Whom it means.
        subject: String,
        /// The tokens.
        tokens: Box<UpstreamTokens>,
        /// The version that was read.
        version: i64,
        /// When.
        at: Timestamp,
    },
    /// Keeps a passkey or a security key. Guard: the identity exists, and nobody has a credential of that id.
    AddKey {
        /// Whose.
        identity: IdentityId,
        /// The credential.
        record: Box<CredentialRecord>,
        /// When.
        at: Timestamp,
    },
    /// Keeps what a credential is after it was used: its counter goes on. Guard: it is still the version that was
    /// verified, so that of one answer that is sent many times one counts.
    UseKey {
        /// The credential as it will be.
        record: Box<CredentialRecord>,
        /// The version that was verified.
        version: i64,
        /// When.
        at: Timestamp,
    },
    /// Takes a passkey or a security key away. Guard: it is there, and if it is a passkey, a password, another passkey or
    /// a link stays to sign in with.
    RemoveKey {
        /// Whose.
        identity: IdentityId,
        /// Which.
        id: CredentialId,
    },
    /// Trusts a device. Guard: its identity is active. Of more than so many the oldest are forgotten.
    TrustDevice(Box<NewTrustedDevice>),
    /// Forgets a trusted device, and that sessions count by it. Guard: it is there and the identity's.
    ForgetTrustedDevice {
        /// Whose.
        identity: IdentityId,
        /// Which.
        device: TrustedDeviceId,
    },
    /// Forgets all trusted devices of an identity, as every change of its password or its second factors does by itself. No
    /// guard: there may be none.
    ForgetTrustedDevices(IdentityId),
    /// Inserts a session. Guard: its identity is active.
    InsertSession(Box<NewSession>),
    /// Records a repeated proof in a session. Guard: it is live.
    RefreshSession {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: IdentityId,
        /// The proof.
        method: AuthenticationMethod,
        /// How strong all proofs are together from now on.
        assurance: AssuranceLevel,
        /// All proofs from now on, the new one last.
        methods: Vec<AuthenticationMethod>,
        /// What plugins say of the session from now on.
        claims: SessionClaims,
    },
    /// Writes nothing. Guard: the session is live. A change that somebody may make because they are signed in asks it, so
    /// that what ends their session ends what they are about to do, too.
    HoldSession {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: IdentityId,
        /// When.
        at: Timestamp,
    },
    /// Gives a session another token. Guard: it is live, and its token is still `from`.
    ReplaceSessionToken {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: IdentityId,
        /// The hash of the token so far.
        from: KeyedHash,
        /// The hash of the new one.
        to: KeyedHash,
        /// When.
        at: Timestamp,
    },
    /// Ends one session. Guard: it belongs to the identity and was not ended before.
    RevokeSession {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: IdentityId,
        /// When.
        at: Timestamp,
    },
    /// Ends all sessions of an identity, except one if given. No guard: there may be none.
    RevokeSessions {
        /// Whose.
        identity: IdentityId,
        /// The one that stays.
        except: Option<SessionId>,
        /// When.
        at: Timestamp,
    },
    /// Deletes one session, ended or not. Guard: it is there and belongs to the identity.
    DeleteSession {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: IdentityId,
    },
    /// Deletes all sessions of an identity. No guard: there may be none.
    DeleteSessions(IdentityId),
    /// Lets a session last longer. Guard: it is live.
    ExtendSession {
        /// Which.
        session: SessionId,
        /// Until when.
        expires_at: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// Inserts a flow and keeps the bounds on their number. Guard: its id is new.
    InsertFlow {
        /// The flow.
        flow: Box<StoredFlow>,
        /// Two flows that expired before this instant leave.
        expired_before: Timestamp,
        /// If given, all but so many of the tenant's flows leave, oldest first.
        cut_to: Option<u32>,
    },
    /// Replaces a flow. Guard: its version is still `flow.version`; the stored version becomes one
    /// more.
    UpdateFlow(Box<StoredFlow>),
    /// Inserts a flow that its browser kept until now, and keeps the bounds. Guard: there is no row of it, spent or not, and
    /// none of its age was cut.
    TakeInFlow {
        /// The flow.
        flow: Box<StoredFlow>,
        /// What leaves.
        bounds: FlowBounds,
    },
    /// Says of a flow that its browser kept until now that it has served, and keeps the bounds. Guard: the same.
    SpendHeldFlow {
        /// Which.
        id: FlowId,
        /// Until when its browser might submit it.
        expires_at: Timestamp,
        /// What leaves.
        bounds: FlowBounds,
    },
    /// Says of a row that it has served: what its browser kept of it before brings it back no more. No guard.
    SpendFlow(FlowId),
    /// Removes a flow. No guard.
    RemoveFlow(FlowId),
    /// Queues a message. Guard: its id is new.
    QueueMessage(Box<NewMessage>),
    /// Something of an organisation. Its guard is said there.
    Organisation(OrganisationWrite),
}

/// A link about to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLink {
    /// The provider's name.
    pub provider: String,
    /// Whom it means.
    pub subject: String,
    /// The organisation whose provider it is.
    pub organisation: Option<OrganisationId>,
    /// The tokens that it gave.
    pub tokens: Option<UpstreamTokens>,
}
