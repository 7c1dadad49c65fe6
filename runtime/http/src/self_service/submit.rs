//! `POST /self-service/{login,registration,settings,verification,recovery}?flow=`: takes what was typed.
//!
//! | check | browser | native |
//! |---|---|---|
//! | 1 the flow is there, of this kind, open | begins anew, 404, 410 | 404, 410 |
//! | 2 it is this browser's, by its cookie | 403 | refuses cookies (400) |
//! | 3 the body is a form or JSON | 400 | 400 |
//! | 4 the form is ours, by its token | 403 | |
//! | 5 whoever is signed in may submit it | 303, 400, 401, 403 | 400, 401, 403 |
//! | 6 the room decides | | |

use identity::courier::PAYLOAD;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{FlowError, FlowKind, OwnFlow, Room, TransientPayload, Transport};
use identity::session::LiveSession;
use identity::{Flow, Problem, Submission, next_step};
use primitives::ClientId;

use super::assurance::step_up_url;
use super::cookies::csrf_cookie_of;
use super::flows::load;
use super::mail::OfForm;
use super::outcome::{self, Client};
use super::read::owner;
use super::start::signed_in_already;
use super::visitor::{caller, refuse_browsers};
use super::{Kind, respond, respond_to_browser, room, with_query};
use crate::browser;
use crate::call::Call;
use crate::captcha::RequestProof;
use crate::response::{Answer, see_other};
use crate::webhooks::{FormHooks, Submitted};

/// How often a decision is made again because somebody was faster.
pub(super) const MOST_ATTEMPTS: usize = 3;

/// `POST /self-service/login`
pub(crate) async fn login(call: Call) -> Answer {
    submit(&call, Kind::Login).await
}

/// `POST /self-service/registration`
pub(crate) async fn registration(call: Call) -> Answer {
    submit(&call, Kind::Registration).await
}

/// `POST /self-service/settings`
pub(crate) async fn settings(call: Call) -> Answer {
    submit(&call, Kind::Settings).await
}

/// `POST /self-service/verification`
pub(crate) async fn verification(call: Call) -> Answer {
    submit(&call, Kind::Verification).await
}

/// `POST /self-service/recovery`
pub(crate) async fn recovery(call: Call) -> Answer {
    submit(&call, Kind::Recovery).await
}

/// Signs in by the link of a message, in the browser that the form is of. The token is the proof that whoever opened it
/// means it: nobody else has it, and in another browser the page asks first.
pub(super) async fn by_link(call: &Call, own: OwnFlow, cookie: Option<&CsrfCookie>) -> Answer {
    let submission = Submission {
        method: Some("code".to_owned()),
        token: call.query_value("token"),
        ..Submission::default()
    };
    let answer = decided(call, Kind::Login, own, cookie, submission).await;
    answered(call, Kind::Login, Transport::Browser, answer)
}

async fn submit(call: &Call, kind: Kind) -> Answer {
    let cookie = csrf_cookie_of(call);
    let id = call.query_value("flow").unwrap_or_default();
    let own = match load(call, kind, &id, cookie.as_ref()).await {
        Ok(own) => own,
        Err(problem) => return no_flow(call, kind, problem),
    };
    let transport = own.flow.transport;
    let answer = Box::pin(decide(call, kind, own, cookie.as_ref(), None)).await;
    answered(call, kind, transport, answer)
}

/// Forms on which people go to another provider.
const WITH_PROVIDERS: [Kind; 3] = [Kind::Login, Kind::Registration, Kind::Settings];

/// `POST /self-service/methods/oidc/auth/{flow}`: goes to a provider, as forms did before each kind of them took all
/// methods at an address of its own.
pub(crate) async fn to_provider(call: Call) -> Answer {
    let cookie = csrf_cookie_of(&call);
    match of_provider(&call, cookie.as_ref()).await {
        Ok((kind, own)) => {
            let transport = own.flow.transport;
            let answer = Box::pin(decide(&call, kind, own, cookie.as_ref(), Some("oidc"))).await;
            answered(&call, kind, transport, answer)
        }
        Err((kind, problem)) => no_flow(&call, kind, problem),
    }
}

/// `GET` of the same shows the form. Attack: a link that goes on by itself signs whoever follows it in as somebody else;
/// only a form with its token does that.
pub(crate) async fn show_to_provider(call: Call) -> Answer {
    let cookie = csrf_cookie_of(&call);
    match of_provider(&call, cookie.as_ref()).await {
        Ok((kind, own)) => see_other(&kind.page_url(&call, own.flow.id)),
        Err((kind, problem)) => no_flow(&call, kind, problem),
    }
}

/// The form in the path, whichever of those kinds it is of.
async fn of_provider(call: &Call, cookie: Option<&CsrfCookie>) -> Result<(Kind, OwnFlow), (Kind, Problem)> {
    for kind in WITH_PROVIDERS {
        match load(call, kind, call.place("flow"), cookie).await {
            Ok(own) => return Ok((kind, own)),
            Err(Problem::FlowUnknown) => {}
            Err(problem) => return Err((kind, problem)),
        }
    }
    Err((Kind::Login, Problem::FlowUnknown))
}

pub(super) fn answered(
    call: &Call,
    kind: Kind,
    transport: Transport,
    answer: Result<Answer, Problem>,
) -> Answer {
    match answer {
        Ok(answer) => answer,
        // Somebody was faster, with another click perhaps, and the form has served.
        Err(Problem::FlowUnknown) if transport == Transport::Browser => {
            no_flow(call, kind, Problem::FlowUnknown)
        }
        Err(Problem::SessionAlreadyAvailable) if transport == Transport::Browser => signed_in_already(call),
        Err(problem) => match transport {
            Transport::Browser => refuse(call, problem),
            Transport::Api => respond(call, &problem),
        },
    }
}

/// There is nothing to submit to. People get a new form; they have only waited or clicked twice.
pub(super) fn no_flow(call: &Call, kind: Kind, problem: Problem) -> Answer {
    match problem {
        Problem::FlowExpired { use_flow_id, .. } if !call.wants_json() => {
            see_other(&kind.page_url(call, use_flow_id))
        }
        Problem::FlowUnknown if !call.wants_json() => see_other(&kind.start_url(call)),
        problem => respond_to_browser(call, problem),
    }
}

/// A refusal that a page can lead out of leads there.
pub(super) fn refuse(call: &Call, problem: Problem) -> Answer {
    match problem {
        Problem::SessionRefreshRequired { redirect_browser_to }
        | Problem::SecondFactorRequired { redirect_browser_to }
            if !call.wants_json() =>
        {
            see_other(&redirect_browser_to)
        }
        Problem::SessionInactive if !call.wants_json() => {
            let back = Kind::Settings.start_url(call);
            see_other(&with_query(&Kind::Login.start_url(call), "return_to", &back))
        }
        problem => respond_to_browser(call, problem),
    }
}

async fn decide(
    call: &Call,
    kind: Kind,
    own: OwnFlow,
    cookie: Option<&CsrfCookie>,
    method: Option<&str>,
) -> Result<Answer, Problem> {
    if own.flow.transport == Transport::Api {
        refuse_browsers(call)?;
    }
    let mut submission = Submission { token: call.query_value("token"), ..submission(call, &own.flow)? };
    if let Some(method) = method {
        submission.method = Some(method.to_owned());
    }
    check_token(call, &own.flow, &submission, cookie)?;
    decided(call, kind, own, cookie, submission).await
}

/// What a submission that was let in leads to.
pub(super) async fn decided(
    call: &Call,
    kind: Kind,
    own: OwnFlow,
    cookie: Option<&CsrfCookie>,
    submission: Submission,
) -> Result<Answer, Problem> {
    let id = own.flow.id.to_string();
    let client_id = client_of(call, &own.flow);
    let captcha = RequestProof::new(call);
    let room = Room { client: client_id.as_ref(), captcha: &captcha, ..room(call) };
    let method = method_of(submission.method.as_deref());
    let mut current = Some(own);
    for _ in 0..MOST_ATTEMPTS {
        let mut own = match current.take() {
            Some(own) => own,
            None => load(call, kind, &id, cookie).await?,
        };
        if let Some(payload) = &submission.transient_payload {
            own.flow.transient_payload.clone_from(payload);
        }
        let session = owner(call, &own.flow).await?;
        check_session(&own.flow, session.as_ref())?;
        // With a password whose account waits for a code, signing up is by password.
        let method = if own.flow.code.password.is_some() { Some("password") } else { method };
        let hooks = form_hooks(call, &own, session.as_ref(), method);
        let webhooks = hooks.as_ref().map(|hooks| (hooks, method));
        let client =
            Client { call, kind, own: &own, cookie, session: session.as_ref(), once: false, webhooks };
        let composer = OfForm { call, flow: &own.flow };
        let room =
            Room { composer: &composer, ..hooks.as_ref().map_or(room, |hooks| Room { hooks, ..room }) };
        let caller = caller(call, session.as_ref());
        let step = match Box::pin(next_step(room, caller, own.flow.clone(), submission.clone())).await {
            Ok(step) => step,
            Err(error) => return refused(client, error).await,
        };
        if let Some(answer) = Box::pin(outcome::apply_step(client, step)).await? {
            return Ok(answer);
        }
    }
    Err(Problem::Unavailable)
}

/// The hooks of one submission, where the tenant has webhooks.
pub(super) fn form_hooks<'a>(
    call: &'a Call,
    own: &'a OwnFlow,
    session: Option<&'a LiveSession>,
    method: Option<&str>,
) -> Option<FormHooks<'a>> {
    let submitted = Submitted { call, flow: &own.flow, session };
    (!call.tenant.webhooks.is_empty()).then(|| FormHooks::new(submitted, method))
}

/// The methods by which somebody signs up, as webhooks are bound to them.
fn method_of(submitted: Option<&str>) -> Option<&'static str> {
    ["password", "code", "oidc", "passkey", "webauthn"].into_iter().find(|known| Some(*known) == submitted)
}

/// The client whose authorization request waits for this form. None where there is none, or it can no longer be
/// gone on with: then somebody signs in for no app.
///
/// Attack: the store does not answer, and the plugins that are bound to the client are not asked. So it is never asked:
/// the client is in the sealed challenge, which the browser's own cookie opens.
pub(super) fn client_of(call: &Call, flow: &Flow) -> Option<ClientId> {
    let challenge = flow.login_challenge()?;
    let request = call.tenant.oauth2.login_request(challenge, browser::binding(call)).ok()?;
    request.client_id.parse().ok()
}

/// Too many attempts and a busy node are said on the form, where people see it; programs get the status.
pub(super) async fn refused(client: Client<'_>, error: FlowError) -> Result<Answer, Problem> {
    let call = client.call;
    let cause = (!is_logged(&error)).then(|| error.to_string());
    let is_second = error == FlowError::SecondFactorRequired;
    let problem = Problem::of_submission(error, || {
        let back = Kind::Settings.start_url(call);
        if is_second {
            return step_up_url(call, Some(("return_to", &back)));
        }
        let start = with_query(&Kind::Login.start_url(call), "refresh", "true");
        with_query(&start, "return_to", &back)
    });
    if let Some(cause) = cause.filter(|_| problem.status() >= 500) {
        tracing::error!(request = %call.request, cause, "a submission failed");
    }
    match outcome::message(&problem) {
        Some(message) if !client.wants_json() => {
            outcome::form(client, client.own.flow.clone().with_message(message)).await
        }
        _ => Err(problem),
    }
}

/// Whether the cause is in the log already: whoever runs plugins says why one failed. What a plugin's answer came to
/// here has no plugin's name.
fn is_logged(error: &FlowError) -> bool {
    matches!(error, FlowError::Hook(failure) if !failure.plugin.is_empty())
}

fn submission(call: &Call, flow: &Flow) -> Result<Submission, Problem> {
    if call.has_media_type("application/json") {
        return Ok(Submission::from_json(&call.body)?);
    }
    if call.has_media_type("application/x-www-form-urlencoded") {
        let pairs = url::form_urlencoded::parse(&call.body);
        let payload = pairs.clone().find(|(name, _)| name == PAYLOAD);
        let transient_payload =
            payload.map(|(_, text)| TransientPayload::parse(&text)).transpose()?.flatten();
        let read = Submission::from_form(pairs.into_owned(), room(call).schema(&flow.schema));
        return Ok(Submission { transient_payload, ..read });
    }
    Err(Problem::BadRequest(
        "The body must be a form or JSON, and its `Content-Type` must say so.".to_owned(),
    ))
}

pub(super) fn check_token(
    call: &Call,
    flow: &Flow,
    submission: &Submission,
    cookie: Option<&CsrfCookie>,
) -> Result<(), Problem> {
    if flow.transport == Transport::Api {
        return Ok(());
    }
    let presented = submission.csrf_token.as_deref().filter(|token| !token.is_empty());
    let presented = presented.or_else(|| call.header("x-csrf-token")).unwrap_or_default();
    let cookie = cookie.ok_or(Problem::CsrfViolation)?;
    if cookie.check(call.node.sealer(), &call.tenant.id, flow.id, presented) {
        Ok(())
    } else {
        Err(Problem::CsrfViolation)
    }
}

/// Whoever is signed in does not sign in or up again, but to prove who they are or to be somebody else.
pub(super) fn check_session(flow: &Flow, session: Option<&LiveSession>) -> Result<(), Problem> {
    match (&flow.kind, session) {
        (FlowKind::Login { .. }, Some(_)) if flow.is_step_up() => Ok(()),
        (FlowKind::Login { .. }, None) if flow.is_step_up() => Err(Problem::SessionInactive),
        (FlowKind::Login { refresh: None, select_account: true, .. }, _) => Ok(()),
        (
            FlowKind::Login { refresh: None, .. } | FlowKind::Registration { .. } | FlowKind::Recovery { .. },
            Some(_),
        ) => Err(Problem::SessionAlreadyAvailable),
        (FlowKind::Login { refresh: Some(_), .. }, None) => Err(Problem::SessionInactive),
        (
            FlowKind::Login { .. }
            | FlowKind::Registration { .. }
            | FlowKind::Settings { .. }
            | FlowKind::Verification { .. }
            | FlowKind::Recovery { .. },
            _,
        ) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use identity::ports::StoreUnavailable;
    use primitives::hooks::{HookFailure, HookFailureKind};

    use super::*;

    #[test]
    fn only_what_a_plugin_failed_with_is_in_the_log_already() {
        let hook = |plugin: &str| {
            let (plugin, detail) = (plugin.to_owned(), String::new());
            FlowError::Hook(HookFailure { plugin, kind: HookFailureKind::BadAnswer, detail })
        };
        assert!(is_logged(&hook("people")));
        assert!(!is_logged(&hook("")));
        assert!(!is_logged(&FlowError::Store(StoreUnavailable(String::new()))));
    }
}
