//! `POST /oauth2/par` (RFC 9126).

use http::StatusCode;
use oauth2::authorization::PushError;
use oauth2::ports::PortError;
use oauth2::token::TokenError;

use super::cors::let_read;
use super::error::{refuse, refuse_request};
use super::{client_request, form, give_nonce};
use crate::call::Call;
use crate::commit::{Uncommitted, commit};
use crate::response::{Answer, json_no_store};

impl Uncommitted for PushError {
    fn store(error: PortError) -> Self {
        TokenError::store(error).into()
    }

    fn contention() -> Self {
        TokenError::contention().into()
    }
}

/// Takes a request from its client.
pub(crate) async fn post(call: Call) -> Answer {
    let parameters = match form(&call) {
        Ok(parameters) => parameters,
        Err(error) => return refuse(&call, &error),
    };
    let request = client_request(&call, &parameters);
    let answer = match commit(&call.node, || call.tenant.oauth2.push_authorization_request(request)).await {
        Ok(pushed) => give_nonce(&call, false, json_no_store(StatusCode::CREATED, &pushed)),
        Err(PushError::Client(error)) => refuse(&call, &error),
        Err(PushError::Request { code, description }) => refuse_request(&call, code, &description),
    };
    let_read(&call, &parameters, answer).await
}
