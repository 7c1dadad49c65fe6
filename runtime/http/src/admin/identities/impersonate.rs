//! `POST /admin/portcullis/v1/identities/{id}/impersonate`: an operator signs in as somebody.

use std::time::Duration;

use http::StatusCode;
use identity::flow::schema_url;
use identity::session::impersonate::begin;
use identity::session::session_document;
use serde::Deserialize;
use serde_json::{Value, json};

use super::load;
use super::verify::of_problem;
use crate::admin::{actor, body};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};
use crate::self_service::{Applied, apply, room};

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// For the log.
    reason: String,
    /// A quarter of an hour, unless it is said.
    #[serde(default = "usual")]
    lifespan_seconds: u64,
}

const fn usual() -> u64 {
    900
}

/// `POST …/impersonate`
pub(crate) async fn post(call: Call) -> Answer {
    match begun(&call).await {
        Ok(answer) => json_no_store(StatusCode::CREATED, &answer),
        Err(failure) => failure.to_problem(call.request),
    }
}

async fn begun(call: &Call) -> Result<Value, Failure> {
    let identity = load(call).await.map_err(|problem| of_problem(&problem))?;
    let Wanted { reason, lifespan_seconds } = body(call)?;
    let lifespan = Duration::from_secs(lifespan_seconds);
    let (session, token, change) =
        begin(room(call), (actor(call), call.client), &identity, &reason, lifespan)
            .map_err(|error| Failure::bad_request(format!("{error}.")))?;
    let change = change.seal(call.node.sealer());
    match apply(call, change).await.map_err(|problem| of_problem(&problem))? {
        Applied::Whole => {
            let url = schema_url(&call.tenant.base_url, &identity.schema_id);
            let session = session_document(&session, call.now(), Some((&identity, &url)));
            Ok(json!({ "session": session, "session_token": token.expose() }))
        }
        Applied::Missed => {
            Err(Failure::new(StatusCode::CONFLICT, "conflict", "The identity is no longer active."))
        }
    }
}
