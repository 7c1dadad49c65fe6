//! The self-service endpoints: forms to sign up, sign in and change one's account, for browsers by pages,
//! for single-page applications (`Accept: application/json`) and for native ones.
//!
//! [`start`] begins a flow, [`read`] shows it, [`submit`] takes what was typed, [`outcome`] says what that
//! led to. The rooms' decisions are the same for all three kinds of client; what differs is here.

mod account;
mod assurance;
pub(crate) mod by_password;
mod challenge;
mod cookies;
pub(crate) mod deletion;
pub(crate) mod errors;
pub(crate) mod exchange;
pub(crate) mod fed_cm;
mod flows;
mod held;
pub(crate) mod invitations;
pub(crate) mod link;
pub(crate) mod logout;
mod mail;
pub(crate) mod oidc;
mod outcome;
pub(crate) mod read;
pub(crate) mod schemas;
pub(crate) mod start;
pub(crate) mod submit;
pub(crate) mod test_login;
pub(crate) mod trusted_devices;
mod visitor;

use http::StatusCode;
use identity::captcha::NoCaptchaVerifier;
use identity::flow::{FlowKind, Room};
use identity::ports::Sessions as _;
use identity::{BrowserError, IdentityState, Problem, Write};
use oauth2::write::SignIns;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use primitives::{Actor, Change, IdentityId, SessionId};
use storage::{ApplyError, Prepared, StorageError};
use tenancy::webhook::FlowName;

pub(crate) use account::tell;
pub(crate) use assurance::check_session;
pub(crate) use cookies::{csrf_cookie_of, forget_session, set_acting, set_csrf_cookie, set_session_cookie};
pub(crate) use flows::{document, load};
pub(crate) use held::FlowCookies;
pub(crate) use read::owner;
pub(crate) use visitor::{cached_session, session_of_anybody, session_of_browser};

use crate::call::Call;
use crate::response::{Answer, json_no_store, see_other, set};

/// What a flow is for, by its word in paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Login,
    Registration,
    Settings,
    Verification,
    Recovery,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Settings => "settings",
            Self::Verification => "verification",
            Self::Recovery => "recovery",
        }
    }

    /// What a flow is for.
    pub(crate) const fn of(flow: &FlowKind) -> Self {
        match flow {
            FlowKind::Login { .. } => Self::Login,
            FlowKind::Registration { .. } => Self::Registration,
            FlowKind::Settings { .. } => Self::Settings,
            FlowKind::Verification { .. } => Self::Verification,
            FlowKind::Recovery { .. } => Self::Recovery,
        }
    }

    /// As webhooks are bound to it.
    pub(crate) const fn flow_name(self) -> FlowName {
        match self {
            Self::Login => FlowName::Login,
            Self::Registration => FlowName::Registration,
            Self::Settings => FlowName::Settings,
            Self::Verification => FlowName::Verification,
            Self::Recovery => FlowName::Recovery,
        }
    }

    /// Where browsers begin such a flow.
    pub(crate) fn start_url(self, call: &Call) -> String {
        call.tenant.absolute(&self.start_path())
    }

    /// The same, below the tenant's base URL.
    fn start_path(self) -> String {
        format!("/self-service/{}/browser", self.as_str())
    }

    /// The page that shows such a flow.
    pub(crate) fn page_url(self, call: &Call, flow: primitives::FlowId) -> String {
        let pages = &call.tenant.identity.flow.ui;
        let page = match self {
            Self::Login => &pages.login,
            Self::Registration => &pages.registration,
            Self::Settings => &pages.settings,
            Self::Verification => &pages.verification,
            Self::Recovery => &pages.recovery,
        };
        with_query(&own_or_absolute(call, page), "flow", &flow.to_string())
    }
}

/// What the room decides with. Only a submission brings a proof that a person is there ([`submit`]).
pub(crate) fn room(call: &Call) -> Room<'_> {
    let node = &call.node;
    Room {
        tenant: &call.tenant.id,
        base: &call.tenant.url,
        settings: &call.tenant.identity,
        schemas: &call.tenant.schemas,
        identities: &node.storage,
        factors: &node.storage,
        links: &node.storage,
        providers: &call.tenant.providers,
        organisations: &node.storage,
        hashing: &node.hashing,
        breaches: call,
        attempts: &*node.attempts,
        sealer: node.sealer(),
        composer: call,
        captcha: &NoCaptchaVerifier,
        hooks: &*node.identity_hooks,
        request: call.request,
        client: None,
        rng: node.rng.as_ref(),
        now: call.now(),
    }
}

/// Whether a change was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// All of it.
    Whole,
    /// Nothing: somebody was faster. The decision is made again on what they left.
    Missed,
}

/// Applies a change; nothing is answered before it is durable. What was granted in a session, but for
/// offline access, dies in the change that ends the session, whoever ends it.
pub(crate) async fn apply(call: &Call, change: Change<Write>) -> Result<Applied, Problem> {
    apply_with(call, change, None).await
}

/// The same, with what the authorization server has decided besides: both happen or neither.
pub(crate) async fn apply_with(
    call: &Call,
    change: Change<Write>,
    beside: Option<Change<oauth2::write::Write>>,
) -> Result<Applied, Problem> {
    let storage = &call.node.storage;
    let taken = held::taken(&change);
    let written = |written: Result<(), ApplyError>| match written {
        Ok(()) => {
            held::release(call, &taken);
            Ok(Applied::Whole)
        }
        Err(ApplyError::Missed { .. }) => Ok(Applied::Missed),
        Err(ApplyError::Storage(error)) => Err(unwritten(call, &error)),
    };
    let actor = change.audit.first().map_or(Actor::System, |event| event.actor.clone());
    let ended = what_ends(call, &change).await?;
    if ended.sessions.is_empty() && ended.sign_ins.is_empty() && beside.is_none() {
        return written(storage.apply(change).await);
    }
    let server = &call.tenant.oauth2;
    let sessions = ended.sessions.into_iter();
    let grants = sessions.map(|session| server.end_grants_of_session(session, actor.clone()));
    let sign_ins = ended.sign_ins.into_iter().map(|(of, which)| server.end_with_sessions(of, which));
    let mut whole: Option<Prepared> = None;
    // What hangs on it first: an account that is deleted takes with it the rows by which the clients to tell are found.
    for other in grants.chain(sign_ins).chain(beside) {
        let other = storage.prepare(other).map_err(|error| unwritten(call, &error))?;
        let joined = match whole {
            None => other,
            Some(before) => before.and(other).map_err(|error| unwritten(call, &error))?,
        };
        whole = Some(joined);
    }
    let change = storage.prepare(change).map_err(|error| unwritten(call, &error))?;
    let whole = match whole {
        None => change,
        Some(before) => before.and(change).map_err(|error| unwritten(call, &error))?,
    };
    written(storage.apply_prepared(whole).await)
}

/// How many live sessions of one person end with what was granted in them; nobody has more.
const MOST_ENDED: u32 = 1000;

/// What ends with a change.
#[derive(Default)]
struct Ending {
    /// Sessions here.
    sessions: Vec<SessionId>,
    /// Sign-ins of their people at the tenant's login app: those that hang on such a session, and all of whoever is not trusted
    /// any more wherever they are signed in.
    sign_ins: Vec<(IdentityId, SignIns)>,
}

async fn what_ends(call: &Call, change: &Change<Write>) -> Result<Ending, Problem> {
    let mut ending = Ending::default();
    for write in &change.writes {
        let (identity, except) = match write {
            Write::RevokeSession { session, identity, .. } | Write::DeleteSession { session, identity } => {
                ending.sessions.push(*session);
                ending.sign_ins.push((*identity, SignIns::HangingOn(*session)));
                continue;
            }
            Write::RevokeSessions { identity, except, .. } => (*identity, *except),
            Write::DeleteSessions(identity)
            | Write::DeleteIdentity(identity)
            | Write::SetState { identity, state: IdentityState::Inactive, .. } => (*identity, None),
            // Whoever may not sign in any more is not signed in.
            Write::ReplaceIdentity(identity) if identity.state == IdentityState::Inactive => {
                (identity.id, None)
            }
            _ => continue,
        };
        ending.sign_ins.push((identity, except.map_or(SignIns::All, SignIns::NotHangingOn)));
        let live = call.node.storage.list_live(&call.tenant.id, identity, call.now(), MOST_ENDED).await;
        let live = live.map_err(|error| failed(call, error))?;
        ending.sessions.extend(live.iter().map(|session| session.id).filter(|id| Some(*id) != except));
    }
    Ok(ending)
}

fn unwritten(call: &Call, error: &StorageError) -> Problem {
    tracing::error!(request = %call.request, %error, "a change was not written");
    Problem::Unavailable
}

/// An error of the room as a problem; its cause goes to the log if it is ours.
pub(crate) fn failed<E: std::fmt::Display + Into<Problem>>(call: &Call, error: E) -> Problem {
    let cause = error.to_string();
    let problem = error.into();
    if problem.status() >= 500 {
        tracing::error!(request = %call.request, cause, "a self-service request failed");
    }
    problem
}

/// A problem as JSON.
pub(crate) fn respond(call: &Call, problem: &Problem) -> Answer {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json_no_store(status, &problem.document(call.request));
    if let Some(seconds) = problem.retry_after() {
        set(&mut answer, "retry-after", &seconds.to_string());
    }
    answer
}

/// A problem for a browser: as JSON for scripts, on the error page for people.
pub(crate) fn respond_to_browser(call: &Call, problem: Problem) -> Answer {
    if call.wants_json() {
        return respond(call, &problem);
    }
    let id = BrowserError { problem, at: call.now() }.id(call.node.sealer(), &call.tenant.id);
    let page = own_or_absolute(call, &call.tenant.identity.flow.ui.error);
    see_other(&with_query(&page, "id", &id.to_string()))
}

/// A path of this tenant as a URL; a URL as it is.
fn own_or_absolute(call: &Call, place: &str) -> String {
    if place.starts_with('/') { call.tenant.absolute(place) } else { place.to_owned() }
}

/// Adds a query parameter to a URL.
pub(crate) fn with_query(url: &str, name: &str, value: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{name}={}", encode(value))
}

/// All but the unreserved characters (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn encode(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}
