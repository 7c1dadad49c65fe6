//! `…/plugins/{name}/logs`: what a plugin logged lately on this node, and why calls of it failed.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer;
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;

/// `GET …/plugins/{name}/logs?after=…`
pub(crate) async fn show(call: Call) -> Answer {
    let shown = lines(&call);
    answer(&call, shown)
}

/// The lines after the cursor, of a plugin of the tenant in the address: there is no way to name another's.
fn lines(call: &Call) -> Result<(StatusCode, Value), Failure> {
    let after = call.query_value("after").unwrap_or_else(|| "0".to_owned());
    let after = after.parse().map_err(|_| {
        Failure::bad_request("`after` in the query is the `next` of an earlier answer: a whole number.")
    })?;
    let found = call.node.plugins.lines(&call.tenant.id, call.place("name"), after);
    let found = found.ok_or_else(|| {
        let words = "This tenant has no plugin of that name on this node.";
        Failure::new(StatusCode::NOT_FOUND, "unknown_plugin", words)
    })?;
    Ok((StatusCode::OK, json!(found)))
}
