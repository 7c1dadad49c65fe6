//! `GET /admin/portcullis/v1/audit`: what happened in a tenant, as JSON lines, the oldest first; since a moment, where `since` says one.
//!
//! Attack: a record that was written late, with an earlier time than one that was read already, is passed over by whoever
//! reads on from there. So the next page begins behind what has settled: a younger record comes again, and is known by
//! its id.

use std::time::Duration;

use http::StatusCode;
use primitives::{OrganisationId, Timestamp};
use storage::{AuditPosition, AuditRecord};
use uuid::Uuid;

use super::{paging, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, no_store, respond, set};

/// Records of a page, unless the caller asks for fewer or more.
const PAGE: u32 = 250;
const LARGEST_PAGE: u32 = 1000;

/// How old a record is before nobody writes an earlier one any more.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// `GET …/audit`
pub(crate) async fn export(call: Call) -> Answer {
    match page(&call).await {
        Ok(answer) => answer,
        Err(failure) => failure.to_problem(call.request),
    }
}

async fn page(call: &Call) -> Result<Answer, Failure> {
    let size = match call.query_value("page_size") {
        None => PAGE,
        Some(size) => size.parse().map_err(|_| Failure::bad_request("`page_size` must be a number."))?,
    };
    let size = size.clamp(1, LARGEST_PAGE);
    let after = match paging::behind(call, position)? {
        // No record has this name, and every other comes behind it.
        None => since(call)?.map(|at| AuditPosition { at, id: Uuid::nil() }),
        last => last,
    };
    let organisation: Option<OrganisationId> = call
        .query_value("organisation")
        .map(|id| id.parse().map_err(|_| Failure::bad_request("`organisation` must be an id.")))
        .transpose()?;
    let storage = &call.node.storage;
    let found = storage.list_audit_records_after(&call.tenant.id, organisation, after, size).await;
    let found = found.map_err(|error| store(call, &error))?;
    let mut lines = Vec::new();
    for record in &found {
        lines.extend(serde_json::to_vec(record).map_err(|error| store(call, &error))?);
        lines.push(b'\n');
    }
    let mut answer = no_store(respond(StatusCode::OK, "application/x-ndjson", lines));
    let settled = call.now().before(SETTLED_AFTER);
    let last = found.iter().map(AuditRecord::position).rfind(|place| place.at <= settled).or(after);
    if let Some(last) = last {
        let token = paging::token(call, &text(last));
        set(&mut answer, "link", &format!("<{}>; rel=\"next\"", paging::url(call, size, Some(&token))));
    }
    Ok(answer)
}

/// The moment of the parameter `since` (RFC 3339), if there is one.
pub(super) fn since(call: &Call) -> Result<Option<Timestamp>, Failure> {
    let Some(since) = call.query_value("since").filter(|since| !since.is_empty()) else { return Ok(None) };
    let since = Timestamp::parse_rfc3339(&since);
    since.map(Some).ok_or_else(|| Failure::bad_request("`since` must be a moment, as RFC 3339 has it."))
}

fn text(place: AuditPosition) -> String {
    format!("{}:{}", place.at.micros(), place.id)
}

fn position(text: &str) -> Option<AuditPosition> {
    let (at, id) = text.split_once(':')?;
    Some(AuditPosition { at: Timestamp::from_micros(at.parse().ok()?), id: id.parse().ok()? })
}
