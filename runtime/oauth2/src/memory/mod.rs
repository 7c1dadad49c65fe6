//! This room's own model of storage: every write with its guard, every port, in memory. What tests
//! decide on, and what says in the fewest words how storage must behave.

mod ports;
#[path = "../../../testkit/src/prover.rs"]
#[expect(unreachable_pub, reason = "it is public in the room that it is of")]
mod prover;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use jose::TenantKeys;
use primitives::outbound::{OutboundRequest, OutboundResponse};
use primitives::{
    AdminKeyId, AuditEvent, Change, ClientId, GrantId, IdentityId, KeyedHash, OrganisationId, SessionId,
    TenantId, Timestamp,
};

pub(crate) use prover::{Prover, hash_of};
pub(crate) use world::*;

use crate::authorization::answered::AnsweredChallenge;
use crate::authorization::external::LoginSession;
use crate::client::ClientRecord;
use crate::device::{DeviceAnswer, DeviceCode};
use crate::forced_subject::ForcedSubject;
use crate::grant::{AccessToken, AuthorizationCode, Consent, Grant, RefreshToken, SIGNED_TOKENS_LIVE};
use crate::ports::SubjectProfile;
use crate::trust::TrustedIssuer;
use crate::write::{SignIns, Write};

/// All tenants' rows, and the tenants' keys.
#[derive(Debug)]
pub(crate) struct Memory {
    tenants: Mutex<BTreeMap<TenantId, Rows>>,
    keys: Arc<TenantKeys>,
    /// What is at addresses outside.
    pub(crate) published: Mutex<BTreeMap<String, OutboundResponse>>,
}

/// One tenant's rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) clients: BTreeMap<ClientId, ClientRecord>,
    /// How many uses are left.
    pub(crate) initial_access_tokens: HashMap<AdminKeyId, u32>,
    pub(crate) grants: BTreeMap<GrantId, Grant>,
    /// Grants that are kept for signed tokens, until when.
    pub(crate) kept_grants: BTreeMap<GrantId, Timestamp>,
    /// Until when the keys that sign are needed at least.
    pub(crate) keys_needed_until: Option<Timestamp>,
    pub(crate) consents: HashMap<(IdentityId, ClientId), Consent>,
    pub(crate) codes: HashMap<KeyedHash, AuthorizationCode>,
    pub(crate) redeemed_codes: HashMap<KeyedHash, GrantId>,
    pub(crate) devices: HashMap<KeyedHash, DeviceCode>,
    pub(crate) access_tokens: HashMap<KeyedHash, AccessToken>,
    pub(crate) refresh_tokens: HashMap<KeyedHash, RefreshToken>,
    pub(crate) assertions: BTreeSet<(ClientId, String)>,
    pub(crate) bearer_assertions: BTreeSet<String>,
    pub(crate) trusts: BTreeMap<String, TrustedIssuer>,
    pub(crate) revoked_jwts: BTreeSet<String>,
    /// Which clients are to be told that which session has ended, and whose it was.
    pub(crate) told: BTreeSet<(ClientId, SessionId, IdentityId)>,
    pub(crate) subjects: BTreeMap<IdentityId, SubjectProfile>,
    pub(crate) sessions: BTreeSet<SessionId>,
    /// Who is linked to which issuer's subject.
    pub(crate) federated: BTreeMap<(String, String), IdentityId>,
    /// Sign-ins at a login app; their ids are among the sessions.
    pub(crate) logins: BTreeMap<SessionId, LoginSession>,
    /// Names that apps have given people at clients.
    pub(crate) forced: BTreeMap<(ClientId, String), ForcedSubject>,
    /// Challenges that were answered, by their ids.
    pub(crate) answered: BTreeMap<String, AnsweredChallenge>,
    /// Identities that are there and may not sign in.
    pub(crate) inactive: BTreeSet<IdentityId>,
    /// Who has left which organisation.
    pub(crate) left: BTreeSet<(OrganisationId, IdentityId)>,
    pub(crate) audit: Vec<AuditEvent>,
    /// What is answered by which address of the outside: a status and a body. Nothing else may be called.
    pub(crate) web: BTreeMap<String, (u16, String)>,
    /// What was asked of the outside.
    pub(crate) requests: Vec<OutboundRequest>,
}

/// A guard missed; nothing of the change was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missed;

impl Memory {
    pub(crate) fn new(keys: TenantKeys) -> Self {
        Self { tenants: Mutex::default(), keys: Arc::new(keys), published: Mutex::default() }
    }

    /// Looks at, or edits, a tenant's rows.
    pub(crate) fn rows<T>(&self, tenant: &TenantId, edit: impl FnOnce(&mut Rows) -> T) -> T {
        edit(self.tenants.lock().unwrap().entry(tenant.clone()).or_default())
    }

    /// Applies a change whole or not at all.
    pub(crate) fn apply(&self, change: Change<Write>) -> Result<(), Missed> {
        self.rows(&change.tenant, |rows| {
            let mut after = rows.clone();
            for write in change.writes {
                after.write(write)?;
            }
            after.audit.extend(change.audit);
            *rows = after;
            Ok(())
        })
    }
}

fn guard(holds: bool) -> Result<(), Missed> {
    if holds { Ok(()) } else { Err(Missed) }
}

impl Rows {
    /// Whether somebody's session lives: people have one here, of their own number (`World::add_subject`).
    pub(crate) fn is_session_of(&self, session: SessionId, identity: IdentityId) -> bool {
        session.0 == identity.0 && self.sessions.contains(&session)
    }

    /// Whether the session of a grant has ended, and nothing can hang on it. Storage counts in steps, and may keep it for longer.
    fn is_over(&self, grant: &Grant, now: Timestamp) -> bool {
        let refreshed = self.refresh_tokens.values().filter(|token| token.grant == grant.id);
        let refreshed = refreshed.map(|token| token.expires_at.after(SIGNED_TOKENS_LIVE));
        let kept = self.kept_grants.get(&grant.id).copied();
        let made = grant.created_at.after(SIGNED_TOKENS_LIVE);
        !self.sessions.contains(&grant.subject.session)
            && refreshed.chain(kept).chain([made]).all(|until| until <= now)
    }

    fn tell_clients(&mut self, session: SessionId) {
        for grant in self.grants.values().filter(|grant| grant.subject.session == session) {
            let client = self.clients.get(&grant.client);
            if client.is_some_and(|client| client.document.backchannel_logout_uri().is_some()) {
                self.told.insert((grant.client.clone(), session, grant.subject.id));
            }
        }
    }

    fn is_live(&self, grant: GrantId) -> bool {
        self.grants.get(&grant).is_some_and(|grant| grant.revoked_at.is_none())
    }

    fn revoke(&mut self, at: Timestamp, which: impl Fn(&Grant) -> bool) {
        for grant in self.grants.values_mut().filter(|grant| which(grant)) {
            grant.revoked_at.get_or_insert(at);
        }
    }

    fn write(&mut self, write: Write) -> Result<(), Missed> {
        match write {
            Write::InsertClient(client) => {
                let id = client.document.client_id.clone().unwrap();
                guard(self.clients.insert(id, *client).is_none())
            }
            Write::UpdateClient { client, expected } => {
                let id = client.document.client_id.clone().unwrap();
                let before = self.clients.insert(id, *client);
                guard(before.is_some_and(|before| before.version == expected))
            }
            Write::DeleteClient { client, expected } => {
                guard(self.clients.remove(&client).is_some_and(|before| before.version == expected))
            }
            Write::CountRegistration { most } => {
                let own = self.clients.values().filter(|client| client.registration.is_some()).count();
                guard(own < usize::try_from(most).unwrap())
            }
            Write::UseInitialAccessToken { key } => {
                let left = self.initial_access_tokens.get_mut(&key).filter(|left| **left > 0);
                guard(left.map(|left| *left -= 1).is_some())
            }
            Write::KeepClient { client, until } => {
                if let Some(registration) =
                    self.clients.get_mut(&client).and_then(|client| client.registration.as_mut())
                {
                    let before = registration.unused_until;
                    registration.unused_until = until.map(|until| before.unwrap_or(until).max(until));
                }
                Ok(())
            }
            Write::RevokeGrantsOfClient { client, at } => {
                self.revoke(at, |grant| grant.client == client);
                Ok(())
            }
            Write::InsertGrant(grant) => guard(self.grants.insert(grant.id, *grant).is_none()),
            Write::ReplaceClaims { grant, claims } => {
                let grant = self.grants.get_mut(&grant).filter(|grant| grant.revoked_at.is_none());
                grant.ok_or(Missed)?.claims = *claims;
                Ok(())
            }
            Write::KeepGrant { grant, until } => {
                let kept = self.kept_grants.entry(grant).or_insert(until);
                *kept = until.max(*kept);
                Ok(())
            }
            Write::KeepSigningKeys { until } => {
                self.keys_needed_until = self.keys_needed_until.max(Some(until));
                Ok(())
            }
            Write::RevokeGrant { grant: id, at } => {
                self.revoke(at, |grant| grant.id == id);
                Ok(())
            }
            Write::RevokeGrantsOfSubject { subject, client, at } => {
                self.revoke(at, |grant| {
                    grant.subject.id == subject && client.as_ref().is_none_or(|id| *id == grant.client)
                });
                Ok(())
            }
            Write::RevokeGrantsOfSession { session, at } => {
                let lasting: BTreeSet<_> = self.refresh_tokens.values().map(|token| token.grant).collect();
                self.revoke(at, |grant| grant.subject.session == session && !lasting.contains(&grant.id));
                Ok(())
            }
            Write::TellClientsOfSession { session, .. } => {
                self.tell_clients(session);
                Ok(())
            }
            Write::RememberConsent(consent) => {
                self.consents.insert((consent.subject, consent.client.clone()), *consent);
                Ok(())
            }
            Write::ForgetConsents { subject, client } => {
                self.consents
                    .retain(|(of, to), _| *of != subject || client.as_ref().is_some_and(|id| id != to));
                Ok(())
            }
            Write::HoldSession { session, identity, .. } => guard(self.is_session_of(session, identity)),
            Write::InsertLoginSession(session) => {
                self.sessions.insert(session.id);
                guard(self.logins.insert(session.id, *session).is_none())
            }
            Write::ExtendLoginSession { session, token, remembered_until, expires_at } => {
                let session = self.logins.get_mut(&session).ok_or(Missed)?;
                (session.token, session.remembered_until, session.expires_at) =
                    (token, remembered_until, expires_at);
                Ok(())
            }
            Write::DeleteLoginSession { session, .. } => {
                self.tell_clients(session);
                if self.logins.remove(&session).is_some() {
                    self.sessions.remove(&session);
                }
                Ok(())
            }
            Write::DeleteLoginSessions { subject, which, .. } => {
                let of = |login: &LoginSession| {
                    let hangs_on = |session: SessionId| {
                        login.provider_session.as_deref() == Some(session.to_string().as_str())
                    };
                    login.subject == subject
                        && match which {
                            SignIns::All => true,
                            SignIns::HangingOn(session) => hangs_on(session),
                            SignIns::NotHangingOn(session) => !hangs_on(session),
                        }
                };
                let ended: Vec<_> =
                    self.logins.values().filter(|login| of(login)).map(|login| login.id).collect();
                for id in ended {
                    self.tell_clients(id);
                    self.logins.remove(&id);
                    self.sessions.remove(&id);
                }
                Ok(())
            }
            Write::NameSubject(named) => {
                let at = (named.client.clone(), named.name.clone());
                let before = self.forced.insert(at, *named.clone());
                guard(before.is_none_or(|before| before.subject == named.subject))
            }
            Write::NoteName(named) => {
                self.forced.entry((named.client.clone(), named.name.clone())).or_insert(*named);
                Ok(())
            }
            Write::AnswerChallenge(answered) => {
                let id = answered.id.as_str().to_owned();
                guard(self.answered.insert(id, *answered).is_none())
            }
            Write::InsertAuthorizationCode(code) => {
                guard(self.codes.insert(code.hash.clone(), *code).is_none())
            }
            Write::ConsumeAuthorizationCode { code: hash, grant, at, .. } => {
                guard(self.is_live(grant))?;
                let code = self.codes.get_mut(&hash).filter(|code| code.consumed_at.is_none());
                code.ok_or(Missed)?.consumed_at = Some(at);
                self.redeemed_codes.insert(hash, grant);
                Ok(())
            }
            Write::InsertDeviceCode(code) => {
                guard(self.devices.values().all(|other| other.user_code != code.user_code))?;
                guard(self.devices.insert(code.hash.clone(), *code).is_none())
            }
            Write::NotePoll { code, polling } => {
                if let Some(code) = self.devices.get_mut(&code) {
                    code.polling = polling;
                }
                Ok(())
            }
            Write::AnswerDeviceCode { code, grant, at } => {
                let waits = |code: &&mut DeviceCode| code.answer.is_none() && at < code.expires_at;
                let code = self.devices.get_mut(&code).filter(waits).ok_or(Missed)?;
                code.answer = Some(grant.map_or(DeviceAnswer::Denied, DeviceAnswer::Allowed));
                Ok(())
            }
            Write::ConsumeDeviceCode { code: hash, grant, .. } => {
                guard(self.is_live(grant))?;
                let allowed = |code: &&mut DeviceCode| code.answer == Some(DeviceAnswer::Allowed(grant));
                let code = self.devices.get_mut(&hash).filter(allowed).ok_or(Missed)?;
                code.answer = Some(DeviceAnswer::Redeemed(grant));
                self.redeemed_codes.insert(hash, grant);
                Ok(())
            }
            Write::InsertAccessToken(token) => {
                guard(self.access_tokens.insert(token.hash.clone(), *token).is_none())
            }
            Write::DeleteAccessToken { token } => {
                self.access_tokens.remove(&token);
                Ok(())
            }
            Write::InsertRefreshToken(token) => {
                guard(self.refresh_tokens.insert(token.hash.clone(), *token).is_none())
            }
            Write::RotateRefreshToken { token, grant, rotation } => {
                guard(self.is_live(grant))?;
                let token = self.refresh_tokens.get_mut(&token).filter(|token| token.rotation.is_none());
                token.ok_or(Missed)?.rotation = Some(*rotation);
                Ok(())
            }
            Write::UseAssertion { client, jti, .. } => guard(self.assertions.insert((client, jti))),
            Write::UseBearerAssertion { jti, .. } => guard(self.bearer_assertions.insert(jti)),
            Write::InsertTrustedIssuer(trust) => {
                let is_same = |other: &TrustedIssuer| {
                    (&other.issuer, &other.subject, other.jwk.kid())
                        == (&trust.issuer, &trust.subject, trust.jwk.kid())
                };
                guard(!self.trusts.values().any(is_same))?;
                guard(self.trusts.insert(trust.id.clone(), *trust).is_none())
            }
            Write::DeleteTrustedIssuer { id } => {
                self.trusts.remove(&id);
                Ok(())
            }
            Write::RevokeJwt { jti, .. } => {
                self.revoked_jwts.insert(jti);
                Ok(())
            }
        }
    }
}
