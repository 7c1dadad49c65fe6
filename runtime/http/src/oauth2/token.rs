//! `POST /oauth2/token` (RFC 6749 section 3.2).

use http::StatusCode;

use super::cors::let_read;
use super::error::refuse;
use super::{client_request, form, give_nonce};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, json_no_store};
use crate::self_service::by_password::ByPassword;

/// Gives tokens.
pub(crate) async fn post(call: Call) -> Answer {
    let parameters = match form(&call) {
        Ok(parameters) => parameters,
        Err(error) => return refuse(&call, &error),
    };
    let request = client_request(&call, &parameters);
    let passwords = ByPassword(&call);
    let answer = match commit(&call.node, || call.tenant.oauth2.token_by(request, &passwords)).await {
        Ok(tokens) => give_nonce(&call, false, json_no_store(StatusCode::OK, &tokens)),
        Err(error) => refuse(&call, &error),
    };
    let_read(&call, &parameters, answer).await
}
