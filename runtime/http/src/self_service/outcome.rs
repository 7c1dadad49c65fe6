//! What a submission led to, written down and told in the client's own way.

use http::StatusCode;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{Message, OwnFlow, PendingChange, SignedIn, Transport, schema_url};
use identity::limiter::forgive_flow;
use identity::session::{LiveSession, Session, SessionToken, identity_document, session_document};
use identity::{Flow, Identity, Problem, Step, Write, return_to};
use primitives::Change;
use serde_json::{Value, json};

use super::assurance::{check_session, rest_url, step_up_url};
use super::cookies::{set_acting, set_csrf_cookie, set_session_cookie};
use super::flows::document;
use super::visitor::presented_token;
use super::{
    Applied, Kind, apply, challenge, encode, held, link, respond, tell, trusted_devices, with_query,
};
use crate::call::{ACTING_COOKIE, Call};
use crate::response::{Answer, json_no_store, see_other};
use crate::webhooks::{self, FormHooks, Gate, Submitted};

/// Who submitted what.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) call: &'a Call,
    pub(super) kind: Kind,
    pub(super) own: &'a OwnFlow,
    pub(super) cookie: Option<&'a CsrfCookie>,
    pub(super) session: Option<&'a LiveSession>,
    /// Whether the form counts once: of several who submit it at a time one is answered.
    pub(super) once: bool,
    /// The tenant's webhooks, where it has any, and by which method somebody signs up.
    pub(super) webhooks: Option<(&'a FormHooks<'a>, Option<&'static str>)>,
}

impl Client<'_> {
    pub(super) fn is_native(&self) -> bool {
        self.own.flow.transport == Transport::Api
    }

    pub(super) fn wants_json(&self) -> bool {
        self.is_native() || self.call.wants_json()
    }

    /// Where the browser goes on.
    pub(super) fn destination(&self) -> String {
        let tenant = &self.call.tenant;
        let flow = &self.own.flow;
        match (flow.login_challenge(), &flow.return_to) {
            (Some(challenge), _) => {
                tenant.absolute(&format!("/oauth2/auth/resume?login_challenge={}", encode(challenge)))
            }
            (None, Some(target)) => target.clone(),
            (None, None) => return_to::default_return(&tenant.url, &tenant.identity.flow).as_str().to_owned(),
        }
    }

    /// The guard that whoever submits is still signed in.
    fn held(&self) -> Option<Write> {
        let session = self.session?.session();
        Some(Write::HoldSession { session: session.id, identity: session.identity, at: self.call.now() })
    }

    /// The change together with the end of the form.
    pub(super) fn served(&self, change: Change<Write>) -> Change<Write> {
        let ended = if self.once { self.own.remove_once() } else { vec![self.own.remove()] };
        ended.into_iter().fold(change, Change::write)
    }

    pub(super) fn submitted(&self) -> Submitted<'_> {
        Submitted { call: self.call, flow: &self.own.flow, session: self.session }
    }

    fn session(&self, session: &Session, identity: &Identity) -> Value {
        let url = schema_url(&self.call.tenant.base_url, &identity.schema_id);
        session_document(session, self.call.now(), Some((identity, &url)))
    }
}

/// What a form says of a problem that passes by itself.
pub(super) fn message(problem: &Problem) -> Option<Message> {
    match problem {
        Problem::TooManyAttempts { retry_after } => {
            Some(Message::too_many_attempts(retry_after.as_secs().max(1)))
        }
        Problem::Busy { .. } => Some(Message::busy()),
        _ => None,
    }
}

/// Applies a step and answers. `None`: somebody was faster, decide again.
///
/// Webhooks that have a say are asked before anything is written, and again if it is decided again; the others are told
/// once it is durable.
pub(super) async fn apply_step(client: Client<'_>, step: Step) -> Result<Option<Answer>, Problem> {
    let Some(webhooks) = client.webhooks else { return applied(client, step).await };
    match Box::pin(webhooks::passes(client.submitted(), webhooks, step)).await {
        Ok(Gate::Open(step, tell)) => {
            let answer = applied(client, step).await?;
            if let (Some(tell), true) = (tell, answer.is_some()) {
                tell.tell(client.submitted()).await;
            }
            Ok(answer)
        }
        Ok(Gate::Shut(flow)) => form(client, *flow).await.map(Some),
        Err(problem) => Err(problem),
    }
}

async fn applied(client: Client<'_>, step: Step) -> Result<Option<Answer>, Problem> {
    match step {
        Step::Form(flow) => form(client, *flow).await.map(Some),
        Step::Refused(flow, change) => challenge::refused(client, *flow, change).await,
        Step::Shown(flow, change) => {
            if apply(client.call, change.write(client.own.update((*flow).clone()))).await? == Applied::Missed
            {
                return Ok(None);
            }
            Ok(Some(shown(client, &flow)))
        }
        Step::Elsewhere(place) => elsewhere(client, place.as_str()).map(Some),
        Step::ToProvider(url) => {
            let own = client.own;
            let kept = Change::new(client.call.tenant.id.clone()).write(own.update(own.flow.clone()));
            // What the provider answers is for a form that nobody brings back as it was.
            if own.is_held() && apply(client.call, kept).await? == Applied::Missed {
                return Ok(None);
            }
            elsewhere(client, url.as_str()).map(Some)
        }
        Step::SentOn(flow, url) => {
            let kept = Change::new(client.call.tenant.id.clone()).write(client.own.update(*flow));
            if apply(client.call, kept).await? == Applied::Missed {
                return Ok(None);
            }
            elsewhere(client, url.as_str()).map(Some)
        }
        Step::SignedIn(signed_in) => {
            let signed_in = trusted_devices::recognise(client, *signed_in).await?;
            signed_in_newly(client, signed_in).await
        }
        Step::Trusted { step, token } => {
            let answer = Box::pin(apply_step(client, *step)).await?;
            Ok(answer.map(|answer| trusted_devices::keep(client.call, answer, &token)))
        }
        Step::Once(step) => Box::pin(apply_step(Client { once: true, ..client }, *step)).await,
        Step::Refreshed { session, change } => {
            if apply(client.call, client.served(change)).await? == Applied::Missed {
                return Ok(None);
            }
            let Some(live) = client.session else { return Err(Problem::SessionInactive) };
            let token = presented_token(client.call).map(str::to_owned);
            Ok(Some(go_on(client, signed_in_body(client, &session, live.identity(), token))))
        }
        Step::Registered { identity, session, verifications, change } => {
            registered(client, (identity, verifications), session, change).await
        }
        Step::Saved { flow, what, identity, verifications, change } => {
            // Who was signed out meanwhile changes nothing any more.
            let change = client.held().into_iter().fold(change, Change::write);
            let change = change.write(client.own.update((*flow).clone()));
            let next = challenge::begun(client, verifications, client.own.browser());
            if apply(client.call, next.join(change)).await? == Applied::Missed {
                return Ok(None);
            }
            let session = client.session.map(|live| live.session().id);
            if let Some(what) = what {
                tell(client.call, what, &identity, session).await;
            }
            Ok(Some(saved(client, &flow, &identity, &next)))
        }
        Step::Challenged { flow, writes } => challenge::sent(client, *flow, writes).await,
        Step::WrongCode(flow) => challenge::wrong(client, *flow).await,
        Step::Verified { flow, identity, change } => {
            challenge::verified(client, *flow, &identity, change).await
        }
        Step::Recovered(recovered) => challenge::recovered(client, *recovered).await,
    }
}

/// The form again. Of two answers at a time the first is kept; both are shown.
pub(super) async fn form(client: Client<'_>, flow: Flow) -> Result<Answer, Problem> {
    let call = client.call;
    held::keep(call, client.own, &flow).await?;
    if client.wants_json() {
        let document = document(call, &flow, client.cookie, client.session);
        return Ok(json_no_store(StatusCode::BAD_REQUEST, &document));
    }
    // It may have become another: a sign-in that turns out to be a sign-up.
    Ok(see_other(&link::page(call, Kind::of(&flow.kind), client.own)))
}

/// The form with what was asked to see.
fn shown(client: Client<'_>, flow: &Flow) -> Answer {
    if !client.wants_json() {
        return see_other(&link::page(client.call, client.kind, client.own));
    }
    json_no_store(StatusCode::OK, &document(client.call, flow, client.cookie, client.session))
}

/// People go there; programs are told where to send them. The form stays as it is.
fn elsewhere(client: Client<'_>, place: &str) -> Result<Answer, Problem> {
    if client.wants_json() {
        return Err(Problem::LocationChangeRequired { redirect_browser_to: place.to_owned() });
    }
    Ok(see_other(place))
}

async fn signed_in_newly(client: Client<'_>, signed_in: SignedIn) -> Result<Option<Answer>, Problem> {
    let call = client.call;
    let SignedIn { identity, session, token, change, rehash, .. } = signed_in;
    let change = client.served(change.seal(call.node.sealer()));
    if apply(call, change).await? == Applied::Missed {
        return Ok(None);
    }
    if let Some(rehash) = rehash {
        // Nobody waits for it; the next login makes up for it if it fails.
        let storage = call.node.storage.clone();
        tokio::spawn(async move {
            if let Err(error) = storage.apply(rehash).await {
                tracing::debug!(%error, "a password was not hashed again");
            }
        });
    }
    let shown = client.is_native().then(|| token.expose().to_owned());
    let answer = match LiveSession::check(session.clone(), identity.clone(), call.now()) {
        Some(live) if check_session(call, &live).is_err() => half_signed_in(client, &live, shown.as_deref()),
        _ => go_on(client, signed_in_body(client, &session, &identity, shown)),
    };
    let cookie = CsrfCookie::generate(call.node.rng.as_ref());
    Ok(Some(begin_session(client, answer, &token, &cookie).await))
}

/// The second factor is next. Until it is proven nothing is told of the account: whoever has the password alone learns
/// nothing by it.
fn half_signed_in(client: Client<'_>, live: &LiveSession, token: Option<&str>) -> Answer {
    let (call, session) = (client.call, live.session());
    if client.is_native() {
        let session = session_document(session, call.now(), None);
        return json_no_store(StatusCode::OK, &json!({ "session": session, "session_token": token }));
    }
    let flow = &client.own.flow;
    let on = match (flow.login_challenge(), &flow.return_to) {
        (Some(challenge), _) => Some(("login_challenge", challenge)),
        (None, Some(target)) => Some(("return_to", target.as_str())),
        (None, None) => None,
    };
    let redirect_browser_to =
        if live.satisfies_organisation() { step_up_url(call, on) } else { rest_url(call, live, on) };
    if client.wants_json() {
        return respond(call, &Problem::LocationChangeRequired { redirect_browser_to });
    }
    see_other(&redirect_browser_to)
}

async fn registered(
    client: Client<'_>,
    (identity, verifications): (Identity, Vec<Flow>),
    session: Option<(Session, SessionToken)>,
    change: PendingChange,
) -> Result<Option<Answer>, Problem> {
    let call = client.call;
    let change = change.seal(call.node.sealer()).write(client.own.remove());
    // With a session the browser gets another cookie, which is the one that its next forms belong to.
    let cookie = CsrfCookie::generate(call.node.rng.as_ref());
    let fresh = cookie.hash(call.node.sealer(), &call.tenant.id);
    let browser = if session.is_some() { client.own.browser().map(|_| &fresh) } else { client.own.browser() };
    let next = challenge::begun(client, verifications, browser);
    if apply(call, next.join(change)).await? == Applied::Missed {
        return Ok(None);
    }
    let url = schema_url(&call.tenant.base_url, &identity.schema_id);
    let mut body = json!({ "identity": identity_document(&identity, &url) });
    next.tell(&mut body);
    let Some((session, token)) = session else {
        if client.wants_json() {
            return Ok(Some(json_no_store(StatusCode::OK, &body)));
        }
        return Ok(Some(see_other(&sign_in_url(client))));
    };
    if let Some(fields) = body.as_object_mut() {
        fields.insert("session".to_owned(), client.session(&session, &identity));
        if client.is_native() {
            fields.insert("session_token".to_owned(), token.expose().into());
        }
    }
    let answer = go_on(client, body);
    Ok(Some(begin_session(client, answer, &token, &cookie).await))
}

/// Signing up did not sign in: that is next.
fn sign_in_url(client: Client<'_>) -> String {
    let flow = &client.own.flow;
    let start = Kind::Login.start_url(client.call);
    match (flow.login_challenge(), &flow.return_to) {
        (Some(challenge), _) => with_query(&start, "login_challenge", challenge),
        (None, Some(target)) => with_query(&start, "return_to", target),
        (None, None) => start,
    }
}

fn saved(client: Client<'_>, flow: &Flow, identity: &Identity, next: &challenge::Next) -> Answer {
    let call = client.call;
    let waiting = flow.login_challenge().is_some().then(|| client.destination());
    if !client.wants_json() {
        return match waiting.as_ref().or(flow.return_to.as_ref()) {
            Some(target) => see_other(target),
            None => see_other(&client.kind.page_url(call, flow.id)),
        };
    }
    let mut document = document(call, flow, client.cookie, client.session);
    if let Some(fields) = document.as_object_mut() {
        let url = schema_url(&call.tenant.base_url, &identity.schema_id);
        fields.insert("identity".to_owned(), identity_document(identity, &url));
    }
    next.tell(&mut document);
    if let Some(target) = waiting {
        continue_at(&mut document, &target);
    }
    json_no_store(StatusCode::OK, &document)
}

fn signed_in_body(
    client: Client<'_>,
    session: &Session,
    identity: &Identity,
    token: Option<String>,
) -> Value {
    let mut body = json!({ "session": client.session(session, identity) });
    if let (Some(fields), Some(token)) = (body.as_object_mut(), token) {
        fields.insert("session_token".to_owned(), token.into());
    }
    body
}

/// The answer to a sign-in: the body for applications, the way on for browsers. A single-page application
/// behind which an authorization request waits must send its browser there.
fn go_on(client: Client<'_>, mut body: Value) -> Answer {
    if !client.wants_json() {
        return see_other(&client.destination());
    }
    if client.is_native() {
        return json_no_store(StatusCode::OK, &body);
    }
    let redirect_browser_to = client.destination();
    if client.own.flow.login_challenge().is_some() {
        return respond(client.call, &Problem::LocationChangeRequired { redirect_browser_to });
    }
    continue_at(&mut body, &redirect_browser_to);
    json_no_store(StatusCode::OK, &body)
}

/// Says, after whatever else comes next, where the browser goes on.
fn continue_at(body: &mut Value, redirect_browser_to: &str) {
    let Some(fields) = body.as_object_mut() else { return };
    let next = json!({ "action": "redirect_browser_to", "redirect_browser_to": redirect_browser_to });
    match fields.get_mut("continue_with").and_then(Value::as_array_mut) {
        Some(steps) => steps.push(next),
        None => {
            fields.insert("continue_with".to_owned(), json!([next]));
        }
    }
}

/// Gives a browser its session, and a new CSRF cookie, so that nobody who planted the old one before the
/// sign-in knows it afterwards.
pub(super) async fn begin_session(
    client: Client<'_>,
    mut answer: Answer,
    token: &SessionToken,
    csrf: &CsrfCookie,
) -> Answer {
    let call = client.call;
    let limits = &call.tenant.identity.limits;
    forgive_flow(&*call.node.attempts, limits, &call.tenant.id, call.client, call.now()).await;
    if !client.is_native() {
        set_session_cookie(call, &mut answer, token.expose());
        if call.cookie(ACTING_COOKIE).is_some() {
            set_acting(call, &mut answer, 0);
        }
        set_csrf_cookie(call, &mut answer, csrf);
    }
    answer
}
