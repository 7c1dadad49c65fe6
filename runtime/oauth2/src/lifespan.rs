//! How long tokens live: the client's own lifespan for grant and token, else the tenant's.

use std::time::Duration;

use crate::client::{Client, GrantType};
use crate::server::AuthorizationServer;

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
        // Neither is ever issued for a client alone.
        (GrantType::ClientCredentials, Lifetime::IdToken | Lifetime::RefreshToken) => {
            (None, server.settings.id_token_lifespan)
        }
    };
    own.unwrap_or(default).0
}
