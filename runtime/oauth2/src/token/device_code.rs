//! The device code grant (RFC 8628 sections 3.4 and 3.5): the device asks whether it was answered.
//!
//! A poll in time writes when the next one is; one too early makes the interval longer, until it is a minute, and then
//! writes nothing more. What a device can cause so is bounded by its code's life. A redeemed code is remembered with its
//! grant, as an authorization code is: whoever comes second revokes.

use super::authorization_code::{refusal, revoked};
use super::redeemed::{GoodCode, redeem};
use super::{Asked, Granted, InvalidGrant, Refused, TokenError};
use crate::client::{Client, GrantType};
use crate::device::{DeviceAnswer, DeviceCode, LEEWAY, Polling};
use crate::grant::Grant;
use crate::liveness::{SessionRule, check_grant};
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::token_format::{DEVICE_CODE, has_form, hashes};
use crate::write::Write;

/// What a poll that comes too early adds to the interval, in seconds (RFC 8628 section 3.5).
const STEP: u32 = 5;
/// The longest interval, in seconds.
const LONGEST_INTERVAL: u32 = 60;

pub(super) async fn run(server: &AuthorizationServer, asked: &Asked<'_>) -> Result<Granted, Refused> {
    let Asked { client, parameters, .. } = *asked;
    let code = parameters
        .find("device_code")
        .ok_or(TokenError::InvalidRequest("parameter device_code is missing".into()))?;
    let unknown = || Refused::from(TokenError::InvalidGrant(InvalidGrant::UnknownDeviceCode));
    let code = match find(server, code).await? {
        Some(Found::Forgotten(grant)) if grant.client == client.id => {
            return Err(replayed(server, client, &grant));
        }
        Some(Found::Known(code)) if code.client == client.id => code,
        // Another client's: it learns nothing, and does nothing to it.
        None | Some(Found::Forgotten(_) | Found::Known(_)) => return Err(unknown()),
    };
    let grant = match code.answer {
        Some(DeviceAnswer::Redeemed(id)) => {
            let grant = load_grant(server, id).await?.ok_or_else(unknown)?;
            return Err(replayed(server, client, &grant));
        }
        _ if server.now() >= code.expires_at => return Err(TokenError::ExpiredToken.into()),
        None => return Err(poll(server, &code)),
        Some(DeviceAnswer::Denied) => {
            return Err(TokenError::AccessDenied("the person refused".to_owned()).into());
        }
        Some(DeviceAnswer::Allowed(id)) => load_grant(server, id).await?.ok_or_else(unknown)?,
    };
    let live = check_grant(server, client, grant, SessionRule::MustBeLive).await?.map_err(refusal)?;
    let good = GoodCode {
        grant_type: GrantType::DeviceCode,
        expires_at: code.expires_at,
        action: "device_code.redeemed",
    };
    let (hash, grant, at) = (code.hash, live.grant().id, server.now());
    let consume = |kept_until| Write::ConsumeDeviceCode { code: hash, grant, at, kept_until };
    Ok(redeem(server, asked, &good, live, consume)?)
}

/// What is known of a code.
#[derive(Debug)]
enum Found {
    /// Its row is there.
    Known(DeviceCode),
    /// It was redeemed for this grant so long ago that its row is gone.
    Forgotten(Box<Grant>),
}

async fn find(server: &AuthorizationServer, code: &str) -> Result<Option<Found>, PortError> {
    if !has_form(code, DEVICE_CODE) {
        return Ok(None);
    }
    let (tenant, ports) = (&server.tenant, &server.ports);
    for hash in hashes(server, code) {
        if let Some(code) = ports.devices.find_device_code(tenant, &hash).await? {
            return Ok(Some(Found::Known(code)));
        }
        if let Some(grant) = ports.tokens.find_grant_of_redeemed_code(tenant, &hash).await? {
            return Ok(Some(Found::Forgotten(Box::new(grant))));
        }
    }
    Ok(None)
}

async fn load_grant(
    server: &AuthorizationServer,
    id: primitives::GrantId,
) -> Result<Option<Grant>, PortError> {
    server.ports.grants.find_grant(&server.tenant, id).await
}

fn replayed(server: &AuthorizationServer, client: &Client, grant: &Grant) -> Refused {
    if grant.revoked_at.is_some() {
        return TokenError::InvalidGrant(InvalidGrant::Revoked).into();
    }
    revoked(server, client, grant, InvalidGrant::ReplayedCode, "device_code.replayed")
}

/// Nobody has answered yet.
fn poll(server: &AuthorizationServer, code: &DeviceCode) -> Refused {
    let now = server.now();
    let Polling { interval, next_at } = code.polling;
    let in_time = now >= next_at;
    let error = if in_time { TokenError::AuthorizationPending } else { TokenError::SlowDown };
    let longer =
        if in_time { interval } else { interval.saturating_add(STEP).min(LONGEST_INTERVAL.max(interval)) };
    if !in_time && longer == interval {
        return error.into();
    }
    let wait = std::time::Duration::from_secs(longer.into()).saturating_sub(LEEWAY);
    let polling = Polling { interval: longer, next_at: now.after(wait) };
    let writes = vec![Write::NotePoll { code: code.hash.clone(), polling }];
    Refused { error, writes, audit: Vec::new() }
}
