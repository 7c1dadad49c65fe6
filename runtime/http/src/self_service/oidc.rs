//! `/self-service/methods/oidc/callback…`: where a browser comes back to from another provider.
//!
//! It is a page to which a browser is sent, whatever the form was shown by, and needs no scripts. What fails is told on
//! the form that the sign-in was begun from, where people can go on, and a record says so; what belongs to no form of this
//! browser is told on the error page, and written nowhere.

use federation::{CallbackError, CameBack, Failure, Response};
use identity::Problem;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{OwnFlow, Room, arrived, fits_callback, mark_used, provider_failed};
use identity::providers::ProvenElsewhere;
use primitives::{Actor, AuditEvent, Change};

use super::cookies::csrf_cookie_of;
use super::exchange::{self, back_with_error};
use super::flows::load;
use super::mail::OfForm;
use super::outcome::{self, Client};
use super::read::owner;
use super::start::signed_in_already;
use super::submit::{MOST_ATTEMPTS, check_session, client_of, form_hooks, no_flow, refuse, refused};
use super::visitor::caller;
use super::{Applied, Kind, apply, respond_to_browser, room};
use crate::call::Call;
use crate::response::{Answer, see_other};

/// `GET /self-service/methods/oidc/callback`, `…/callback/{provider}` and
/// `…/organization/{organization}/callback/{provider}`
pub(crate) async fn callback(call: Call) -> Answer {
    let at = Some(call.place("provider")).filter(|provider| !provider.is_empty());
    let came = Response::parse(call.query.as_bytes());
    let came = came.and_then(|response| call.tenant.providers.came_back(response, at));
    match came {
        Ok(came) => Box::pin(arrive(&call, &came)).await,
        Err(error) => {
            unfit(&call, at.unwrap_or("-"), "unasked");
            respond_to_browser(&call, unasked(error))
        }
    }
}

/// `POST` of the same: the browser comes once more, with its cookies.
///
/// A provider that answers by a form posts across sites, and cookies stay at home then. They come along when the browser
/// follows this.
pub(crate) async fn callback_by_form(call: Call) -> Answer {
    if !call.has_media_type("application/x-www-form-urlencoded") {
        return respond_to_browser(&call, unasked(CallbackError::Malformed));
    }
    match Response::parse(&call.body) {
        Ok(response) => see_other(&call.tenant.absolute(&format!("{}?{}", call.path, response.to_query()))),
        Err(error) => respond_to_browser(&call, unasked(error)),
    }
}

const fn unasked(error: CallbackError) -> Problem {
    match error {
        CallbackError::Malformed | CallbackError::Unasked => Problem::ProviderAnswerUnasked,
    }
}

async fn arrive(call: &Call, came: &CameBack) -> Answer {
    if let Some(answer) = Box::pin(super::test_login::arrived(call, came)).await {
        return answer;
    }
    let cookie = csrf_cookie_of(call);
    let kind = match came.kind() {
        "login" => Kind::Login,
        "registration" => Kind::Registration,
        _ => Kind::Settings,
    };
    let own = match marked(call, kind, came, cookie.as_ref()).await {
        Ok(own) => own,
        Err(problem @ (Problem::CsrfViolation | Problem::ProviderAnswerUsed)) => {
            unfit(call, came.provider(), problem.id());
            return respond_to_browser(call, problem);
        }
        Err(problem) => return no_flow(call, kind, problem),
    };
    match Box::pin(go_on(call, kind, own, (came, cookie.as_ref()))).await {
        Ok(answer) => answer,
        Err(Problem::SessionAlreadyAvailable) => signed_in_already(call),
        Err(problem) => refuse(call, problem),
    }
}

/// The browser of an application's user is not where they are told: the application is.
fn refuse_application(client: Client<'_>, problem: &Problem) -> Answer {
    back_with_error(client, problem.id())
}

/// The form that the sign-in was begun from, if it is this browser's and has not had this answer.
async fn marked(
    call: &Call,
    kind: Kind,
    came: &CameBack,
    cookie: Option<&CsrfCookie>,
) -> Result<OwnFlow, Problem> {
    let id = came.flow().to_string();
    for _ in 0..MOST_ATTEMPTS {
        let own = load(call, kind, &id, cookie).await?;
        if !fits_callback(&own.flow) {
            return Err(Problem::FlowUnknown);
        }
        let Some(flow) = mark_used(own.flow.clone(), came.answer()) else {
            return Err(Problem::ProviderAnswerUsed);
        };
        let change = Change::new(call.tenant.id.clone()).write(own.update(flow));
        if apply(call, change).await? == Applied::Whole {
            return load(call, kind, &id, cookie).await;
        }
    }
    Err(Problem::Unavailable)
}

async fn go_on(
    call: &Call,
    kind: Kind,
    own: OwnFlow,
    (came, cookie): (&CameBack, Option<&CsrfCookie>),
) -> Result<Answer, Problem> {
    let session = owner(call, &own.flow).await?;
    check_session(&own.flow, session.as_ref())?;
    let who = match call.tenant.providers.redeem(came).await {
        Ok(who) => who,
        Err(failure) => {
            let (session, webhooks) = (session.as_ref(), None);
            let client = Client { call, kind, own: &own, cookie, session, once: false, webhooks };
            return failed(client, came.provider(), failure).await;
        }
    };
    Box::pin(decide(call, kind, own, (who, cookie))).await
}

/// A provider failed or refused: the form says so.
async fn failed(client: Client<'_>, provider: &str, failure: Failure) -> Result<Answer, Problem> {
    let call = client.call;
    note(call, provider, failure.class());
    tracing::warn!(request = %call.request, tenant = %call.tenant.id, provider, %failure, "a sign-in with another provider failed");
    let failure = failure.of(&call.tenant.providers.label(provider).await);
    let step = provider_failed(room(call), client.own.flow.clone(), &failure);
    if client.is_native() {
        return exchange::arrived(client, step).await?.ok_or(Problem::Unavailable);
    }
    Box::pin(outcome::apply_step(client, step)).await?.ok_or(Problem::Unavailable)
}

/// Attack: anybody makes such requests, and names what they like in them. They are in the log alone.
fn unfit(call: &Call, provider: &str, cause: &str) {
    let provider: String = provider.chars().take(63).collect();
    tracing::info!(request = %call.request, tenant = %call.tenant.id, ?provider, cause, "an answer of no sign-in that was begun here");
}

/// Nothing is written for it but that it happened.
fn note(call: &Call, provider: &str, cause: &str) {
    let event = AuditEvent::new("provider.failed", Actor::Anonymous, "provider", &provider)
        .with("cause", &cause)
        .with("request", &call.request);
    call.node.storage.audit_stateless(&call.tenant.id, event);
}

async fn decide(
    call: &Call,
    kind: Kind,
    own: OwnFlow,
    (who, cookie): (ProvenElsewhere, Option<&CsrfCookie>),
) -> Result<Answer, Problem> {
    let id = own.flow.id.to_string();
    let client_id = client_of(call, &own.flow);
    let room = Room { client: client_id.as_ref(), ..room(call) };
    let mut current = Some(own);
    for _ in 0..MOST_ATTEMPTS {
        let own = match current.take() {
            Some(own) => own,
            None => load(call, kind, &id, cookie).await?,
        };
        let session = owner(call, &own.flow).await?;
        check_session(&own.flow, session.as_ref())?;
        let hooks = form_hooks(call, &own, session.as_ref(), Some("oidc"));
        let webhooks = hooks.as_ref().map(|hooks| (hooks, Some("oidc")));
        let client =
            Client { call, kind, own: &own, cookie, session: session.as_ref(), once: false, webhooks };
        let composer = OfForm { call, flow: &own.flow };
        let room =
            Room { composer: &composer, ..hooks.as_ref().map_or(room, |hooks| Room { hooks, ..room }) };
        let caller = caller(call, session.as_ref());
        let step = match arrived(room, caller, own.flow.clone(), who.clone()).await {
            Ok(step) => step,
            Err(error) if client.is_native() => {
                return refused(client, error)
                    .await
                    .or_else(|problem| Ok(refuse_application(client, &problem)));
            }
            Err(error) => return refused(client, error).await,
        };
        if client.is_native() {
            match exchange::arrived(client, step).await? {
                Some(answer) => return Ok(answer),
                None => continue,
            }
        }
        if let Some(answer) = Box::pin(outcome::apply_step(client, step)).await? {
            return Ok(answer);
        }
    }
    Err(Problem::Unavailable)
}
