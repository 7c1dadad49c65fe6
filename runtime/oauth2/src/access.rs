//! What a person, or an admin for them, sees and takes back of what clients were granted.

use primitives::{Actor, AuditEvent, Change, ClientId, IdentityId};

use crate::grant::Grant;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// The most grants that are listed.
pub const MAX_GRANTS: u32 = 500;

impl AuthorizationServer {
    /// The live grants of a person, the newest first, at most [`MAX_GRANTS`].
    pub async fn list_access(&self, subject: IdentityId) -> Result<Vec<Grant>, PortError> {
        self.ports.grants.list_grants(&self.tenant, subject, MAX_GRANTS).await
    }

    /// Takes back what a person granted and consented to, to one client or to all. Whatever was issued
    /// is dead afterwards, and the next request asks again.
    pub fn revoke_access(
        &self,
        subject: IdentityId,
        client: Option<ClientId>,
        actor: Actor,
    ) -> Change<Write> {
        let mut event = AuditEvent::new("access.revoked", actor, "subject", &subject);
        if let Some(client) = &client {
            event = event.with("client", client);
        }
        Change::new(self.tenant.clone())
            .write(Write::RevokeGrantsOfSubject { subject, client: client.clone(), at: self.now() })
            .write(Write::ForgetConsents { subject, client })
            .audit(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::grant::Consent;
    use crate::memory::{World, now};
    use crate::scope::Scopes;

    #[test]
    fn revoked_access_is_dead_and_forgotten_for_that_person_and_client() {
        for (client, expect) in [(None, 0), (Some("app"), 0), (Some("other"), 1)] {
            let world = World::new();
            world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
            world.add_subject(2);
            let (ada, bob) = (world.subject(1).subject, world.subject(2).subject);
            let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
            for subject in [ada, bob] {
                let consent = Consent {
                    subject,
                    client: "app".parse().unwrap(),
                    scope: Scopes::parse("openid").unwrap(),
                    audience: Vec::new(),
                    granted_at: world.server.now(),
                    expires_at: None,
                };
                let change = Change::new(world.server.tenant.clone());
                world.memory.apply(change.write(Write::RememberConsent(Box::new(consent)))).unwrap();
            }
            let client = client.map(|client| client.parse().unwrap());
            world.memory.apply(world.server.revoke_access(ada, client.clone(), Actor::System)).unwrap();
            assert_eq!(now(world.server.list_access(ada)).unwrap().len(), expect, "{client:?}");
            assert_eq!(world.rows(|rows| rows.consents.len()), 1 + expect, "{client:?}: bob keeps his");
            assert_eq!(world.refresh(&tokens.refresh_token.unwrap()).is_ok(), expect == 1, "{client:?}");
        }
    }
}
