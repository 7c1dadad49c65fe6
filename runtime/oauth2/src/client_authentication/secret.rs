//! What the methods by a secret have in common: it is one of those that the client has now.

use super::FailedCause;
use super::method::{Credential, NotProven};
use crate::client::Client;
use crate::client::secret::SecretCheck;
use crate::server::AuthorizationServer;
use crate::write::Write;

pub(super) async fn verify(
    server: &AuthorizationServer,
    client: &Client,
    credential: Credential<'_>,
) -> Result<Vec<Write>, NotProven> {
    let Credential::Secret(secret) = credential else { return Err(FailedCause::Method.into()) };
    let check = SecretCheck {
        sealer: &server.sealer,
        hasher: server.ports.hasher.as_ref(),
        verified: &server.verified_secrets,
        tenant: &server.tenant,
    };
    if check.matches(&client.id, &client.record.secrets, &secret).await? {
        Ok(Vec::new())
    } else {
        Err(FailedCause::Secret.into())
    }
}
