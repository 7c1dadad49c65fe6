//! `/ui/impersonation`: an operator's browser gets the session in which they act in somebody's name.
//!
//! Attack: a scanner that looks at links uses it up, or a page elsewhere opens it in a browser. Looking at it changes nothing;
//! its button does, once, and only from our own page. The link is worth something for two minutes and is none of the
//! session's tokens: what is read in a log later opens nothing.

use http::StatusCode;
use identity::Problem;
use identity::flow::csrf::CsrfCookie;
use identity::ports::Sessions as _;
use identity::return_to;
use identity::session::LiveSession;
use identity::session::impersonate::{LinkToken, check_link, open_link};
use ui::{Hidden, ImpersonationView};

use super::show;
use crate::browser::is_own_origin;
use crate::call::Call;
use crate::failure::Failure;
use crate::oauth2::consent::label;
use crate::response::{Answer, see_other};
use crate::self_service::{
    Applied, apply, failed, respond_to_browser, room, set_acting, set_csrf_cookie, set_session_cookie,
};

/// `GET /ui/impersonation?token=`
pub(crate) async fn page(call: Call) -> Answer {
    let token = call.query_value("token").unwrap_or_default();
    match load(&call, &token).await {
        Ok(Some((_, live))) => {
            let view = ImpersonationView {
                subject: label(live.identity()),
                action: call.tenant.absolute("/ui/impersonation"),
                hidden: vec![Hidden { name: "token".to_owned(), value: token }],
            };
            show(&call, StatusCode::OK, &[], None, |context| call.node.pages.impersonation(&view, context))
        }
        Ok(None) => spent().to_page(&call),
        Err(problem) => respond_to_browser(&call, problem),
    }
}

async fn load(call: &Call, token: &str) -> Result<Option<(LinkToken, LiveSession)>, Problem> {
    let Some(link) = LinkToken::parse(token) else { return Ok(None) };
    let hash = [link.hash(call.node.sealer(), &call.tenant.id)];
    let found = call.node.storage.find_by_token(&call.tenant.id, &hash).await;
    let found = found.map_err(|error| failed(call, error))?;
    Ok(found
        .and_then(|(session, identity)| check_link(session, identity, call.now()))
        .map(|live| (link, live)))
}

/// `POST /ui/impersonation`
pub(crate) async fn post(call: Call) -> Answer {
    if !is_own_origin(&call) {
        return respond_to_browser(&call, Problem::CsrfViolation);
    }
    let mut pairs = url::form_urlencoded::parse(&call.body);
    let token = pairs.find(|(name, _)| name == "token").map(|(_, value)| value.into_owned());
    match begun(&call, &token.unwrap_or_default()).await {
        Ok(Some(answer)) => answer,
        Ok(None) => spent().to_page(&call),
        Err(problem) => respond_to_browser(&call, problem),
    }
}

async fn begun(call: &Call, token: &str) -> Result<Option<Answer>, Problem> {
    let Some((link, live)) = load(call, token).await? else { return Ok(None) };
    let (token, change) = open_link(room(call), &link, &live);
    if apply(call, change).await? == Applied::Missed {
        return Ok(None);
    }
    let target = return_to::default_return(&call.tenant.url, &call.tenant.identity.flow);
    let mut answer = see_other(target.as_str());
    set_session_cookie(call, &mut answer, token.expose());
    set_acting(call, &mut answer, live.session().expires_at.since(call.now()).as_secs());
    set_csrf_cookie(call, &mut answer, &CsrfCookie::generate(call.node.rng.as_ref()));
    Ok(Some(answer))
}

fn spent() -> Failure {
    let words = "This link was used before, or is too old. Ask for another one.";
    Failure::new(StatusCode::NOT_FOUND, "impersonation_spent", words)
}
