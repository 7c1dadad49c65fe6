//! Token introspection (RFC 7662): for clients on the public listener, for operators on theirs.

use http::StatusCode;
use oauth2::token::TokenError;

use super::error::refuse;
use super::{client_request, form};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, json_no_store};

/// `POST /oauth2/introspect`, by a client that authenticates.
pub(crate) async fn by_client(call: Call) -> Answer {
    let parameters = match form(&call) {
        Ok(parameters) => parameters,
        Err(error) => return refuse(&call, &error),
    };
    let request = client_request(&call, &parameters);
    match commit(&call.node, || call.tenant.oauth2.introspect_as_client(request)).await {
        Ok(found) => json_no_store(StatusCode::OK, &found),
        Err(error) => refuse(&call, &error),
    }
}

/// `POST /admin/oauth2/introspect`, by whoever may read tokens.
pub(crate) async fn by_admin(call: Call) -> Answer {
    let parameters = match form(&call) {
        Ok(parameters) => parameters,
        Err(error) => return refuse(&call, &error),
    };
    let Some(token) = parameters.find("token") else {
        return refuse(&call, &TokenError::InvalidRequest("parameter token is missing".into()));
    };
    match call.tenant.oauth2.introspect(token, parameters.find("scope"), call.request).await {
        Ok(found) => json_no_store(StatusCode::OK, &found),
        Err(error) => refuse(&call, &error),
    }
}
