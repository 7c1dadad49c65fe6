//! A client that looks after its own registration (RFC 7592).

use primitives::{Actor, Change, ClientId, RequestId};
use serde_json::{Map, Value};

use super::{Registered, RegisteredBy, Registering, RegistrationError, registration_proof, statement};
use crate::client::ClientRecord;
use crate::client::admin::ShownClient;
use crate::client::secret::SecretCheck;
use crate::decision::Decision;
use crate::ports::SecretGuess;
use crate::server::AuthorizationServer;
use crate::write::Write;

impl AuthorizationServer {
    /// A client's registration, shown to itself.
    pub async fn show_registration(&self, id: &str, token: &str) -> Result<Registered, RegistrationError> {
        let (client, record) = self.prove_registration(id, token).await?;
        Ok(self.told(&client, ShownClient::new(record, None), token.to_owned(), None))
    }

    /// Replaces a client's registration by its own wish.
    pub async fn replace_registration(
        &self,
        (id, token): (&str, &str),
        request: Map<String, Value>,
        request_id: RequestId,
    ) -> Decision<Registered, RegistrationError> {
        match Box::pin(self.replaced_registration((id, token), request, request_id)).await {
            Ok((change, registered)) => Decision::new(change, Ok(registered)),
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    /// Deletes a client by its own wish.
    pub async fn delete_registration(&self, id: &str, token: &str) -> Decision<(), RegistrationError> {
        match self.prove_registration(id, token).await {
            Ok((client, _)) => {
                let actor = Actor::Client(client.clone());
                let Decision { change, result, stream } = self.delete_client(&client, actor).await;
                Decision { change, result: result.map_err(RegistrationError::from), stream }
            }
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    async fn replaced_registration(
        &self,
        (id, token): (&str, &str),
        mut request: Map<String, Value>,
        request_id: RequestId,
    ) -> Result<(Change<Write>, Registered), RegistrationError> {
        let (client, record) = self.prove_registration(id, token).await?;
        if request.get("client_id").and_then(Value::as_str).is_some_and(|named| named != client.as_str()) {
            return Err(refuse("client_id", "is another client's"));
        }
        // Section 2.2: a client does not choose its secret; what it sends must be the one that it has.
        if let Some(secret) = request.remove("client_secret").filter(|secret| !secret.is_null()) {
            self.check_own_secret(&client, &record, &secret).await?;
        }
        let (request, statement) = statement::apply(self, request)?;
        let registering =
            Registering { client: &client, by: RegisteredBy::Itself, statement: statement.as_ref() };
        let document = self.permitted(registering, (Some(&record.document), request), request_id).await?;
        let (change, shown) = Box::pin(self.updated(record, document, Actor::Client(client.clone()))).await?;
        Ok((change, self.told(&client, shown, token.to_owned(), statement)))
    }

    async fn check_own_secret(
        &self,
        client: &ClientId,
        record: &ClientRecord,
        secret: &Value,
    ) -> Result<(), RegistrationError> {
        let check = SecretCheck {
            sealer: &self.sealer,
            hasher: self.ports.hasher.as_ref(),
            verified: &self.verified_secrets,
            guess: SecretGuess { tenant: &self.tenant, client, source: None },
        };
        let secret = primitives::Secret::new(secret.as_str().unwrap_or_default().to_owned());
        if check.matches(record, &secret).await? {
            return Ok(());
        }
        Err(refuse("client_secret", "is not the one that the client has"))
    }

    /// The client that a token is of. Every refusal is one answer.
    async fn prove_registration(
        &self,
        id: &str,
        token: &str,
    ) -> Result<(ClientId, ClientRecord), RegistrationError> {
        let id: ClientId = id.parse().map_err(|_| RegistrationError::Unauthorized)?;
        // What never was a token is not worth a look-up.
        registration_proof(token).ok_or(RegistrationError::Unauthorized)?;
        let record = self.ports.clients.find_client_record(&self.tenant, &id).await?;
        let record = record.filter(|record| record.is_usable(self.now()));
        let record = record.filter(|record| self.is_registration_token(token, record));
        record.map(|record| (id, record)).ok_or(RegistrationError::Unauthorized)
    }
}

const fn refuse(property: &'static str, reason: &'static str) -> RegistrationError {
    RegistrationError::Metadata { property, reason }
}
