//! `POST /oauth2/revoke` (RFC 7009).

use http::StatusCode;

use super::cors::let_read;
use super::error::refuse;
use super::{client_request, form};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, empty, no_store};

/// Revokes a token and what hangs on it.
pub(crate) async fn post(call: Call) -> Answer {
    let parameters = match form(&call) {
        Ok(parameters) => parameters,
        Err(error) => return refuse(&call, &error),
    };
    let request = client_request(&call, &parameters);
    let answer = match commit(&call.node, || call.tenant.oauth2.revoke(request)).await {
        Ok(()) => no_store(empty(StatusCode::OK)),
        Err(error) => refuse(&call, &error),
    };
    let_read(&call, &parameters, answer).await
}
