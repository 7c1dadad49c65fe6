//! Token revocation (RFC 7009).
//!
//! A client learns nothing here: an unknown token, one that is dead, and one of another client are all
//! answered with success, and only the client's own token dies.

use primitives::{Actor, AuditEvent, Change};

use crate::access_token::{Form, find_token};
use crate::client::Client;
use crate::client_authentication::{AuthenticatedClient, Spent, authenticate};
use crate::decision::Decision;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::token::{ClientRequest, TokenError, check_form, refresh_token, refusal};
use crate::token_format::{REFRESH_TOKEN, has_form};
use crate::write::Write;

impl AuthorizationServer {
    /// Decides a revocation request. A refresh token takes its grant with it, and so every other token
    /// of the family; an access token takes with it what was exchanged from it, and nothing else (section 2.1).
    pub async fn revoke(&self, request: ClientRequest<'_>) -> Decision<(), TokenError> {
        let mut spent = Spent::default();
        match self.revoke_for(request, &mut spent).await {
            Ok(change) => Decision::new(change, Ok(())),
            Err(error) => Decision::new(refusal(self, spent, &error), Err(error)),
        }
    }

    async fn revoke_for(
        &self,
        request: ClientRequest<'_>,
        spent: &mut Spent,
    ) -> Result<Change<Write>, TokenError> {
        let parameters = check_form(request.parameters)?;
        let AuthenticatedClient { client, writes } = authenticate(self, &request).await?;
        *spent = Spent::by(&client, writes);
        let token = parameters
            .find("token")
            .ok_or(TokenError::InvalidRequest("parameter token is missing".into()))?;
        // `token_type_hint` is not needed: the forms are told apart at sight.
        let death = if has_form(token, REFRESH_TOKEN) {
            self.refresh_token_death(&client, token).await?
        } else {
            self.access_token_death(&client, token).await?
        };
        let mut change = Change::new(self.tenant.clone());
        change.writes = std::mem::take(&mut spent.writes);
        if let Some((deaths, event)) = death {
            change.writes.extend(deaths);
            change = change.audit(event);
        }
        Ok(change)
    }

    async fn refresh_token_death(
        &self,
        client: &Client,
        token: &str,
    ) -> Result<Option<(Vec<Write>, AuditEvent)>, PortError> {
        let found = refresh_token::find(self, token).await?;
        let own = found.filter(|(_, grant)| grant.client == client.id && grant.revoked_at.is_none());
        Ok(own.map(|(_, grant)| {
            let event =
                AuditEvent::new("grant.revoked", Actor::Client(client.id.clone()), "grant", &grant.id);
            (vec![Write::RevokeGrant { grant: grant.id, at: self.now() }], event)
        }))
    }

    async fn access_token_death(
        &self,
        client: &Client,
        token: &str,
    ) -> Result<Option<(Vec<Write>, AuditEvent)>, PortError> {
        let own = find_token(self, token).await?.filter(|token| token.client == client.id);
        let Some(token) = own else { return Ok(None) };
        let (mark, expires_at) = (token.mark(), token.expires_at);
        // Attack: whoever has a signed token, which is read without a row, revokes it over and over, and fills the audit records.
        if self.ports.tokens.is_any_revoked(&self.tenant, std::slice::from_ref(&mark)).await? {
            return Ok(None);
        }
        let event = AuditEvent::new("token.revoked", Actor::Client(client.id.clone()), "client", &client.id);
        let row = match token.form {
            Form::Opaque(token) => Some(Write::DeleteAccessToken { token }),
            Form::Signed { .. } => None,
        };
        let revoked = Write::RevokeJwt { jti: mark.as_str().to_owned(), expires_at };
        Ok(Some((row.into_iter().chain([revoked]).collect(), event)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::introspection::Introspection;
    use crate::memory::{World, as_app, form, now, request};
    use crate::parameters::Parameters;

    fn revoke(world: &World, encoded: &str) -> Result<(), TokenError> {
        let parameters = Parameters::parse(encoded.as_bytes());
        world.commit(|| now(world.server.revoke(request(&parameters))))
    }

    fn is_active(world: &World, token: &str) -> bool {
        matches!(
            now(world.server.introspect(token, None, crate::memory::REQUEST)).unwrap(),
            Introspection::Active(_)
        )
    }

    #[test]
    fn refresh_token_takes_its_family_and_access_token_dies_alone() {
        for strategy in ["jwt", "opaque"] {
            let world = World::new();
            world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
                "access_token_strategy": strategy}));
            let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
            let (access, refresh) = (tokens.access_token, tokens.refresh_token.unwrap());
            revoke(&world, &as_app(&[("token", &access), ("token_type_hint", "refresh_token")])).unwrap();
            assert!(!is_active(&world, &access), "{strategy}");
            assert!(is_active(&world, &refresh), "{strategy}");
            let next = world.refresh(&refresh).unwrap();
            // A rotated token still names its family.
            revoke(&world, &as_app(&[("token", &refresh)])).unwrap();
            assert!(!is_active(&world, &next.access_token), "{strategy}");
            assert!(!is_active(&world, &next.refresh_token.unwrap()), "{strategy}");
        }
    }

    #[test]
    fn foreign_and_unknown_tokens_are_a_success_without_effect() {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
        world.add_client(&json!({"client_id": "spa", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"]}));
        let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
        for token in [&*tokens.access_token, &*tokens.refresh_token.unwrap()] {
            revoke(&world, &form(&[("client_id", "spa"), ("token", token)])).unwrap();
            assert!(is_active(&world, token));
        }
        for token in ["x", "a.b.c", &format!("ory_rt_{}", "A".repeat(43))] {
            revoke(&world, &as_app(&[("token", token)])).unwrap();
        }
        assert!(world.rows(|rows| rows.revoked_jwts.is_empty()));
    }

    #[test]
    fn nobody_revokes_without_saying_who_they_are() {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
        for (encoded, code) in [
            (form(&[("token", "x")]), "invalid_client"),
            (form(&[("client_id", "app"), ("token", "x")]), "invalid_client"),
            (form(&[("client_id", "app"), ("client_secret", "wrong"), ("token", "x")]), "invalid_client"),
            (as_app(&[]), "invalid_request"),
            (as_app(&[("token", "x"), ("token", "y")]), "invalid_request"),
        ] {
            assert_eq!(revoke(&world, &encoded).unwrap_err().code().as_str(), code, "{encoded}");
        }
    }
}
