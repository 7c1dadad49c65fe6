//! `/admin/recovery/code`: an operator lets somebody back in who cannot get mail.

use std::time::Duration;

use http::StatusCode;
use identity::Problem;
use identity::flow::{OwnFlow, Transport, recovery_by_operator};
use identity::ports::Identities as _;
use oauth2::go_duration::GoDuration;
use primitives::IdentityId;
use serde::Deserialize;
use serde_json::json;

use super::actor;
use crate::call::Call;
use crate::response::{Answer, json_no_store};
use crate::self_service::{Kind, apply, failed, respond, room};

/// The longest time that a code of an operator lasts.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// `createRecoveryCodeForIdentityBody`
#[derive(Debug, Deserialize)]
struct Body {
    identity_id: String,
    #[serde(default)]
    expires_in: Option<String>,
    #[serde(default)]
    flow_type: Option<Transport>,
}

/// `POST /admin/recovery/code`
pub(crate) async fn code(call: Call) -> Answer {
    match make(&call).await {
        Ok(answer) => answer,
        Err(problem) => respond(&call, &problem),
    }
}

async fn make(call: &Call) -> Result<Answer, Problem> {
    let malformed = |what: &str| Problem::BadRequest(format!("The body: {what}."));
    let body: Body = serde_json::from_slice(&call.body).map_err(|error| malformed(&error.to_string()))?;
    if !call.tenant.identity.recovery.enabled {
        return Err(Problem::FlowDisabled);
    }
    let id: IdentityId = body.identity_id.parse().map_err(|_| malformed("`identity_id` is not a UUID"))?;
    let lifespan = match body.expires_in.as_deref().filter(|text| !text.is_empty()) {
        None => call.tenant.identity.flow.lifespan(),
        Some(text) => text
            .parse()
            .ok()
            .map(|GoDuration(span)| span)
            .filter(|span| !span.is_zero() && *span <= LONGEST)
            .ok_or_else(|| malformed("`expires_in` must be a time such as \"1h\", of 30 days at most"))?,
    };
    let found = call.node.storage.find_identity(&call.tenant.id, id).await;
    let identity = found.map_err(|error| failed(call, error))?.ok_or(Problem::NotFound)?;
    let transport = body.flow_type.unwrap_or(Transport::Browser);
    let (flow, code, change) =
        recovery_by_operator(room(call), actor(call), &identity, (transport, lifespan));
    let (id, expires_at) = (flow.id, flow.expires_at);
    // Nobody's browser yet: whoever has its id and the code has it.
    let own = OwnFlow::begun(flow, None);
    let insert = own.insert(call.node.rng.as_ref(), &call.tenant.identity.flow, call.now());
    apply(call, change.write(insert)).await?;
    let document = json!({
        "recovery_link": Kind::Recovery.page_url(call, id),
        "recovery_code": code,
        "expires_at": expires_at,
    });
    Ok(json_no_store(StatusCode::CREATED, &document))
}
