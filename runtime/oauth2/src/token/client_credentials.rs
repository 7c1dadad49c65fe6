//! The client credentials grant (RFC 6749 section 4.4): a client acts for itself.
//!
//! With signed access tokens nothing is written: the token lives until it expires, until it is revoked
//! by itself, or until its client's `not_before` passes it.

use super::holder::Holder;
use super::request::{check_audience, check_scope};
use super::{Asked, Granted, TokenError};
use crate::client::GrantType;
use crate::details;
use crate::server::AuthorizationServer;

pub(super) fn run(server: &AuthorizationServer, asked: &Asked<'_>) -> Result<Granted, TokenError> {
    let Asked { client, parameters, holder } = *asked;
    // A public client proved nothing, and so acts for nobody. Registration refuses it too.
    if client.is_public() {
        return Err(TokenError::UnauthorizedClient);
    }
    Ok(Granted {
        grant_type: GrantType::ClientCredentials,
        subject: None,
        exchanged: None,
        grant: None,
        scope: check_scope(parameters, &client.scope)?,
        audience: check_audience(parameters, &server.targets(client))?,
        details: details::check(server, client, parameters)?,
        refresh_token: None,
        confirmation: holder.map(Holder::confirmation),
        writes: Vec::new(),
        audit: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::memory::World;

    fn check(patch: &serde_json::Value, pairs: &[(&str, &str)], expect: Result<&str, &str>) {
        let world = World::new();
        let mut document = json!({"token_endpoint_auth_method": "client_secret_post"});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        world.add_client(&document);
        let pairs = [&[("grant_type", "client_credentials")], pairs].concat();
        let answer = world.token(&pairs);
        let found = answer.as_ref().map(|answer| &*answer.scope).map_err(|error| error.code().as_str());
        assert_eq!(found, expect, "{document} {pairs:?}");
        if let Ok(answer) = answer {
            assert_eq!(
                (answer.id_token, answer.refresh_token),
                (None, None),
                "nobody is there to refresh for"
            );
        }
    }

    #[test]
    fn client_gets_what_it_is_registered_for() {
        check(&json!({}), &[], Ok(""));
        check(&json!({}), &[("scope", "read offline_access")], Ok("read offline_access"));
        check(&json!({}), &[("scope", "admin")], Err("invalid_scope"));
        check(&json!({}), &[("audience", "https://api.example https://b.example")], Ok(""));
        check(&json!({}), &[("resource", "https://c.example")], Err("invalid_target"));
        check(&json!({"grant_types": ["authorization_code"]}), &[], Err("unauthorized_client"));
        check(&json!({"token_endpoint_auth_method": "client_secret_basic"}), &[], Err("invalid_client"));
        check(&json!({"client_id": "someone-else"}), &[], Err("invalid_client"));
    }

    #[test]
    fn signed_tokens_write_nothing_and_opaque_ones_a_row() {
        for (strategy, rows) in [("jwt", 0), ("opaque", 1)] {
            let world = World::new();
            world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
                "access_token_strategy": strategy}));
            let token = world.token(&[("grant_type", "client_credentials")]).unwrap().access_token;
            assert_eq!(token.starts_with("ory_at_"), rows == 1);
            assert_eq!(world.rows(|rows| rows.access_tokens.len()), rows, "{strategy}");
        }
    }
}
