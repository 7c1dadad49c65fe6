//! `GET /admin/portcullis/v1/identities/violations`: who no longer follows their schema, since it has changed.

use http::StatusCode;
use identity::administration::violations::violations;
use identity::ports::Identities as _;
use primitives::IdentityId;
use serde_json::{Value, json};

use crate::admin::{paging, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};
use crate::self_service::room;

/// Identities that one request looks at, found or not.
const LOOKED_AT: u32 = 500;
/// After so many others have a turn on this thread.
const TURN: usize = 50;

/// `GET …/identities/violations`
pub(crate) async fn list(call: Call) -> Answer {
    match found(&call).await {
        Ok(answer) => json_no_store(StatusCode::OK, &answer),
        Err(failure) => failure.to_problem(call.request),
    }
}

async fn found(call: &Call) -> Result<Value, Failure> {
    let after = paging::behind(call, |last| last.parse::<IdentityId>().ok())?;
    let looked_at = call.node.storage.list_identities(&call.tenant.id, after, LOOKED_AT).await;
    let looked_at = looked_at.map_err(|error| store(call, &error))?;
    let mut found = Vec::new();
    for (at, identity) in looked_at.iter().enumerate() {
        if at % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        found.extend(violations(room(call), identity));
    }
    let is_full = looked_at.len() >= LOOKED_AT as usize;
    let next = looked_at.last().filter(|_| is_full).map(|last| paging::token(call, &last.id.to_string()));
    Ok(json!({ "identities": found, "next_page_token": next }))
}
