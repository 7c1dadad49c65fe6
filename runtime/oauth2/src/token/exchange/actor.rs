//! Who acts (RFC 8693 sections 4.1 and 4.4).

use serde_json::Value;

use super::subject::Presented;
use super::unacceptable;
use crate::client::Client;
use crate::derivation::Act;
use crate::server::AuthorizationServer;
use crate::token::TokenError;

/// Whom an actor's token names: a person who is at the client, or the client itself.
pub(super) fn of_token(server: &AuthorizationServer, client: &Client, token: &Presented) -> Act {
    let sub = match &token.grant {
        Some(live) => server.subject_of_grant(client, live.grant()),
        None => token.subject.clone(),
    };
    Act { sub, client_id: Some(client.id.clone()), act: None }
}

/// Whether `may_act` of the exchanged token, if it has one, names who acts: every member of it must be true of them. One that we do
/// not know could be a limit, and one that is no object says nothing that could be true.
pub(super) fn check_permitted(
    server: &AuthorizationServer,
    may_act: Option<&Value>,
    acting: &Act,
) -> Result<(), TokenError> {
    let Some(may_act) = may_act else { return Ok(()) };
    let is_true = |(name, value): (&String, &Value)| match name.as_str() {
        "sub" => value.as_str() == Some(&acting.sub),
        "client_id" => {
            value.as_str().is_some_and(|id| acting.client_id.as_ref().is_some_and(|own| own.as_str() == id))
        }
        "iss" => value.as_str() == Some(server.issuer.as_str()),
        _ => false,
    };
    let names_them =
        may_act.as_object().is_some_and(|members| !members.is_empty() && members.iter().all(is_true));
    if names_them { Ok(()) } else { Err(unacceptable("subject_token")) }
}
