//! Devices on which no second factor is asked for: the cookie that makes a browser one, and what their owner is told of them.

use http::StatusCode;
use identity::Problem;
use identity::flow::SignedIn;
use identity::ports::Factors as _;
use identity::session::LiveSession;
use identity::trusted_device::{TrustedDevice, TrustedDeviceToken, forget, recognised};
use serde_json::{Value, json};

use super::outcome::Client;
use super::{Applied, apply, failed, respond, room, session_of_anybody};
use crate::browser::cookie;
use crate::call::Call;
use crate::response::{Answer, empty, json_no_store, set_cookie};

/// The cookie of a trusted browser. Like that of the session it is the tenant's alone.
const COOKIE: &str = "portcullis_trusted_device";

/// A sign-in as it is in this browser.
pub(super) async fn recognise(client: Client<'_>, signed_in: SignedIn) -> Result<SignedIn, Problem> {
    let call = client.call;
    match call.cookie(COOKIE).and_then(TrustedDeviceToken::parse) {
        Some(token) if !client.is_native() => {
            recognised(room(call), &token, signed_in).await.map_err(|error| failed(call, error))
        }
        Some(_) | None => Ok(signed_in),
    }
}

/// Makes the browser a trusted one.
pub(super) fn keep(call: &Call, mut answer: Answer, token: &TrustedDeviceToken) -> Answer {
    let lifespan = call.tenant.identity.trusted_device.lifespan();
    set_cookie(&mut answer, &cookie(call, COOKIE, token.expose(), Some(lifespan.as_secs())));
    answer
}

/// `GET /portcullis/v1/trusted-devices`
pub(crate) async fn list(call: Call) -> Answer {
    let told = async {
        let live = session_of_anybody(&call).await?;
        listed(&call, &live).await
    };
    match told.await {
        Ok(devices) => {
            let devices: Vec<Value> = devices.iter().map(document).collect();
            json_no_store(StatusCode::OK, &json!({ "trusted_devices": devices }))
        }
        Err(problem) => respond(&call, &problem),
    }
}

fn document(trusted: &TrustedDevice) -> Value {
    json!({
        "id": trusted.id,
        "ip_address": trusted.device.ip_address,
        "user_agent": trusted.device.user_agent,
        "created_at": trusted.created_at,
        "expires_at": trusted.expires_at,
    })
}

/// The devices that whoever is signed in trusts.
pub(crate) async fn listed(call: &Call, live: &LiveSession) -> Result<Vec<TrustedDevice>, Problem> {
    let (tenant, identity) = (&call.tenant.id, live.session().identity);
    let listed = call.node.storage.list_trusted_devices(tenant, identity, call.now()).await;
    listed.map_err(|error| failed(call, error))
}

/// `DELETE /portcullis/v1/trusted-devices/{id}`
pub(crate) async fn forget_one(call: Call) -> Answer {
    match forgotten(&call, call.place("id")).await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(problem) => respond(&call, &problem),
    }
}

/// Forgets a device of whoever asks, by its id.
pub(crate) async fn forgotten(call: &Call, id: &str) -> Result<(), Problem> {
    let live = session_of_anybody(call).await?;
    let id = id.parse().map_err(|_| Problem::NotFound)?;
    match apply(call, forget(&call.tenant.id, &live, id)).await? {
        Applied::Whole => Ok(()),
        Applied::Missed => Err(Problem::NotFound),
    }
}
