//! `POST /credentials` (OpenID Connect UserInfo Verifiable Credentials 1.0, draft 00): a credential about the person behind an access
//! token, for a key of their wallet.

use http::StatusCode;
use oauth2::credential::CredentialError;
use oauth2::ports::PortError;
use oauth2::userinfo::{TokenScheme, UserinfoError};
use serde_json::json;

use super::{give_nonce, userinfo};
use crate::call::Call;
use crate::commit::{Uncommitted, commit};
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};

impl Uncommitted for CredentialError {
    fn store(error: PortError) -> Self {
        error.into()
    }

    fn contention() -> Self {
        UserinfoError::contention().into()
    }
}

/// Makes a credential, where the tenant gives any.
pub(crate) async fn post(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    if !server.has_credentials() {
        let failure = Failure::not_found();
        return super::error::document(&call, failure.status, failure.id, &failure.message);
    }
    let Some((scheme, token)) = userinfo::in_header(&call) else { return userinfo::ask_for_token() };
    let presented = userinfo::presented_token(&call, scheme, &token);
    // What is not JSON is read as what is no request.
    let body: &[u8] = if call.has_media_type("application/json") { &call.body } else { &[] };
    match commit(&call.node, || server.create_credential(presented, body, call.request)).await {
        Ok(made) => userinfo::shared(give_nonce(&call, false, json_no_store(StatusCode::OK, &made))),
        Err(error) => refuse(&call, scheme, &error),
    }
}

fn refuse(call: &Call, scheme: TokenScheme, error: &CredentialError) -> Answer {
    let (request, tenant) = (call.request, &call.tenant.id);
    if let CredentialError::Token(error) = error {
        return userinfo::refuse(call, scheme, error);
    }
    tracing::info!(%request, %tenant, %error, "a credential was refused");
    let status = StatusCode::BAD_REQUEST;
    let mut body = json!({
        "error": error.code(),
        "error_description": error.description(),
        "status_code": status.as_u16(),
        "request_id": request.to_string(),
    });
    if let (CredentialError::Proof { nonce, .. }, Some(members)) = (error, body.as_object_mut()) {
        members.insert("format".to_owned(), "jwt_vc_json".into());
        members.insert("c_nonce".to_owned(), nonce.c_nonce.as_str().into());
        members.insert("c_nonce_expires_in".to_owned(), nonce.c_nonce_expires_in.into());
    }
    userinfo::shared(give_nonce(call, false, json_no_store(status, &body)))
}
