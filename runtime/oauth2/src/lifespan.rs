//! How long tokens live: the client's own lifespan for grant and token, else the tenant's.

use std::time::Duration;

use primitives::TenantId;

use crate::client::{Client, GrantType};
use crate::ports::{ClientFilter, ClientPlace, ClientRepository, PortError};
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
/// ceiling for their lifespans, and one that is lowered or whose client is deleted does not count any more;
/// `keys.rotation.keep_retired_seconds` covers what was issued before that.
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::{World, now};

    #[test]
    fn longest_signed_token_is_found_over_all_pages_of_clients() {
        let check = |lifespans: [Value; 3], expect: u64| {
            let world = World::new();
            for (id, mut patch) in ["a", "b", "c"].into_iter().zip(lifespans.clone()) {
                patch["client_id"] = id.into();
                world.add_client(&patch);
            }
            for page in [1, 2, 3, 4] {
                let longest = now(longest_by_pages(&*world.memory, &world.server.tenant, page));
                assert_eq!(longest, Ok(Duration::from_secs(expect)), "{lifespans:?} by {page}");
            }
            let other = "other".parse().unwrap();
            assert_eq!(
                now(longest_of_clients(&*world.memory, &other)),
                Ok(Duration::ZERO),
                "another tenant's"
            );
        };
        let none = || json!({});
        check([none(), none(), none()], 0);
        for signed in [
            "authorization_code_grant_access_token_lifespan",
            "authorization_code_grant_id_token_lifespan",
            "client_credentials_grant_access_token_lifespan",
            "device_authorization_grant_access_token_lifespan",
            "device_authorization_grant_id_token_lifespan",
            "implicit_grant_access_token_lifespan",
            "implicit_grant_id_token_lifespan",
            "jwt_bearer_grant_access_token_lifespan",
            "refresh_token_grant_access_token_lifespan",
            "refresh_token_grant_id_token_lifespan",
        ] {
            check([none(), json!({ signed: "2h" }), none()], 7200);
            check([json!({ signed: "5s" }), none(), json!({ signed: "10s" })], 10);
            check([json!({ signed: "10s" }), json!({ signed: "5s" }), none()], 10);
        }
        check([json!({ "refresh_token_grant_refresh_token_lifespan": "9000h" }), none(), none()], 0);
    }
}
