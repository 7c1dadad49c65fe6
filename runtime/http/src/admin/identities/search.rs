//! `GET /admin/portcullis/v1/identities`: who is meant by what is known of them.

use http::StatusCode;
use identity::search::{IdentitySearch as _, SearchPosition, SearchQuery};
use serde_json::{Value, json};

use super::document;
use crate::admin::{paging, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};

const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 250;
/// Parameters that are no filters.
const PAGING: [&str; 2] = ["page_size", "page_token"];

/// `GET …/identities`
pub(crate) async fn search(call: Call) -> Answer {
    match found(&call).await {
        Ok(answer) => json_no_store(StatusCode::OK, &answer),
        Err(failure) => failure.to_problem(call.request),
    }
}

async fn found(call: &Call) -> Result<Value, Failure> {
    let mut query = SearchQuery::default();
    for (name, value) in url::form_urlencoded::parse(call.query.as_bytes()) {
        if !PAGING.contains(&name.as_ref()) {
            query.filter(&name, &value).map_err(|error| Failure::bad_request(format!("{error}.")))?;
        }
    }
    let size = match call.query_value("page_size") {
        None => PAGE,
        Some(size) => size.parse().map_err(|_| Failure::bad_request("`page_size` must be a number."))?,
    };
    let after = paging::behind(call, SearchPosition::from_text)?;
    let storage = &call.node.storage;
    let found = storage.search(&call.tenant.id, &query, after, size.clamp(1, LARGEST_PAGE)).await;
    let found = found.map_err(|error| store(call, &error))?;
    let identities: Vec<Value> =
        found.identities.iter().map(|identity| document(call, identity, None)).collect();
    let next = found.next.map(|next| paging::token(call, &next.to_text()));
    // Of a large import some may still be to come.
    let waits = storage.has_identities_without_terms_of(&call.tenant.id).await;
    let is_complete = !waits.map_err(|error| store(call, &error))?;
    Ok(json!({ "identities": identities, "next_page_token": next, "is_complete": is_complete }))
}
