//! `GET /self-service/{verification,recovery}?flow=&code=`: where the link of a mail leads.
//!
//! Attack: a scanner that looks at every link of a mail uses the code up before its reader can. So the link only fills the
//! form in; whoever reads it sends it.

use identity::flow::Challenge;
use primitives::Change;
use serde_json::Value;

use super::cookies::csrf_cookie_of;
use super::flows::load;
use super::{Kind, apply, respond_to_browser};
use crate::call::Call;
use crate::response::{Answer, see_other};

/// `GET /self-service/verification`
pub(crate) async fn verification(call: Call) -> Answer {
    follow(&call, Kind::Verification).await
}

/// `GET /self-service/recovery`
pub(crate) async fn recovery(call: Call) -> Answer {
    follow(&call, Kind::Recovery).await
}

async fn follow(call: &Call, kind: Kind) -> Answer {
    let id = call.query_value("flow").unwrap_or_default();
    let cookie = csrf_cookie_of(call);
    let own = match load(call, kind, &id, cookie.as_ref()).await {
        Ok(own) => own,
        // In another browser than the one that it was asked for in: it begins anew there.
        Err(
            identity::Problem::CsrfViolation
            | identity::Problem::FlowUnknown
            | identity::Problem::FlowExpired { .. },
        ) => return see_other(&kind.start_url(call)),
        Err(problem) => return respond_to_browser(call, problem),
    };
    let code =
        call.query_value("code").filter(|code| code.len() <= 16 && code.bytes().all(|b| b.is_ascii_digit()));
    if let (Some(code), Some(Challenge::SentEmail(_))) = (code, own.flow.kind.challenge()) {
        let mut flow = own.flow.clone();
        flow.values.insert("code".to_owned(), Value::String(code));
        // If somebody was faster, the form says what that led to.
        if let Err(problem) = apply(call, Change::new(call.tenant.id.clone()).write(own.update(flow))).await {
            return respond_to_browser(call, problem);
        }
    }
    see_other(&kind.page_url(call, own.flow.id))
}
