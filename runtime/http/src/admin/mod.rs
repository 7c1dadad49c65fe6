//! Operators' routes: OAuth clients as the Hydra API has them, people and their sessions as the Kratos API
//! has them, and our own API, `/admin/portcullis/v1`: tenants, admin keys, plugins.
//!
//! Errors of our own API are problem documents (RFC 9457). A key of one tenant sees another as 404.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod challenges;
pub(crate) mod clients;
pub(crate) mod courier;
pub(crate) mod credentials;
pub(crate) mod identities;
pub(crate) mod key_sets;
pub(crate) mod keys;
pub(crate) mod manage_sessions;
pub(crate) mod organisations;
pub(crate) mod paging;
pub(crate) mod plugins;
pub(crate) mod providers;
pub(crate) mod recovery;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod tenants;
pub(crate) mod trust;
pub(crate) mod webhooks;

use http::StatusCode;
use primitives::Actor;
use serde::de::DeserializeOwned;
use storage::{ApplyError, Stored};
use tenancy::AdminPrincipal;
use tenancy::ports::Page;

use crate::call::Call;
use crate::failure::Failure;

/// Entries of a page, unless the caller asks for fewer or more.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 500;

/// Whoever was let in. Only routes that ask for somebody have handlers that ask for them.
fn principal(call: &Call) -> Result<&AdminPrincipal, Failure> {
    call.principal.as_ref().ok_or_else(Failure::internal)
}

/// Who stands in audit records.
pub(crate) fn actor(call: &Call) -> Actor {
    call.principal.as_ref().map_or(Actor::Anonymous, |principal| principal.actor.clone())
}

/// The page that was asked for, by `page_size` and `page_token`.
fn page(call: &Call) -> Page {
    let limit = call.query_value("page_size").and_then(|size| size.parse().ok()).unwrap_or(PAGE);
    let after = call.query_value("page_token").filter(|token| !token.is_empty());
    Page { after, limit: limit.clamp(1, LARGEST_PAGE) }
}

/// A JSON body.
fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Failure> {
    serde_json::from_slice(&call.body).map_err(|error| Failure::bad_request(format!("The body: {error}.")))
}

/// Applies a change; a guard that missed is told as `conflict`.
async fn apply<W: Stored>(
    call: &Call,
    change: primitives::Change<W>,
    conflict: &'static str,
) -> Result<(), Failure> {
    match call.node.storage.apply(change).await {
        Ok(()) => Ok(()),
        Err(ApplyError::Missed { .. }) => Err(Failure::new(StatusCode::CONFLICT, "conflict", conflict)),
        Err(ApplyError::Storage(error)) => Err(store(call, &error)),
    }
}

/// The store failed: logged here, told without its inside.
fn store(call: &Call, error: &dyn std::fmt::Display) -> Failure {
    tracing::error!(request = %call.request, %error, "an operator's request failed");
    Failure::unavailable()
}
