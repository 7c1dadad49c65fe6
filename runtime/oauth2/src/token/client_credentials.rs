//! The client credentials grant (RFC 6749 section 4.4): a client acts for itself.
//!
//! With signed access tokens nothing is written: the token lives until it expires, until it is revoked
//! by itself, or until its client's `not_before` passes it.

use super::request::{check_audience, check_scope};
use super::{Granted, Refresh, TokenError};
use crate::client::{Client, GrantType};
use crate::parameters::Parameters;

pub(super) fn run(client: &Client, parameters: &Parameters<'_>) -> Result<Granted, TokenError> {
    // A public client proved nothing, and so acts for nobody. Registration refuses it too.
    if client.is_public() {
        return Err(TokenError::UnauthorizedClient);
    }
    Ok(Granted {
        grant_type: GrantType::ClientCredentials,
        grant: None,
        scope: check_scope(parameters, &client.scope)?,
        audience: check_audience(parameters, client)?,
        refresh: Refresh::None,
        writes: Vec::new(),
        audit: Vec::new(),
    })
}
