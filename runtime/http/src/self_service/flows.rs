//! Flows by id, for whoever may see them, and the documents that show them.

use http::Method;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{FlowView, OwnFlow, SuccessorToldTo, Transport, expired_since, flow_document, renew};
use identity::providers::Providers as _;
use identity::session::LiveSession;
use identity::{Flow, Problem};
use serde_json::Value;

use super::held::Missing;
use super::start::{Asked, begin};
use super::visitor::{caller, session_of_browser};
use super::{Kind, apply, held, room};
use crate::call::Call;

/// The flow of an id, if it is of this kind, this browser's (or a native application's, or that of whoever has the link
/// that was sent for it) and still open.
/// One that is not open any more has a successor, and so has one that its browser began and does not keep any more.
pub(crate) async fn load(
    call: &Call,
    kind: Kind,
    id: &str,
    cookie: Option<&CsrfCookie>,
) -> Result<OwnFlow, Problem> {
    let id = id.parse().map_err(|_| Problem::FlowUnknown)?;
    let own = match (held::find(call, id, cookie).await, cookie) {
        (Ok(own), _) => own,
        (Err(Missing::Lost), Some(cookie)) => {
            return Err(Box::pin(in_place_of_lost(call, kind, cookie)).await);
        }
        (Err(Missing::Lost), None) => return Err(Problem::FlowUnknown),
        (Err(Missing::Because(problem)), _) => return Err(problem),
    };
    if own.flow.kind.as_str() != kind.as_str() {
        return Err(Problem::FlowUnknown);
    }
    if own.flow.is_expired(call.now()) { Err(expired(call, &own).await?) } else { Ok(own) }
}

/// A new form of this kind for the browser that has lost one. What was asked for with that one went with it: where it would
/// have led, and the authorization request that waited for it.
async fn in_place_of_lost(call: &Call, kind: Kind, cookie: &CsrfCookie) -> Problem {
    let begun = async {
        let session = session_of_browser(call).await?;
        let browser = cookie.hash(call.node.sealer(), &call.tenant.id);
        let asked = Asked { lost: true, ..Asked::by_browser(&browser) };
        begin(call, kind, session.as_ref(), asked).await
    };
    match begun.await {
        Ok(own) => Problem::FlowExpired { since: 0, expired_at: call.now(), use_flow_id: own.flow.id },
        // Whoever signed in or out meanwhile is told what that means where such a form begins.
        Err(Problem::SessionAlreadyAvailable | Problem::SessionInactive) => Problem::FlowUnknown,
        Err(problem) => problem,
    }
}

/// Whether the answer itself reaches the browser. It does not where another user interface's server reads a form in its
/// place: what a browser's script asks for says so (Fetch Metadata, section 2.1), and one that is too old to say it gets a
/// row, as such a server does. Who submits a form passes on the cookies of the answer in any case, or nobody signs in.
fn told_to(call: &Call) -> SuccessorToldTo {
    let is_of_script = call.header("sec-fetch-dest") == Some("empty");
    if call.wants_json() && call.method == Method::GET && !is_of_script {
        SuccessorToldTo::Anybody
    } else {
        SuccessorToldTo::Browser
    }
}

async fn expired(call: &Call, own: &OwnFlow) -> Result<Problem, Problem> {
    let (successor, change) = renew(room(call), caller(call, None), own, told_to(call)).await?;
    if successor.is_held() {
        held::keep(call, &successor, &successor.flow).await?;
    } else {
        apply(call, change).await?;
    }
    Ok(Problem::FlowExpired {
        since: expired_since(&own.flow, call.now()),
        expired_at: own.flow.expires_at,
        use_flow_id: successor.flow.id,
    })
}

/// The document of a flow, for its own browser or application.
pub(crate) fn document(
    call: &Call,
    flow: &Flow,
    cookie: Option<&CsrfCookie>,
    session: Option<&LiveSession>,
) -> Value {
    let token = match flow.transport {
        Transport::Browser => cookie.map(|cookie| cookie.token(call.node.sealer(), &call.tenant.id, flow.id)),
        Transport::Api => None,
    };
    let view = FlowView {
        base_url: &call.tenant.base_url,
        schema: room(call).schema(&flow.schema),
        csrf_token: token.as_deref(),
        identity: session.map(LiveSession::identity),
        providers: call.tenant.providers.offers(),
        script_integrity: call.node.pages.assets().passkeys_integrity(),
        captcha: call.tenant.identity.captcha.as_ref(),
    };
    flow_document(flow, view)
}
