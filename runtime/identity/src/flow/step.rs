//! What a submitted form leads to, or why it leads nowhere.

use primitives::hooks::HookFailure;
use primitives::{AuditEvent, Change};
use url::Url;

use super::Flow;
use crate::hooks::Happening;
use crate::identity::Identity;
use crate::limiter::{LimitReached, NotCounted};
use crate::password::{Busy, UnusableHash};
use crate::ports::StoreUnavailable;
use crate::return_to::ReturnTo;
use crate::session::{Session, SessionToken};
use crate::trusted_device::TrustedDeviceToken;
use crate::write::Write;

/// What a submitted form leads to. Nothing counts before its change is applied.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, for one request")]
pub enum Step {
    /// The form again, with what is wrong with it.
    Form(Box<Flow>),
    /// The form again, and what is to be known of the attempt.
    Refused(Box<Flow>, Change<Write>),
    /// The form again, with what was asked to see.
    Shown(Box<Flow>, Change<Write>),
    /// A plugin sends whoever signs in elsewhere; the form stays open.
    Elsewhere(ReturnTo),
    /// Another provider is asked who they are; the form stays open.
    ToProvider(Url),
    /// The same by itself, since there is no choice. The form is kept as it is then, for whoever comes back without an answer.
    SentOn(Box<Flow>, Url),
    /// Signed in with a new session.
    SignedIn(Box<SignedIn>),
    /// The session of somebody signed in was proven again, or further.
    Refreshed {
        /// The session as it will be.
        session: Session,
        /// To apply.
        change: Change<Write>,
    },
    /// A new account.
    Registered {
        /// The account.
        identity: Identity,
        /// Its session, if signing up signs in.
        session: Option<(Session, SessionToken)>,
        /// The forms that verify its addresses, to be stored for whoever signed up.
        verifications: Vec<Flow>,
        /// Makes the change, once the token's hash is known.
        change: PendingChange,
    },
    /// The account was changed.
    Saved {
        /// The form, saying so.
        flow: Box<Flow>,
        /// What of it, as far as plugins are told.
        what: Option<Happening>,
        /// The account as it will be.
        identity: Box<Identity>,
        /// The forms that verify its new addresses, to be stored for whoever changed it.
        verifications: Vec<Flow>,
        /// To apply.
        change: Change<Write>,
    },
    /// A code was sent, as far as anybody is told.
    Challenged {
        /// The form, asking for it.
        flow: Box<Flow>,
        /// To apply with it.
        writes: Vec<Write>,
    },
    /// A wrong code. It is told only once it is counted: nobody tries many at a time.
    WrongCode(Box<Flow>),
    /// The same as what it holds, of a proof that counts once: of several who submit the form at a time one is let in.
    Once(Box<Self>),
    /// The same as what it holds, in a browser that its owner trusts from now on.
    Trusted {
        /// What it led to.
        step: Box<Self>,
        /// What the browser keeps.
        token: TrustedDeviceToken,
    },
    /// An address was proven.
    Verified {
        /// The form, saying so.
        flow: Box<Flow>,
        /// The account as it will be.
        identity: Box<Identity>,
        /// To apply.
        change: Change<Write>,
    },
    /// Somebody is back in.
    Recovered(Box<Recovered>),
}

/// Back in, with a new session.
#[derive(Debug)]
pub struct Recovered {
    /// The form, which has served.
    pub flow: Flow,
    /// The form in which a new password is set, to be stored for whoever is back in; none where they go on without it.
    pub settings: Option<Flow>,
    /// Who.
    pub identity: Identity,
    /// The new session.
    pub session: Session,
    /// Its token.
    pub token: SessionToken,
    /// To apply, once the token's hash is known.
    pub change: PendingChange,
}

/// Signed in with a new session.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub identity: Identity,
    /// The new session.
    pub session: Session,
    /// Its token.
    pub token: SessionToken,
    /// To apply, once the token's hash is known.
    pub change: PendingChange,
    /// To apply afterwards if it can be: a better hash of the same password.
    pub rehash: Option<Change<Write>>,
    /// Whether a plugin asks for a second factor, whatever device it is.
    pub demands_second_factor: bool,
}

/// A change that still lacks the hash of the token of the session that it begins.
#[derive(Debug)]
#[must_use = "a change does nothing until storage applies it"]
pub struct PendingChange {
    change: Change<Write>,
    session: Option<(Session, SessionToken)>,
}

impl PendingChange {
    pub(crate) const fn new(change: Change<Write>, session: Option<(Session, SessionToken)>) -> Self {
        Self { change, session }
    }

    /// The same with more.
    pub(crate) fn and(mut self, more: Change<Write>) -> Self {
        self.change = self.change.and(more);
        self
    }

    /// The same with the session as an organisation lets it begin, or none, and with what else is to be written.
    pub(crate) fn governed(
        mut self,
        session: Option<Session>,
        more: Vec<Write>,
        audit: Vec<AuditEvent>,
    ) -> Self {
        self.session = self.session.zip(session).map(|((_, token), session)| (session, token));
        self.change.writes.extend(more);
        self.change.audit.extend(audit);
        self
    }

    /// The same with the session as it begins on a trusted device.
    pub(crate) fn on_trusted_device(mut self, session: &Session, audit: AuditEvent) -> Self {
        self.session = self.session.map(|(_, token)| (session.clone(), token));
        self.change.audit.push(audit);
        self
    }

    /// The same without the session, which begins later or not at all, and without the word that it began.
    pub(crate) fn without_session(mut self) -> Change<Write> {
        self.change.audit.retain(|event| event.action != "session.created");
        self.change
    }

    /// The writes so far.
    pub(crate) const fn writes_mut(&mut self) -> &mut Vec<Write> {
        &mut self.change.writes
    }

    /// Completes the change.
    pub fn seal(self, sealer: &primitives::Sealer) -> Change<Write> {
        let Some((session, token)) = self.session else { return self.change };
        let token = token.hash(sealer, &self.change.tenant);
        self.change.write(Write::InsertSession(Box::new(crate::session::NewSession { session, token })))
    }
}

impl From<NotCounted> for FlowError {
    fn from(error: NotCounted) -> Self {
        error.into_either()
    }
}

/// Why a submission leads to no step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// Too many attempts. The client's to wait.
    #[error(transparent)]
    Limited(#[from] LimitReached),
    /// The hashing pool is full. Ours, for a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store did not answer. Ours.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// Nobody is signed in. The client's.
    #[error("no active session was found in this request")]
    SessionRequired,
    /// Whoever is signed in must prove their second factor first. The client's.
    #[error("the session has not proven the second factor")]
    SecondFactorRequired,
    /// Whoever is signed in must prove it again first. The client's.
    #[error("the session is too old for this change")]
    RefreshRequired,
    /// The form was begun by somebody else. The client's.
    #[error("the form belongs to another identity")]
    IdentityMismatch,
    /// Somebody acts in another's name, whose account they do not change. The client's.
    #[error("whoever acts in somebody's name changes nothing of their account")]
    ActsForAnother,
    /// The identity may not sign in. Told only to who knows the password.
    #[error("the identity is disabled")]
    IdentityDisabled,
    /// Sign-up is closed. The operator's wish.
    #[error("registration is disabled")]
    RegistrationDisabled,
    /// This kind of form is closed. The operator's wish.
    #[error("this form is closed")]
    Closed,
    /// A stored hash, or the hashing parameters, are unusable. The operator's to mend.
    #[error(transparent)]
    Hash(#[from] UnusableHash),
    /// A plugin of the tenant gave no usable answer. The tenant's to mend.
    #[error(transparent)]
    Hook(HookFailure),
}
