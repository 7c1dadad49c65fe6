//! `POST /admin/portcullis/v1/identities/{id}/impersonate`: an operator signs in as somebody.

use std::time::Duration;

use http::StatusCode;
use identity::flow::schema_url;
use identity::session::impersonate::{ImpersonationError, LINK_LIFESPAN, begin, begin_by_link};
use identity::session::session_document;
use identity::{Session, Write};
use primitives::Change;
use serde::Deserialize;
use serde_json::{Value, json};

use super::load;
use super::verify::of_problem;
use crate::admin::{actor, body};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};
use crate::self_service::{Applied, apply, room, with_query};

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// For the log.
    reason: String,
    /// A quarter of an hour, unless it is said.
    #[serde(default = "usual")]
    lifespan_seconds: u64,
    /// Whether a browser is to get it, by a link.
    #[serde(default)]
    as_link: bool,
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
    let Wanted { reason, lifespan_seconds, as_link } = body(call)?;
    let (who, lifespan) = ((actor(call), call.client), Duration::from_secs(lifespan_seconds));
    let refused = |error: ImpersonationError| Failure::bad_request(format!("{error}."));
    let url = schema_url(&call.tenant.base_url, &identity.schema_id);
    let document = |session: &Session| session_document(session, call.now(), Some((&identity, &url)));
    if as_link {
        let begun = begin_by_link(room(call), who, &identity, &reason, lifespan);
        let (session, link, change) = begun.map_err(refused)?;
        written(call, change).await?;
        let place = with_query(&call.tenant.absolute("/ui/impersonation"), "token", link.expose());
        let expires_at = call.now().after(LINK_LIFESPAN);
        return Ok(json!({ "session": document(&session), "link": place, "link_expires_at": expires_at }));
    }
    let (session, token, change) = begin(room(call), who, &identity, &reason, lifespan).map_err(refused)?;
    written(call, change.seal(call.node.sealer())).await?;
    Ok(json!({ "session": document(&session), "session_token": token.expose() }))
}

async fn written(call: &Call, change: Change<Write>) -> Result<(), Failure> {
    match apply(call, change).await.map_err(|problem| of_problem(&problem))? {
        Applied::Whole => Ok(()),
        Applied::Missed => {
            Err(Failure::new(StatusCode::CONFLICT, "conflict", "The identity is no longer active."))
        }
    }
}
