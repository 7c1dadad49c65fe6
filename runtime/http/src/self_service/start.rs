//! `GET /self-service/{login,registration,settings,verification,recovery}/{browser,api}`: begins a flow.

use http::StatusCode;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{
    AskedOnward, Message, OwnFlow, StartError, StartRequest, Transport, init_code, start_login,
    start_recovery, start_registration, start_settings, start_verification,
};
use identity::session::LiveSession;
use identity::{Problem, return_to};
use oauth2::authorization::LoginRequest;
use primitives::KeyedHash;

use super::assurance::check_settings;
use super::cookies::{csrf_cookie_of, set_csrf_cookie};
use super::flows::document;
use super::visitor::{caller, refuse_browsers, session_of_browser, session_of_headers};
use super::{Kind, apply, encode, failed, held, respond, respond_to_browser, room, with_query};
use crate::browser::BrowserState;
use crate::call::Call;
use crate::oauth2::authorize;
use crate::response::{Answer, json_no_store, see_other};
use crate::webhooks::{Submitted, begins};

/// `GET /self-service/login/browser`
pub(crate) async fn login_browser(call: Call) -> Answer {
    for_browser(&call, Kind::Login, None).await
}

/// `GET /self-service/login/api`
pub(crate) async fn login_native(call: Call) -> Answer {
    for_native(&call, Kind::Login).await
}

/// `GET /self-service/registration/browser`
pub(crate) async fn registration_browser(call: Call) -> Answer {
    for_browser(&call, Kind::Registration, None).await
}

/// `GET /self-service/registration/api`
pub(crate) async fn registration_native(call: Call) -> Answer {
    for_native(&call, Kind::Registration).await
}

/// `GET /self-service/settings/browser`
pub(crate) async fn settings_browser(call: Call) -> Answer {
    for_browser(&call, Kind::Settings, None).await
}

/// `GET /self-service/settings/api`
pub(crate) async fn settings_native(call: Call) -> Answer {
    for_native(&call, Kind::Settings).await
}

/// `GET /self-service/verification/browser`
pub(crate) async fn verification_browser(call: Call) -> Answer {
    for_browser(&call, Kind::Verification, None).await
}

/// `GET /self-service/verification/api`
pub(crate) async fn verification_native(call: Call) -> Answer {
    for_native(&call, Kind::Verification).await
}

/// `GET /self-service/recovery/browser`
pub(crate) async fn recovery_browser(call: Call) -> Answer {
    for_browser(&call, Kind::Recovery, None).await
}

/// `GET /self-service/recovery/api`
pub(crate) async fn recovery_native(call: Call) -> Answer {
    for_native(&call, Kind::Recovery).await
}

/// A new form for whoever opened a link that is worth nothing any more, which says so.
pub(crate) async fn anew(call: &Call, kind: Kind, message: Message) -> Answer {
    for_browser(call, kind, Some(message)).await
}

async fn for_browser(call: &Call, kind: Kind, message: Option<Message>) -> Answer {
    let session = match session_of_browser(call).await {
        Ok(session) => session,
        Err(problem) => return respond_to_browser(call, problem),
    };
    let challenge = call.query_value("login_challenge").filter(|challenge| !challenge.is_empty());
    let mut waiting = None;
    if let Some(challenge) = &challenge {
        // A challenge that leads nowhere is told now, not after the password.
        match waiting_request(call, challenge).await {
            Ok(request) => waiting = Some(request),
            Err(refusal) => return *refusal,
        }
    }
    let known = csrf_cookie_of(call);
    let cookie = known.clone().unwrap_or_else(|| CsrfCookie::generate(call.node.rng.as_ref()));
    let browser = cookie.hash(call.node.sealer(), &call.tenant.id);
    let asked = Asked { challenge, waiting, ..Asked::by_browser(&browser) };
    let begun = match (begin(call, kind, session.as_ref(), asked).await, message) {
        (Ok(own), Some(message)) => saying(call, own, message).await,
        (begun, _) => begun,
    };
    match begun {
        Ok(own) => {
            let mut answer = if call.wants_json() {
                json_no_store(StatusCode::OK, &document(call, &own.flow, Some(&cookie), session.as_ref()))
            } else {
                see_other(&kind.page_url(call, own.flow.id))
            };
            if known.is_none() {
                set_csrf_cookie(call, &mut answer, &cookie);
            }
            answer
        }
        Err(problem) => instead(call, kind, problem),
    }
}

/// Asks for a form whose session is fetched with two codes.
const EXCHANGE: &str = "return_session_token_exchange_code";

async fn saying(call: &Call, mut own: OwnFlow, message: Message) -> Result<OwnFlow, Problem> {
    let flow = own.flow.clone().with_message(message);
    held::keep(call, &own, &flow).await?;
    own.flow = flow;
    Ok(own)
}

async fn for_native(call: &Call, kind: Kind) -> Answer {
    let begun = async {
        refuse_browsers(call)?;
        let session = session_of_headers(call).await?;
        let own = begin(call, kind, session.as_ref(), Asked::by_application()).await?;
        let mut document = document(call, &own.flow, None, session.as_ref());
        if let (Some(fields), true) = (document.as_object_mut(), own.flow.exchange.is_some()) {
            // Told here and never again.
            let code = init_code(call.node.sealer(), &call.tenant.id, own.flow.id);
            fields.insert("session_token_exchange_code".to_owned(), code.into());
        }
        Ok::<_, Problem>(document)
    };
    match begun.await {
        Ok(document) => json_no_store(StatusCode::OK, &document),
        Err(problem) => respond(call, &problem),
    }
}

/// What differs between the two kinds of client.
pub(super) struct Asked<'a> {
    pub(super) transport: Transport,
    pub(super) challenge: Option<String>,
    /// What waits behind the challenge.
    pub(super) waiting: Option<LoginRequest>,
    pub(super) browser: Option<&'a KeyedHash>,
    /// Whether it takes the place of one that the browser began and does not keep any more.
    pub(super) lost: bool,
}

impl<'a> Asked<'a> {
    /// By a native application.
    pub(super) fn by_application() -> Self {
        Self { transport: Transport::Api, challenge: None, waiting: None, browser: None, lost: false }
    }

    /// By the browser whose cookie has this hash, with nothing that waits.
    pub(super) fn by_browser(browser: &'a KeyedHash) -> Self {
        Self { transport: Transport::Browser, browser: Some(browser), ..Self::by_application() }
    }
}

/// Begins a form.
pub(super) async fn begin(
    call: &Call,
    kind: Kind,
    session: Option<&LiveSession>,
    asked: Asked<'_>,
) -> Result<OwnFlow, Problem> {
    let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
    let (return_to, schema, aal) = (value("return_to"), value("identity_schema"), value("aal"));
    let (via, after_verification) = (value("via"), value("after_verification_return_to"));
    let is_set = |name: &str| value(name).is_some_and(|value| value == "true" || value == "1");
    let invitation = value("invitation");
    // Whom the client has in mind, and for which organisation; the address of the form may say it too.
    let (hinted, wished) =
        asked.waiting.map_or((None, None), |request| (request.login_hint, request.organisation));
    let login_hint = hinted.or_else(|| value("login_hint"));
    let organisation = value("organization").or_else(|| wished.map(|id| id.to_string()));
    // The address of one that is lost is that of its page, or where it was sent.
    let path = if asked.lost { kind.start_path() } else { call.path_and_query() };
    let request = StartRequest {
        transport: asked.transport,
        base: &call.tenant.url,
        request: &path,
        return_to: return_to.as_deref(),
        onward: AskedOnward {
            after_verification: after_verification.as_deref(),
            skip_settings: is_set("skip_settings"),
        },
        identity_schema: schema.as_deref(),
        login_challenge: asked.challenge.as_deref(),
        login_hint: login_hint.as_deref(),
        refresh: is_set("refresh"),
        select_account: value("prompt").is_some_and(|prompt| prompt == "select_account"),
        aal: aal.as_deref(),
        via: via.as_deref(),
        organisation: organisation.as_deref(),
        invitation: invitation.as_deref(),
        exchange: is_set(EXCHANGE),
        browser: asked.browser,
        lost: asked.lost,
    };
    if let (Kind::Settings, Some(live)) = (kind, session) {
        check_settings(call, live, &call.tenant.absolute(&path))?;
    }
    let caller = caller(call, session);
    let begun = match kind {
        Kind::Login => start_login(room(call), caller, request).await,
        Kind::Registration => start_registration(room(call), caller, request).await,
        Kind::Settings => start_settings(room(call), caller, request).await,
        Kind::Verification => start_verification(room(call), caller, request).await,
        Kind::Recovery => start_recovery(room(call), caller, request).await,
    };
    let (own, change) = begun.map_err(|error: StartError| failed(call, error))?;
    if !call.tenant.webhooks.is_empty() {
        let submitted = Submitted { call, flow: &own.flow, session };
        Box::pin(begins(submitted, kind.flow_name())).await?;
    }
    if own.is_held() {
        held::keep(call, &own, &own.flow).await?;
    } else {
        apply(call, change).await?;
    }
    Ok(own)
}

/// Where a browser goes when there is no flow for it.
fn instead(call: &Call, kind: Kind, problem: Problem) -> Answer {
    match (problem, kind) {
        (Problem::SessionAlreadyAvailable, _) => signed_in_already(call),
        // The request that waits knows what it makes of somebody who has no second factor.
        (Problem::SecondFactorUnavailable, Kind::Login) if waits(call) => signed_in_already(call),
        // Where nobody signs up, whoever was sent to do so signs in.
        (Problem::FlowDisabled, Kind::Registration) if waits(call) && !call.wants_json() => {
            let challenge = call.query_value("login_challenge").unwrap_or_default();
            see_other(&with_query(&Kind::Login.start_url(call), "login_challenge", &challenge))
        }
        (Problem::SessionInactive, Kind::Settings) if !call.wants_json() => {
            let back = call.tenant.absolute(&call.path_and_query());
            see_other(&with_query(&Kind::Login.start_url(call), "return_to", &back))
        }
        (Problem::SecondFactorRequired { redirect_browser_to }, _) if !call.wants_json() => {
            see_other(&redirect_browser_to)
        }
        (problem, _) => respond_to_browser(call, problem),
    }
}

/// Whether an authorization request waits for the form.
fn waits(call: &Call) -> bool {
    call.query_value("login_challenge").is_some_and(|challenge| !challenge.is_empty())
}

/// Somebody who is signed in goes on to where signing in would have led.
pub(super) fn signed_in_already(call: &Call) -> Answer {
    let challenge = call.query_value("login_challenge").filter(|challenge| !challenge.is_empty());
    let resume = challenge.map(|challenge| {
        call.tenant.absolute(&format!("/oauth2/auth/resume?login_challenge={}", encode(&challenge)))
    });
    if call.wants_json() {
        return match resume {
            Some(redirect_browser_to) => {
                respond(call, &Problem::LocationChangeRequired { redirect_browser_to })
            }
            None => respond(call, &Problem::SessionAlreadyAvailable),
        };
    }
    let target = resume.unwrap_or_else(|| {
        let flow = &call.tenant.identity.flow;
        let asked = call.query_value("return_to");
        let allowed = asked.and_then(|asked| return_to::check(&asked, &call.tenant.url, flow).ok());
        let target = allowed.unwrap_or_else(|| return_to::default_return(&call.tenant.url, flow));
        target.as_str().to_owned()
    });
    see_other(&target)
}

/// The authorization request behind a challenge; or the refusal of one that is not this browser's.
async fn waiting_request(call: &Call, challenge: &str) -> Result<LoginRequest, Box<Answer>> {
    let browser = BrowserState::read(call).await.map_err(|failure| Box::new(failure.to_page(call)))?;
    let request = call.tenant.oauth2.login_request(challenge, browser.as_room(call).binding);
    request.map_err(|error| Box::new(authorize::refuse(call, &error)))
}
