//! `/admin/recovery/{code,link}`: an operator lets somebody back in who cannot get mail.

use std::time::Duration;

use http::StatusCode;
use identity::flow::{OwnFlow, Transport, recovery_by_operator, recovery_link_by_operator};
use identity::ports::Identities as _;
use identity::{Flow, Identity, Problem, Write, return_to};
use oauth2::go_duration::GoDuration;
use primitives::{Change, IdentityId};
use serde::Deserialize;
use serde_json::json;

use super::actor;
use crate::call::Call;
use crate::response::{Answer, json_no_store};
use crate::self_service::{Kind, apply, failed, respond, room};

/// The longest time that a code or a link of an operator lasts.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// `createRecoveryCodeForIdentityBody` and `createRecoveryLinkForIdentityBody`
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
    make_code(&call).await.unwrap_or_else(|problem| respond(&call, &problem))
}

/// `POST /admin/recovery/link`
pub(crate) async fn link(call: Call) -> Answer {
    make_link(&call).await.unwrap_or_else(|problem| respond(&call, &problem))
}

async fn make_code(call: &Call) -> Result<Answer, Problem> {
    let (body, identity) = read(call).await?;
    let transport = body.flow_type.unwrap_or(Transport::Browser);
    let lifespan = body.lifespan(call.tenant.identity.flow.lifespan())?;
    let (flow, code, change) =
        recovery_by_operator(room(call), actor(call), &identity, (transport, lifespan));
    let (id, expires_at) = (flow.id, flow.expires_at);
    keep(call, flow, change).await?;
    let document = json!({
        "recovery_link": Kind::Recovery.page_url(call, id),
        "recovery_code": code,
        "expires_at": expires_at,
    });
    Ok(json_no_store(StatusCode::CREATED, &document))
}

async fn make_link(call: &Call) -> Result<Answer, Problem> {
    let asked = call.query_value("return_to").filter(|target| !target.is_empty());
    let target = asked
        .map(|asked| return_to::check(&asked, &call.tenant.url, &call.tenant.identity.flow))
        .transpose()?
        .map(|target| target.as_str().to_owned());
    let (body, identity) = read(call).await?;
    let lifespan = body.lifespan(call.tenant.identity.code.lifespan())?;
    let (flow, place, change) =
        recovery_link_by_operator(room(call), actor(call), &identity, (target, lifespan));
    let expires_at = flow.expires_at;
    keep(call, flow, change).await?;
    Ok(json_no_store(StatusCode::OK, &json!({ "recovery_link": place, "expires_at": expires_at })))
}

async fn read(call: &Call) -> Result<(Body, Identity), Problem> {
    let body: Body = serde_json::from_slice(&call.body).map_err(|error| malformed(&error.to_string()))?;
    if !call.tenant.identity.recovery.enabled {
        return Err(Problem::FlowDisabled);
    }
    let id: IdentityId = body.identity_id.parse().map_err(|_| malformed("`identity_id` is not a UUID"))?;
    let found = call.node.storage.find_identity(&call.tenant.id, id).await;
    Ok((body, found.map_err(|error| failed(call, error))?.ok_or(Problem::NotFound)?))
}

/// Nobody's browser yet: whoever has its id and the code, or the link, has it.
async fn keep(call: &Call, flow: Flow, change: Change<Write>) -> Result<(), Problem> {
    let own = OwnFlow::begun(flow, None);
    let insert = own.insert(call.node.rng.as_ref(), &call.tenant.identity.flow, call.now());
    apply(call, change.write(insert)).await?;
    Ok(())
}

impl Body {
    fn lifespan(&self, usual: Duration) -> Result<Duration, Problem> {
        let Some(text) = self.expires_in.as_deref().filter(|text| !text.is_empty()) else { return Ok(usual) };
        text.parse()
            .ok()
            .map(|GoDuration(span)| span)
            .filter(|span| !span.is_zero() && *span <= LONGEST)
            .ok_or_else(|| malformed("`expires_in` must be a time such as \"1h\", of 30 days at most"))
    }
}

fn malformed(what: &str) -> Problem {
    Problem::BadRequest(format!("The body: {what}."))
}
