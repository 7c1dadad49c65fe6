//! Flows by id, for whoever may see them, and the documents that show them.

use identity::flow::csrf::CsrfCookie;
use identity::flow::{FlowView, OwnFlow, Transport, expired_since, flow_document, renew};
use identity::providers::Providers as _;
use identity::session::LiveSession;
use identity::{Flow, Problem};
use serde_json::Value;

use super::visitor::caller;
use super::{Kind, apply, held, room};
use crate::call::Call;

/// The flow of an id, if it is of this kind, this browser's (or a native application's, or that of whoever has the link
/// that was sent for it) and still open.
/// One that is not open any more has a successor.
pub(crate) async fn load(
    call: &Call,
    kind: Kind,
    id: &str,
    cookie: Option<&CsrfCookie>,
) -> Result<OwnFlow, Problem> {
    let id = id.parse().map_err(|_| Problem::FlowUnknown)?;
    let own = held::find(call, id, cookie).await?;
    if own.flow.kind.as_str() != kind.as_str() {
        return Err(Problem::FlowUnknown);
    }
    if own.flow.is_expired(call.now()) { Err(expired(call, &own).await?) } else { Ok(own) }
}

async fn expired(call: &Call, own: &OwnFlow) -> Result<Problem, Problem> {
    let (successor, change) = renew(room(call), caller(call, None), own).await?;
    apply(call, change).await?;
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
