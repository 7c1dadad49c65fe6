//! The rotation of a client's secret: the old one holds until whoever uses it has the new one.
//!
//! Attack: a secret that leaked stays good for ever because it was rotated. Whoever rotates for that reason drops the old ones
//! afterwards ([`AuthorizationServer::drop_rotated_client_secrets`]); giving the client a secret of one's own
//! (`PUT /admin/clients/{id}`) drops them at once.

use primitives::{Actor, AuditEvent, Change, ClientId, Secret};

use super::{ClientError, ShownClient};
use crate::client::{Client, ClientRecord, StoredSecret};
use crate::decision::Decision;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// How many former secrets still hold, as the Hydra API has it.
const MOST_FORMER: usize = 5;

impl AuthorizationServer {
    /// Gives a client another secret, which is shown once. The one before, and up to four more, still hold.
    pub async fn rotate_client_secret(
        &self,
        id: &ClientId,
        actor: Actor,
    ) -> Decision<ShownClient, ClientError> {
        self.decide(self.rotated(id, actor).await)
    }

    /// Drops every secret of a client but the newest.
    pub async fn drop_rotated_client_secrets(
        &self,
        id: &ClientId,
        actor: Actor,
    ) -> Decision<ShownClient, ClientError> {
        let decided = match self.load_own(id).await {
            Ok(before) => {
                let newest = before.secrets.iter().take(1).cloned().collect();
                Ok(self.with_secrets((before, newest), "client.secrets_dropped", id, actor, None))
            }
            Err(error) => Err(error),
        };
        self.decide(decided)
    }

    /// A secret that nobody has chosen.
    pub(super) fn new_client_secret(&self) -> (StoredSecret, Secret<String>) {
        StoredSecret::generate(&self.sealer, self.rng.as_ref(), &self.tenant, &self.settings.token_prefix)
    }

    async fn rotated(
        &self,
        id: &ClientId,
        actor: Actor,
    ) -> Result<(Change<Write>, ShownClient), ClientError> {
        let before = self.load_own(id).await?;
        if !Client::check(before.clone())?.authentication.uses_secret() {
            return Err(ClientError::Patch("the client proves who it is without a secret of ours".into()));
        }
        let (stored, secret) = self.new_client_secret();
        let former = before.secrets.iter().take(MOST_FORMER).cloned();
        let secrets = std::iter::once(stored).chain(former).collect();
        Ok(self.with_secrets((before, secrets), "client.secret_rotated", id, actor, Some(secret)))
    }

    fn with_secrets(
        &self,
        (before, secrets): (ClientRecord, Vec<StoredSecret>),
        event: &'static str,
        id: &ClientId,
        actor: Actor,
        shown: Option<Secret<String>>,
    ) -> (Change<Write>, ShownClient) {
        let expected = before.version;
        let record = ClientRecord { secrets, updated_at: self.now(), version: expected + 1, ..before };
        let change = Change::new(self.tenant.clone())
            .write(Write::UpdateClient { client: Box::new(record.clone()), expected })
            .audit(AuditEvent::new(event, actor, "client", id));
        (change, ShownClient::new(record, shown))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::ClientDocument;
    use crate::memory::{World, form, now};

    fn made(method: &str) -> (World, String) {
        let world = World::new();
        let document = json!({"client_id": "svc", "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": method, "jwks_uri": "https://svc.example/keys"});
        let document: ClientDocument = serde_json::from_value(document).unwrap();
        let made = world.commit(|| now(world.server.create_client(document.clone(), Actor::System))).unwrap();
        (world, made.secret.map(|secret| secret.expose().clone()).unwrap_or_default())
    }

    fn rotate(world: &World) -> Result<String, ClientError> {
        let id = "svc".parse().unwrap();
        let shown = world.commit(|| now(world.server.rotate_client_secret(&id, Actor::System)))?;
        Ok(shown.secret.unwrap().expose().clone())
    }

    fn signs_in(world: &World, secret: &str) -> bool {
        let pairs = [("client_id", "svc"), ("client_secret", secret), ("grant_type", "client_credentials")];
        world.commit(|| world.decide_token(&form(&pairs))).is_ok()
    }

    #[test]
    fn former_secret_holds_until_it_is_dropped() {
        let (world, first) = made("client_secret_post");
        let second = rotate(&world).unwrap();
        assert_ne!(first, second);
        assert!(signs_in(&world, &first) && signs_in(&world, &second));
        let id = "svc".parse().unwrap();
        let kept =
            world.commit(|| now(world.server.drop_rotated_client_secrets(&id, Actor::System))).unwrap();
        assert_eq!(kept.secret, None, "it was shown when it was made");
        assert!(!signs_in(&world, &first) && signs_in(&world, &second));
    }

    #[test]
    fn five_former_secrets_hold_and_no_sixth() {
        let (world, first) = made("client_secret_post");
        let later: Vec<String> = (0..6).map(|_| rotate(&world).unwrap()).collect();
        assert!(!signs_in(&world, &first));
        assert!(later.iter().all(|secret| signs_in(&world, secret)));
    }

    #[test]
    fn secret_of_ones_own_takes_the_place_of_all() {
        let (world, first) = made("client_secret_post");
        let second = rotate(&world).unwrap();
        let document = json!({"grant_types": ["client_credentials"], "client_secret": "chosen by a person 7",
            "token_endpoint_auth_method": "client_secret_post"});
        let document: ClientDocument = serde_json::from_value(document).unwrap();
        let id = "svc".parse().unwrap();
        world.commit(|| now(world.server.replace_client(&id, document.clone(), Actor::System))).unwrap();
        assert!(!signs_in(&world, &first) && !signs_in(&world, &second));
        assert!(signs_in(&world, "chosen by a person 7"));
    }

    #[test]
    fn client_without_a_secret_has_none_to_rotate() {
        let (world, _) = made("private_key_jwt");
        assert!(matches!(rotate(&world), Err(ClientError::Patch(_))));
        assert!(world.rows(|rows| rows.clients.values().all(|client| client.secrets.is_empty())));
    }
}
