//! Token introspection (RFC 7662): for clients on the public listener, for operators on theirs.

use http::StatusCode;
use oauth2::introspection::{AnswerForm, IntrospectionAnswer};
use oauth2::token::TokenError;

use super::error::refuse;
use super::{client_request, form};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, json_no_store, no_store, respond};

/// The media type of an answer that is a token (RFC 9701 section 5).
const SIGNED: &str = "application/token-introspection+jwt";

/// `POST /oauth2/introspect`, by a client that authenticates.
pub(crate) async fn by_client(call: Call) -> Answer {
    let parameters = match form(&call) {
        Ok(parameters) => parameters,
        Err(error) => return refuse(&call, &error),
    };
    let request = client_request(&call, &parameters);
    let form = wanted_form(&call);
    match commit(&call.node, || call.tenant.oauth2.introspect_as_client(request, form)).await {
        Ok(IntrospectionAnswer::Plain(found)) => json_no_store(StatusCode::OK, &found),
        Ok(IntrospectionAnswer::Signed(token)) => no_store(respond(StatusCode::OK, SIGNED, token)),
        Err(error) => refuse(&call, &error),
    }
}

/// Signed for whoever names that form, and only that, as acceptable (RFC 9701 section 4): others go on to read JSON.
fn wanted_form(call: &Call) -> AnswerForm {
    let accept = call.header("accept").unwrap_or_default();
    let media_type = accept.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(SIGNED) { AnswerForm::Signed } else { AnswerForm::Json }
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
