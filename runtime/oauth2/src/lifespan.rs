//! How long tokens live: the client's own lifespan for grant and token, else the tenant's.

use std::time::Duration;

use primitives::{TenantId, Timestamp};

use crate::client::{Client, ClientDocument, GrantType};
use crate::ports::{ClientFilter, ClientPlace, ClientRepository, PortError};
use crate::server::AuthorizationServer;
use crate::write::Write;

/// Which token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the names are the specification's")]
pub(crate) enum Lifetime {
    AccessToken,
    IdToken,
    RefreshToken,
}

pub(crate) fn lifespan(
    server: &AuthorizationServer,
    client: &Client,
    grant: GrantType,
    token: Lifetime,
) -> Duration {
    let own = &client.record.document.lifespans;
    let (own, default) = match (grant, token) {
        (GrantType::AuthorizationCode, Lifetime::AccessToken) => {
            (own.authorization_code_grant_access_token_lifespan, server.settings.access_token_lifespan)
        }
        (GrantType::AuthorizationCode, Lifetime::IdToken) => {
            (own.authorization_code_grant_id_token_lifespan, server.settings.id_token_lifespan)
        }
        (GrantType::AuthorizationCode, Lifetime::RefreshToken) => {
            (own.authorization_code_grant_refresh_token_lifespan, server.settings.refresh_token_lifespan)
        }
        (GrantType::RefreshToken, Lifetime::AccessToken) => {
            (own.refresh_token_grant_access_token_lifespan, server.settings.access_token_lifespan)
        }
        (GrantType::RefreshToken, Lifetime::IdToken) => {
            (own.refresh_token_grant_id_token_lifespan, server.settings.id_token_lifespan)
        }
        (GrantType::RefreshToken, Lifetime::RefreshToken) => {
            (own.refresh_token_grant_refresh_token_lifespan, server.settings.refresh_token_lifespan)
        }
        (GrantType::ClientCredentials, Lifetime::AccessToken) => {
            (own.client_credentials_grant_access_token_lifespan, server.settings.access_token_lifespan)
        }
        (GrantType::DeviceCode, Lifetime::AccessToken) => {
            (own.device_authorization_grant_access_token_lifespan, server.settings.access_token_lifespan)
        }
        (GrantType::DeviceCode, Lifetime::IdToken) => {
            (own.device_authorization_grant_id_token_lifespan, server.settings.id_token_lifespan)
        }
        (GrantType::DeviceCode, Lifetime::RefreshToken) => {
            (own.device_authorization_grant_refresh_token_lifespan, server.settings.refresh_token_lifespan)
        }
        (GrantType::Implicit, Lifetime::AccessToken) => {
            (own.implicit_grant_access_token_lifespan, server.settings.access_token_lifespan)
        }
        (GrantType::Implicit, Lifetime::IdToken) => {
            (own.implicit_grant_id_token_lifespan, server.settings.id_token_lifespan)
        }
        // None is ever issued by the browser.
        (GrantType::Implicit | GrantType::Password, Lifetime::RefreshToken) => {
            (None, server.settings.refresh_token_lifespan)
        }
        (GrantType::JwtBearer, Lifetime::AccessToken) => {
            (own.jwt_bearer_grant_access_token_lifespan, server.settings.access_token_lifespan)
        }
        (GrantType::Password, Lifetime::AccessToken) | (GrantType::TokenExchange, _) => {
            (None, server.settings.access_token_lifespan)
        }
        // Neither is ever issued for a client alone, or where nobody has signed in.
        (GrantType::Password, Lifetime::IdToken)
        | (GrantType::ClientCredentials | GrantType::JwtBearer, Lifetime::IdToken | Lifetime::RefreshToken) => {
            (None, server.settings.id_token_lifespan)
        }
    };
    own.unwrap_or(default).0
}

/// How long a signed token can live by a client's own lifespan; zero if no client has one.
///
/// For whoever takes a signing key out of use: it stays published for that long at least. Clients have no
/// ceiling for their lifespans. What was signed before one was lowered is seen to by whoever lowers it ([`keys_needed`]); that of a
/// client which is deleted is dead.
pub async fn longest_of_clients(
    clients: &dyn ClientRepository,
    tenant: &TenantId,
) -> Result<Duration, PortError> {
    longest_by_pages(clients, tenant, 500).await
}

async fn longest_by_pages(
    clients: &dyn ClientRepository,
    tenant: &TenantId,
    page: u32,
) -> Result<Duration, PortError> {
    let (mut filter, mut longest) = (ClientFilter::default(), Duration::ZERO);
    loop {
        let found = clients.list_clients(tenant, &filter, page).await?;
        let own = found.iter().filter_map(|client| client.document.lifespans.longest_signed());
        longest = own.fold(longest, Duration::max);
        filter.after = found.last().and_then(ClientPlace::of);
        if filter.after.is_none() {
            return Ok(longest);
        }
    }
}

/// Another node may go on with the longer lifespan for a moment, and a verifier take a token that has just expired.
const SLACK: Duration = Duration::from_mins(2);

/// Keeps the keys for what they have signed, where tokens lived longer `before` than they do `after` a change. For whoever makes the
/// change: with it, or earlier. Without this a key that retires stays for as long as tokens live by then, and those from before look
/// forged for the rest of their time.
pub fn keys_needed(before: Duration, after: Duration, now: Timestamp) -> Option<Write> {
    (after < before).then(|| Write::KeepSigningKeys { until: now.after(before).after(SLACK) })
}

/// The same of a client's own lifespans.
pub(crate) fn keys_of_lowered(
    before: &ClientDocument,
    after: &ClientDocument,
    now: Timestamp,
) -> Option<Write> {
    let longest = |document: &ClientDocument| document.lifespans.longest_signed().unwrap_or_default();
    keys_needed(longest(before), longest(after), now)
}

#[cfg(test)]
mod tests;
