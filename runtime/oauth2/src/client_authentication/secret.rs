//! What the methods by a secret have in common: it is one of those that the client has now.

use super::FailedCause;
use super::method::{Credential, NotProven};
use crate::client::Client;
use crate::client::secret::SecretCheck;
use crate::ports::SecretGuess;
use crate::server::AuthorizationServer;
use crate::write::Write;

pub(super) async fn verify(
    server: &AuthorizationServer,
    client: &Client,
    credential: Credential<'_>,
) -> Result<Vec<Write>, NotProven> {
    let Credential::Secret(secret, source) = credential else { return Err(FailedCause::Method.into()) };
    let check = SecretCheck {
        sealer: &server.sealer,
        hasher: server.ports.hasher.as_ref(),
        verified: &server.verified_secrets,
        guess: SecretGuess { tenant: &server.tenant, client: &client.id, source: Some(source) },
    };
    if check.matches(&client.record, &secret).await? {
        Ok(Vec::new())
    } else {
        Err(FailedCause::Secret.into())
    }
}
