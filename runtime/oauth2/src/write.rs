//! Everything that this room writes, each write with its guard.

use primitives::{AdminKeyId, ClientId, GrantId, IdentityId, KeyedHash, SessionId, Timestamp};

use crate::authorization::answered::AnsweredChallenge;
use crate::authorization::external::LoginSession;
use crate::client::ClientRecord;
use crate::device::{DeviceCode, Polling};
use crate::forced_subject::ForcedSubject;
use crate::grant::{AccessToken, AuthorizationCode, Consent, Grant, GrantedClaims, RefreshToken, Rotation};
use crate::trust::TrustedIssuer;

/// One guarded write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Adds a client. Guard: its id is free.
    InsertClient(Box<ClientRecord>),
    /// Replaces a client. Guard: the row has version `expected`.
    UpdateClient {
        /// What it becomes; its version is `expected + 1`.
        client: Box<ClientRecord>,
        /// The version that was read.
        expected: i64,
    },
    /// Removes a client. Guard: the row has version `expected`.
    DeleteClient {
        /// Which.
        client: ClientId,
        /// The version that was read.
        expected: i64,
    },
    /// Lets one more client register itself. Guard: fewer than `most` have.
    CountRegistration {
        /// How many there may be.
        most: u32,
    },
    /// Uses an initial access token of the change's tenant once. Guard: it is there, and has a use left.
    UseInitialAccessToken {
        /// Which.
        key: AdminKeyId,
    },
    /// Notes that a client which registered itself got a token: it stays. No guard; what is there is put off and never brought forward.
    KeepClient {
        /// Which.
        client: ClientId,
        /// Until when at least; `None` where it stays.
        until: Option<Timestamp>,
    },
    /// Revokes every grant of a client. No guard.
    RevokeGrantsOfClient {
        /// Which.
        client: ClientId,
        /// When.
        at: Timestamp,
    },
    /// Adds a grant. Guard: its id is free.
    InsertGrant(Box<Grant>),
    /// Replaces what the tokens of a grant say. Guard: it is live.
    ReplaceClaims {
        /// Which.
        grant: GrantId,
        /// What they say from now on.
        claims: Box<GrantedClaims>,
    },
    /// Keeps a grant until a signed token of it is dead: that has no row of its own which would. No guard; what is there is put off
    /// and never brought forward.
    KeepGrant {
        /// Which.
        grant: GrantId,
        /// When the token expires.
        until: Timestamp,
    },
    /// Keeps the tenant's keys that have not retired until what they have signed is dead, whenever they retire. No guard; what is
    /// there is put off and never brought forward.
    KeepSigningKeys {
        /// When the last of it expires.
        until: Timestamp,
    },
    /// Revokes a grant. No guard: revoking twice is revoking.
    RevokeGrant {
        /// Which.
        grant: GrantId,
        /// When.
        at: Timestamp,
    },
    /// Revokes every grant of a subject, or only those to one client. No guard.
    RevokeGrantsOfSubject {
        /// Whose.
        subject: IdentityId,
        /// To whom; everybody if absent.
        client: Option<ClientId>,
        /// When.
        at: Timestamp,
    },
    /// Revokes the grants made in a session, except those with a refresh token, which outlive it. No guard.
    RevokeGrantsOfSession {
        /// Which.
        session: SessionId,
        /// When.
        at: Timestamp,
    },
    /// Has every client that was granted something in a session, and has an address for it, be told that the session has
    /// ended (OpenID Connect Back-Channel Logout 1.0). No guard: what waits already waits once.
    TellClientsOfSession {
        /// Which.
        session: SessionId,
        /// When.
        at: Timestamp,
    },
    /// Remembers a consent in place of an earlier one. No guard.
    RememberConsent(Box<Consent>),
    /// Forgets the consents of a subject, or only that to one client. No guard.
    ForgetConsents {
        /// Whose.
        subject: IdentityId,
        /// To whom; everybody if absent.
        client: Option<ClientId>,
    },
    /// Changes nothing. Guard: the session here lives and is of this identity, and does not end meanwhile.
    HoldSession {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: IdentityId,
        /// Now.
        at: Timestamp,
    },
    /// Adds somebody's sign-in at a login app. Guard: its id is free.
    InsertLoginSession(Box<LoginSession>),
    /// Lets one last longer, under another cookie. Guard: it has not ended.
    ExtendLoginSession {
        /// Which.
        session: SessionId,
        /// Keyed hash of the cookie from now on.
        token: KeyedHash,
        /// Until when the person need not sign in again.
        remembered_until: Option<Timestamp>,
        /// Until when what was granted in it may live.
        expires_at: Timestamp,
    },
    /// Ends one, and has its clients told. No guard: ended twice is ended.
    DeleteLoginSession {
        /// Which.
        session: SessionId,
        /// Now.
        at: Timestamp,
    },
    /// Ends those of a subject, and has their clients told. No guard.
    DeleteLoginSessions {
        /// Whose.
        subject: IdentityId,
        /// Which of them.
        which: SignIns,
        /// Now.
        at: Timestamp,
    },
    /// Gives somebody a name at a client. Guard: it is nobody else's there.
    NameSubject(Box<ForcedSubject>),
    /// Notes the name that we give somebody at a client. No guard: it is there already, and nobody else's.
    NoteName(Box<ForcedSubject>),
    /// Writes down the first answer to a challenge. Guard: there is none.
    AnswerChallenge(Box<AnsweredChallenge>),
    /// Adds a code. Guard: its hash is new.
    InsertAuthorizationCode(Box<AuthorizationCode>),
    /// Redeems a code, which its grant remembers for as long as it is there. Guard: it was not redeemed, and
    /// its grant is live.
    ConsumeAuthorizationCode {
        /// Keyed hash of the code.
        code: KeyedHash,
        /// Its grant.
        grant: GrantId,
        /// When.
        at: Timestamp,
        /// Until when what it gives may live: its grant is kept for as long at least.
        kept_until: Timestamp,
    },
    /// Adds a device's request. Guard: the hashes of both of its codes are new.
    InsertDeviceCode(Box<DeviceCode>),
    /// Notes when a device may ask again. No guard: of two polls at once the later one counts.
    NotePoll {
        /// Keyed hash of the device code.
        code: KeyedHash,
        /// What holds from now on.
        polling: Polling,
    },
    /// Answers a device. Guard: nobody has, and it has not expired.
    AnswerDeviceCode {
        /// Keyed hash of the device code.
        code: KeyedHash,
        /// What it is allowed; none if the person refuses.
        grant: Option<GrantId>,
        /// When.
        at: Timestamp,
    },
    /// Redeems a device code, which its grant remembers for as long as it is there. Guard: it is allowed this grant, was
    /// not redeemed, and the grant is live.
    ConsumeDeviceCode {
        /// Keyed hash of the device code.
        code: KeyedHash,
        /// Its grant.
        grant: GrantId,
        /// When.
        at: Timestamp,
        /// Until when what it gives may live: its grant is kept for as long at least.
        kept_until: Timestamp,
    },
    /// Adds an opaque access token. Guard: its hash is new.
    InsertAccessToken(Box<AccessToken>),
    /// Removes an opaque access token. No guard.
    DeleteAccessToken {
        /// Keyed hash of the token.
        token: KeyedHash,
    },
    /// Adds a refresh token. Guard: its hash is new.
    InsertRefreshToken(Box<RefreshToken>),
    /// Rotates a refresh token. Guard: it was not rotated, and its grant is live.
    RotateRefreshToken {
        /// Keyed hash of the token.
        token: KeyedHash,
        /// Its grant.
        grant: GrantId,
        /// What takes its place.
        rotation: Box<Rotation>,
    },
    /// Notes the `jti` of a client's assertion, or of its proof of possession, or what a wallet's key has used. Guard: the client
    /// has not used it.
    UseAssertion {
        /// Whose.
        client: ClientId,
        /// SHA-256 of the `jti`, in base64url; of a proof `dpop.` and that of its key and its `jti`; of a wallet's `credential.` and that of
        /// its key and its nonce.
        jti: String,
        /// When it can be forgotten: the assertion is dead by then.
        expires_at: Timestamp,
    },
    /// Notes the `jti` of an assertion that was taken for a grant. Guard: nobody has used it.
    UseBearerAssertion {
        /// SHA-256 of issuer and `jti`, in base64url.
        jti: String,
        /// When it can be forgotten: the assertion is dead by then.
        expires_at: Timestamp,
    },
    /// Trusts an issuer. Guard: there is no trust for its issuer, subject and key.
    InsertTrustedIssuer(Box<TrustedIssuer>),
    /// Trusts an issuer no more. No guard.
    DeleteTrustedIssuer {
        /// Which trust.
        id: String,
    },
    /// Writes down that an access token is revoked: a signed one ends by it, and whatever was exchanged from either form. No guard.
    RevokeJwt {
        /// Its mark: of a signed one its `jti`.
        jti: String,
        /// When it can be forgotten: the token is dead by then.
        expires_at: Timestamp,
    },
}

/// Which of somebody's sign-ins at a login app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIns {
    /// All of them.
    All,
    /// Those that hang on this session of theirs here (`identity_provider_session_id`).
    HangingOn(SessionId),
    /// All but these.
    NotHangingOn(SessionId),
}
