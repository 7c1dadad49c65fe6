//! `GET /self-service/errors?id=`: what an error page has to say.

use http::StatusCode;
use identity::{BrowserError, Problem};

use super::respond;
use crate::call::Call;
use crate::response::{Answer, json_no_store};

/// The id with which makers of error pages try theirs out.
const STUB: &str = "stub:500";

/// `GET /self-service/errors`
pub(crate) async fn show(call: Call) -> Answer {
    let id = call.query_value("id").unwrap_or_default();
    if id == STUB {
        let error = BrowserError { problem: Problem::Internal, at: call.now() };
        return json_no_store(StatusCode::OK, &error.document(uuid::Uuid::nil()));
    }
    match find(&call, &id) {
        Some((id, error)) => json_no_store(StatusCode::OK, &error.document(id)),
        None => respond(&call, &Problem::NotFound),
    }
}

/// The error of an id, if it happened here.
pub(crate) fn find(call: &Call, id: &str) -> Option<(uuid::Uuid, BrowserError)> {
    let id = id.parse().ok()?;
    let error = BrowserError::find(call.node.sealer(), &call.tenant.id, id, call.now())?;
    Some((id, error))
}
