//! What a profile asks of a request.

use std::time::Duration;

use jose::{Algorithm, ValidClaims};
use primitives::Timestamp;
use primitives::time::ClockTolerance;
use serde_json::Value;

use super::rules::{self, Rule};
use super::{ALGORITHMS, contradicts, of};
use crate::authorization::error::RedirectError;
use crate::authorization::{ResponseMode, ResponseType};
use crate::client::Client;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;

/// The longest life of a signed request (FAPI 2.0 Message Signing section 5.3.1).
const MOST: Duration = Duration::from_hours(1);

/// How an authorization request came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) is_pushed: bool,
    pub(crate) is_signed: bool,
}

fn broken(rule: Rule) -> RedirectError {
    RedirectError::InvalidRequest(rule.to_string().into())
}

/// Whether the client may ask at all, and whether its request came in the way that it must.
pub(crate) fn check_origin(
    server: &AuthorizationServer,
    client: &Client,
    message: Message,
) -> Result<(), RedirectError> {
    let Some(profile) = of(server, client) else { return Ok(()) };
    if contradicts(server, client).is_some() {
        return Err(RedirectError::UnauthorizedClient);
    }
    if profile.signs_messages() && !message.is_signed {
        return Err(broken(rules::SIGNED_REQUEST));
    }
    if message.is_pushed { Ok(()) } else { Err(broken(rules::PUSHED)) }
}

/// What must be in a request, pushed or brought.
pub(crate) fn check_request(
    server: &AuthorizationServer,
    client: &Client,
    (response_type, mode, is_named): (ResponseType, ResponseMode, bool),
    parameters: &Parameters<'_>,
) -> Result<(), RedirectError> {
    let Some(profile) = of(server, client) else { return Ok(()) };
    if response_type != ResponseType::Code {
        return Err(RedirectError::UnsupportedResponseType);
    }
    if !is_named {
        return Err(broken(rules::REDIRECT_URI));
    }
    // Of which method, and whether it is well-formed, is checked for everybody.
    if parameters.find("code_challenge").is_none() {
        return Err(broken(rules::PKCE));
    }
    if profile.signs_messages() && !mode.is_signed() {
        return Err(broken(rules::SIGNED_ANSWER));
    }
    Ok(())
}

/// Whether a signed request may be for other servers besides this one (FAPI 2.0 Message Signing section 5.3.1). It is pushed by a
/// client that proves who it is, so that none of the others can bring it here.
pub(crate) fn takes_other_audiences(server: &AuthorizationServer, client: &Client) -> bool {
    of(server, client).is_some_and(super::SecurityProfile::signs_messages)
}

/// When a signed request may be from, and how long it lives. That it has not expired is checked for everybody.
pub(crate) fn check_object(
    server: &AuthorizationServer,
    client: &Client,
    claims: &ValidClaims,
) -> Result<(), RedirectError> {
    if !of(server, client).is_some_and(super::SecurityProfile::signs_messages) {
        return Ok(());
    }
    let ClockTolerance(tolerance) = ClockTolerance::default();
    let not_before = claims.claim("nbf").and_then(Value::as_f64);
    let fits = claims.expires_at().zip(not_before).is_some_and(|(expires_at, not_before)| {
        // Fractions of a second decide nothing here.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast of a float saturates, and saturated it is too old"
        )]
        let not_before = Timestamp::from_seconds(not_before as i64);
        server.now().since(not_before) <= MOST + tolerance && expires_at.since(not_before) <= MOST
    });
    if fits {
        Ok(())
    } else {
        Err(RedirectError::InvalidRequestObject(rules::REQUEST_TIMES.to_string().into()))
    }
}

/// Whether a client may sign with this.
pub(crate) fn check_algorithm(server: &AuthorizationServer, client: &Client, algorithm: Algorithm) -> bool {
    of(server, client).is_none() || ALGORITHMS.contains(&algorithm.as_str())
}
