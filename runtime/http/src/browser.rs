//! What a browser brings along: its session, and the cookie that every browser has for itself.

use std::sync::Arc;

use http::StatusCode;
use identity::session::{CachedSession, LiveSession, SessionCache, SessionToken};
use oauth2::authorization::external::{LoginCookie, LoginSession};
use oauth2::ports::PortError;
use primitives::AuthenticatedSubject;

use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, set_cookie};

/// The cookie of a signed-in browser; the name is part of the API that we are compatible with.
pub(crate) const SESSION_COOKIE: &str = "ory_kratos_session";
/// The cookie that binds a sealed request in progress to the browser that began it.
const BINDING_COOKIE: &str = "portcullis_browser";

/// The cookie of a browser that has signed in at a login app of the tenant's own.
const LOGIN_COOKIE: &str = "ory_hydra_session";

/// The live session of the browser, by its cookie.
pub(crate) async fn session_of_cookie(call: &Call) -> Result<Option<LiveSession>, Failure> {
    let cached = match call.cookie(SESSION_COOKIE).and_then(SessionToken::parse) {
        Some(token) => cached_session(call, &token).await?,
        None => None,
    };
    Ok(cached.map(|cached| cached.live().clone()))
}

/// The sign-in at a login app that the browser has.
async fn login_session_of_cookie(call: &Call) -> Result<Option<LoginSession>, Failure> {
    let Some(cookie) = call.cookie(LOGIN_COOKIE) else { return Ok(None) };
    call.tenant.oauth2.login_session(cookie).await.map_err(|error| unknown_login(call, &error))
}

/// The same for whoever signs out.
pub(crate) async fn login_session_to_end(call: &Call) -> Result<Option<LoginSession>, Failure> {
    let Some(cookie) = call.cookie(LOGIN_COOKIE) else { return Ok(None) };
    call.tenant.oauth2.login_session_to_end(cookie).await.map_err(|error| unknown_login(call, &error))
}

fn unknown_login(call: &Call, error: &PortError) -> Failure {
    tracing::error!(request = %call.request, %error, "a login session cannot be looked up");
    Failure::unavailable()
}

/// Gives the browser the sign-in that it has from now on.
pub(crate) fn remember_login(call: &Call, answer: &mut Answer, given: &LoginCookie) {
    set_cookie(answer, &cookie(call, LOGIN_COOKIE, &given.value, given.max_age));
}

/// Takes it away.
pub(crate) fn forget_login(call: &Call, answer: &mut Answer) {
    if call.cookie(LOGIN_COOKIE).is_some() {
        set_cookie(answer, &cookie(call, LOGIN_COOKIE, "", Some(0)));
    }
}

/// The live session of a token: remembered while news of changes are fresh, else read anew.
pub(crate) async fn cached_session(
    call: &Call,
    token: &SessionToken,
) -> Result<Option<Arc<CachedSession>>, Failure> {
    let node = &call.node;
    let (storage, tenant, now) = (&node.storage, &call.tenant.id, call.now());
    let found = if storage.is_caught_up() {
        node.sessions.find(storage, node.sealer(), tenant, token, now).await
    } else {
        SessionCache::find_anew(storage, node.sealer(), tenant, token, now).await
    };
    found.map_err(|error| {
        tracing::error!(request = %call.request, %error, "a session cannot be looked up");
        Failure::unavailable()
    })
}

/// What a browser has for itself, if it brings it along. Nothing is looked up for it.
pub(crate) fn binding(call: &Call) -> Option<&str> {
    call.cookie(BINDING_COOKIE).filter(|value| {
        value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}

/// A browser as the authorization server sees it.
#[derive(Debug)]
pub(crate) struct BrowserState {
    pub(crate) subject: Option<AuthenticatedSubject>,
    /// Whether that holds for what begins anew, too: a login app may have said that it is for once.
    is_remembered: bool,
    binding: String,
    /// Whether the browser had no binding yet, so that the answer must set it.
    is_new: bool,
}

impl BrowserState {
    /// Reads session and binding; makes a binding for a browser that has none.
    pub(crate) async fn read(call: &Call) -> Result<Self, Failure> {
        if call.tenant.oauth2.settings.urls.login.is_some() {
            return Self::read_login(call).await;
        }
        // Who has not proven their second factor, where the tenant or their organisation asks for it, is nobody yet: no app
        // is let in by a password alone.
        let live = session_of_cookie(call)
            .await?
            .filter(LiveSession::satisfies_organisation)
            .filter(|live| crate::self_service::room(call).counts(live));
        Ok(Self::of(call, live.map(|live| live.subject(&call.tenant.id)), true))
    }

    /// The same where a login app of the tenant's own signs people in: a session of ours says nothing there.
    async fn read_login(call: &Call) -> Result<Self, Failure> {
        let session = login_session_of_cookie(call).await?;
        let is_remembered = session.as_ref().is_some_and(|session| session.is_remembered(call.now()));
        Ok(Self::of(call, session.map(|session| session.subject(&call.tenant.id)), is_remembered))
    }

    fn of(call: &Call, subject: Option<AuthenticatedSubject>, is_remembered: bool) -> Self {
        let known = binding(call);
        Self {
            subject,
            is_remembered,
            binding: known.map_or_else(|| call.node.rng.token(), str::to_owned),
            is_new: known.is_none(),
        }
    }

    /// By which name a login app of the tenant's own knows the person, if it signed them in.
    pub(crate) fn external(&self) -> Option<String> {
        self.subject.as_ref().filter(|subject| subject.external.is_some()).map(AuthenticatedSubject::sub)
    }

    /// Whether whoever is signed in is so by a session of ours.
    pub(crate) fn is_of_identity(&self) -> bool {
        self.subject.as_ref().is_some_and(|subject| subject.external.is_none())
    }

    /// The browser as something begins anew in it: who was signed in for once is nobody.
    pub(crate) fn anew(self) -> Self {
        Self { subject: self.subject.filter(|_| self.is_remembered), ..self }
    }

    /// The same of a browser that posts a form, which must be one of ours.
    pub(crate) async fn read_posting(call: &Call) -> Result<Self, Failure> {
        check_own_origin(call)?;
        Self::read(call).await
    }

    /// The same as the room takes it.
    pub(crate) fn as_room<'a>(&'a self, call: &Call) -> oauth2::authorization::Browser<'a> {
        oauth2::authorization::Browser {
            subject: self.subject.as_ref(),
            binding: Some(&self.binding),
            request: call.request,
        }
    }

    /// Sets the binding where the browser has none.
    pub(crate) fn remember(&self, call: &Call, mut answer: Answer) -> Answer {
        if self.is_new {
            set_cookie(&mut answer, &cookie(call, BINDING_COOKIE, &self.binding, None));
        }
        answer
    }
}

/// A cookie of the tenant: not for scripts, not with other sites' posts, only over TLS where the tenant is.
/// Without `max_age` it lives as long as the browser.
pub(crate) fn cookie(call: &Call, name: &str, value: &str, max_age: Option<u64>) -> String {
    let tenant = &call.tenant;
    let secure = if tenant.is_secure() { "; Secure" } else { "" };
    let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    format!("{name}={value}; Path={}; HttpOnly; SameSite=Lax{secure}{age}", tenant.cookie_path())
}

/// Refuses a form that came from another site.
pub(crate) fn check_own_origin(call: &Call) -> Result<(), Failure> {
    if is_own_origin(call) {
        return Ok(());
    }
    let words = "The form was sent from another site.";
    Err(Failure::new(StatusCode::FORBIDDEN, "security_csrf_violation", words))
}

/// Whether a form came from a page of ours: browsers say from which origin they post.
pub(crate) fn is_own_origin(call: &Call) -> bool {
    match call.header("origin") {
        None => call.headers.get("origin").is_none(),
        Some(origin) => origin == call.tenant.url.origin().ascii_serialization(),
    }
}
