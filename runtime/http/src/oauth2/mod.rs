//! The endpoints of the authorization server: parse, call the room, commit, respond.

pub(crate) mod asked;
pub(crate) mod authorize;
pub(crate) mod consent;
pub(crate) mod cors;
pub(crate) mod credentials;
pub(crate) mod detail_schemas;
pub(crate) mod device;
mod error;
mod external;
pub(crate) mod fallback;
pub(crate) mod farewell;
mod form_post;
pub(crate) mod global_revocation;
pub(crate) mod introspect;
pub(crate) mod logout;
pub(crate) mod par;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod together;
pub(crate) mod token;
pub(crate) mod userinfo;

use oauth2::dpop::PresentedProof;
use oauth2::parameters::Parameters;
use oauth2::token::{ClientRequest, TokenError};

use crate::call::Call;
use crate::response::{Answer, set};

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
    let authorization = call.header("authorization");
    let certificate = call.certificate.presented();
    let (source, request) = (call.client, call.request);
    ClientRequest { authorization, parameters, proof: proof(call), certificate, source, request }
}

/// The proof of possession that a request brings (RFC 9449 section 4.1).
fn proof(call: &Call) -> PresentedProof<'_> {
    let mut values = call.headers.get_all("dpop").iter();
    match (values.next(), values.next()) {
        (None, _) => PresentedProof::Absent,
        (Some(only), None) => only.to_str().map_or(PresentedProof::Malformed, PresentedProof::One),
        (Some(_), Some(_)) => PresentedProof::Malformed,
    }
}

/// Gives a nonce for the next proof where one is asked for (RFC 9449 section 8.2).
fn give_nonce(call: &Call, is_asked: bool, mut response: Answer) -> Answer {
    let server = &call.tenant.oauth2;
    if is_asked || (server.settings.require_dpop_nonce && call.headers.contains_key("dpop")) {
        set(&mut response, "dpop-nonce", &server.dpop_nonce());
    }
    response
}
