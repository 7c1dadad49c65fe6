//! The endpoints of the authorization server: parse, call the room, commit, respond.

pub(crate) mod authorize;
pub(crate) mod consent;
pub(crate) mod device;
mod error;
mod form_post;
pub(crate) mod introspect;
pub(crate) mod logout;
pub(crate) mod par;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;

use oauth2::parameters::Parameters;
use oauth2::token::{ClientRequest, TokenError};

use crate::call::Call;

/// The media type of every form (RFC 6749 appendix B).
const FORM: &str = "application/x-www-form-urlencoded";

/// The form of a request, or the refusal of whatever else it brought.
fn form(call: &Call) -> Result<Parameters<'_>, TokenError> {
    if call.has_media_type(FORM) {
        Ok(Parameters::parse(&call.body))
    } else {
        Err(TokenError::InvalidRequest("the body must be application/x-www-form-urlencoded".into()))
    }
}

/// The request of a client that authenticates.
fn client_request<'a>(call: &'a Call, parameters: &'a Parameters<'a>) -> ClientRequest<'a> {
    ClientRequest { authorization: call.header("authorization"), parameters, request: call.request }
}
