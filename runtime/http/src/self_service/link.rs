//! `GET /self-service/{login,registration,verification,recovery}?flow=&{code,token}=`: where the link of a mail leads.
//!
//! Attack: a scanner that looks at every link of a mail uses it up before its reader can. So the link only fills the form
//! in, or makes it show the button that uses it; whoever reads it sends the form.
//!
//! A link with a code opens its form in the browser in which it was asked for. One with a token opens it anywhere: in
//! another browser on the page of this server, which is there whatever page the tenant has of its own.
//!
//! A link that signs in does so at once in the browser whose form it is of. A scanner has not its cookie.

use identity::flow::{Challenge, Message, OwnFlow, SentLink};
use identity::{Flow, Problem};
use primitives::Change;
use serde_json::Value;

use super::cookies::csrf_cookie_of;
use super::flows::load;
use super::{Kind, apply, respond_to_browser, start, submit, with_query};
use crate::call::Call;
use crate::response::{Answer, see_other};

/// `GET /self-service/login`
pub(crate) async fn login(call: Call) -> Answer {
    Box::pin(follow(&call, Kind::Login)).await
}

/// `GET /self-service/registration`
pub(crate) async fn registration(call: Call) -> Answer {
    Box::pin(follow(&call, Kind::Registration)).await
}

/// `GET /self-service/verification`
pub(crate) async fn verification(call: Call) -> Answer {
    Box::pin(follow(&call, Kind::Verification)).await
}

/// `GET /self-service/recovery`
pub(crate) async fn recovery(call: Call) -> Answer {
    Box::pin(follow(&call, Kind::Recovery)).await
}

async fn follow(call: &Call, kind: Kind) -> Answer {
    let id = call.query_value("flow").unwrap_or_default();
    let token = call.query_value("token").filter(|token| !token.is_empty());
    let cookie = csrf_cookie_of(call);
    let own = match load(call, kind, &id, cookie.as_ref()).await {
        Ok(own) => own,
        Err(Problem::CsrfViolation | Problem::FlowUnknown | Problem::FlowExpired { .. }) => {
            return match token {
                Some(_) => start::anew(call, kind, Message::wrong_link(kind.as_str())).await,
                // In another browser than the one that it was asked for in: it begins anew there.
                None => see_other(&kind.start_url(call)),
            };
        }
        Err(problem) => return respond_to_browser(call, problem),
    };
    if own.is_elsewhere() {
        // Nothing is written: what a scanner opens stays as it was.
        return see_other(&page(call, kind, &own));
    }
    if kind == Kind::Login && own.flow.link.as_ref().and_then(SentLink::opened).is_some() {
        return submit::by_link(call, own, cookie.as_ref()).await;
    }
    if let Some(flow) = filled(call, kind, &own, token.is_some()) {
        // If somebody was faster, the form says what that led to.
        if let Err(problem) = apply(call, Change::new(call.tenant.id.clone()).write(own.update(flow))).await {
            return respond_to_browser(call, problem);
        }
    }
    see_other(&kind.page_url(call, own.flow.id))
}

/// The page that shows a form to whoever opened it.
pub(super) fn page(call: &Call, kind: Kind, own: &OwnFlow) -> String {
    match own.flow.link.as_ref().and_then(SentLink::opened) {
        Some(token) if own.is_elsewhere() => {
            let page = call.tenant.absolute(&format!("/ui/{}", kind.as_str()));
            with_query(&with_query(&page, "flow", &own.flow.id.to_string()), "token", token)
        }
        _ => kind.page_url(call, own.flow.id),
    }
}

/// The form as the link leaves it.
fn filled(call: &Call, kind: Kind, own: &OwnFlow, has_token: bool) -> Option<Flow> {
    let mut flow = own.flow.clone();
    if !matches!(flow.kind.challenge(), Some(Challenge::SentEmail(_))) && flow.code.sent.is_none() {
        return None;
    }
    if has_token {
        let is_right = flow.link.as_ref().and_then(SentLink::opened).is_some();
        return Some(if is_right { flow } else { flow.with_message(Message::wrong_link(kind.as_str())) });
    }
    let code = call.query_value("code")?;
    let is_code = code.len() <= 16 && code.bytes().all(|b| b.is_ascii_digit());
    is_code.then(|| {
        if flow.code.sent.is_some() {
            flow.code.typed = Some(code);
        } else {
            flow.values.insert("code".to_owned(), Value::String(code));
        }
        flow
    })
}
