//! The sign-in of a person at a login app: what the grants of theirs hang on, and what `skip` is read from.
//!
//! A row, as a session of an identity is one: whoever ends it ends what was granted in it.

use std::fmt;
use std::time::Duration;

use primitives::subject::AssuranceLevel;
use primitives::{
    Actor, AuditEvent, AuthenticatedSubject, Change, ClientId, ExternalLogin, IdentityId, KeyedHash,
    SessionClaims, SessionId, TenantId, Timestamp,
};

use super::subject::resolve;
use crate::authorization::answered::{AnsweredChallenge, ChallengeId};
use crate::ports::{PortError, PortResult};
use crate::server::AuthorizationServer;
use crate::token_format::has_form;
use crate::write::{SignIns, Write};

/// What the value of the cookie begins with.
pub(super) const PREFIX: &str = "ory_ls_";
const PURPOSE: &str = "oauth2_login_session";

/// Somebody's sign-in at a login app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSession {
    /// `sid`.
    pub id: SessionId,
    /// Keyed hash of the cookie.
    pub token: KeyedHash,
    /// Who.
    pub subject: IdentityId,
    /// The text by which the app knows them, if they are no identity of the tenant.
    pub external: Option<String>,
    /// When they signed in (`auth_time`).
    pub authenticated_at: Timestamp,
    /// `acr`, as the app said it.
    pub acr: String,
    /// `amr`, as the app said it.
    pub amr: Vec<String>,
    /// Until when the app is told that the person need not sign in again; none if not at all.
    pub remembered_until: Option<Timestamp>,
    /// Until when what was granted in it may live.
    pub expires_at: Timestamp,
    /// The app's own session, as the app said it; the id of one of ours is spelt as we do.
    pub provider_session: Option<String>,
}

impl LoginSession {
    /// Whether the person need not sign in again.
    pub fn is_remembered(&self, now: Timestamp) -> bool {
        self.remembered_until.is_some_and(|until| now < until)
    }

    /// Whether it says who sits at the browser: it is remembered, or so young that what it began may not be over.
    pub fn counts(&self, now: Timestamp, interaction: Duration) -> bool {
        now < self.expires_at && (self.is_remembered(now) || now < self.authenticated_at.after(interaction))
    }

    /// The session here on which it hangs, as the app says: whichever of them ends, the other ends with it. Whether it is of the
    /// same person is for whoever asks to see.
    pub fn hangs_on(&self) -> Option<SessionId> {
        self.provider_session.as_deref()?.parse().ok()
    }

    /// As the rest of this room sees the person.
    pub fn subject(&self, tenant: &TenantId) -> AuthenticatedSubject {
        AuthenticatedSubject {
            tenant: tenant.clone(),
            subject: self.subject,
            session: self.id,
            organisation: None,
            authenticated_at: self.authenticated_at,
            // How sure the app is stands in its own words in `acr`.
            assurance: AssuranceLevel::Aal1,
            methods: self.amr.clone(),
            claims: SessionClaims::default(),
            actor: None,
            external: Some(ExternalLogin { subject: self.external.clone(), acr: self.acr.clone() }),
            second_factor: None,
        }
    }
}

/// The cookie of a sign-in at a login app.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginCookie {
    /// Its value.
    pub value: String,
    /// For how many seconds the browser keeps it; none: until it is closed.
    pub max_age: Option<u64>,
}

/// Whoever has the value is signed in: it stands in no log.
impl fmt::Debug for LoginCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginCookie").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

/// Finds sign-ins at login apps.
pub trait LoginSessionRepository: Send + Sync + fmt::Debug {
    /// The sign-in of a cookie, expired or not.
    fn find_login_session_by_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<LoginSession>>;

    /// A sign-in, expired or not.
    fn find_login_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: SessionId,
    ) -> PortResult<'a, Option<LoginSession>>;

    /// The first answer to a challenge, while that has not expired.
    fn find_challenge_answer<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ChallengeId,
    ) -> PortResult<'a, Option<AnsweredChallenge>>;

    /// The last name that an app has given somebody at a client.
    fn find_forced_name<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        subject: IdentityId,
    ) -> PortResult<'a, Option<String>>;

    /// Whom an app has named so at a client, lately or before.
    fn find_forced_subject<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        name: &'a str,
    ) -> PortResult<'a, Option<IdentityId>>;

    /// Whom any client of the tenant knows by a name of its own, or has known.
    fn list_subjects_named<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> PortResult<'a, Vec<IdentityId>>;

    /// Whether the tenant has an identity of this id, in whatever state.
    fn has_identity<'a>(&'a self, tenant: &'a TenantId, id: IdentityId) -> PortResult<'a, bool>;

    /// Whether a session here lives and is of this identity.
    fn is_session_of<'a>(
        &'a self,
        tenant: &'a TenantId,
        session: SessionId,
        identity: IdentityId,
    ) -> PortResult<'a, bool>;
}

impl AuthorizationServer {
    /// The sign-in at the tenant's login app that a cookie stands for, if it still says who sits there.
    pub async fn login_session(&self, cookie: &str) -> Result<Option<LoginSession>, PortError> {
        let found = self.login_session_to_end(cookie).await?;
        let interaction = self.settings.interaction_lifespan.0;
        Ok(found.filter(|found| found.counts(self.now(), interaction)))
    }

    /// The same for whoever signs out: also one that was for once, in which something may have been granted.
    pub async fn login_session_to_end(&self, cookie: &str) -> Result<Option<LoginSession>, PortError> {
        if !has_form(cookie, PREFIX) {
            return Ok(None);
        }
        for hash in self.sealer.hashes(&self.tenant, PURPOSE, cookie.as_bytes()) {
            let found = self.ports.logins.find_login_session_by_token(&self.tenant, &hash).await?;
            if let Some(found) = found {
                return Ok(Some(found).filter(|found| self.now() < found.expires_at));
            }
        }
        Ok(None)
    }

    /// Whom a subject's text names, as `sub` has it: an identity of the tenant, or somebody whom only its login app knows.
    pub async fn subject_id(&self, text: &str) -> Result<IdentityId, PortError> {
        Ok(resolve(self, text).await?.id)
    }

    /// Ends every sign-in of somebody at the login app; what was granted in them without `offline_access` ends with them.
    pub fn end_login_sessions(&self, subject: IdentityId, actor: Actor) -> Change<Write> {
        let event = AuditEvent::new("login_session.ended", actor, "subject", &subject);
        self.end_with_sessions(subject, SignIns::All).audit(event)
    }

    /// Ends one, and what was granted in it.
    pub fn end_login_session(&self, session: SessionId, actor: Actor) -> Change<Write> {
        let event = AuditEvent::new("login_session.ended", actor.clone(), "session", &session);
        self.end_grants_of_session(session, actor)
            .write(Write::DeleteLoginSession { session, at: self.now() })
            .audit(event)
    }

    /// What ends at the login app with sessions of an identity, by the cause of their end, which is what the audit has.
    pub fn end_with_sessions(&self, subject: IdentityId, which: SignIns) -> Change<Write> {
        Change::new(self.tenant.clone()).write(Write::DeleteLoginSessions { subject, which, at: self.now() })
    }

    /// A new cookie, and the hash under which it is found.
    pub(super) fn draw_login_cookie(&self) -> (String, KeyedHash) {
        let value = format!("{PREFIX}{}", self.rng.token());
        let hash = self.sealer.hash(&self.tenant, PURPOSE, value.as_bytes());
        (value, hash)
    }
}
