//! The administration of clients: what the admin API and the command line do.
//!
//! A secret is shown once, in the answer to the request that set it. What the configuration file
//! declares is read-only here.

pub mod error;
mod secrets;
#[cfg(test)]
mod tests;

use primitives::json_patch::{Operation, patched};
use primitives::{Actor, AuditEvent, Change, ClientId, Secret, Timestamp};
use serde_json::{Value, json};

pub use error::ClientError;

use super::secret::SecretCheck;
use super::{Client, ClientDocument, ClientRecord, CreatedClient, InvalidClient, Lifespans, ManagedBy};
use crate::decision::Decision;
use crate::lifespan::keys_of_lowered;
use crate::ports::{ClientFilter, ClientPlace, SecretGuess};
use crate::registration::SelfRegistered;
use crate::security_profile;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// The most clients of a page.
pub const MAX_PAGE: u32 = 1_000;

/// A client as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownClient {
    /// Its document.
    pub document: ClientDocument,
    /// Its secret in clear, once: in the answer to the request that set it.
    pub secret: Option<Secret<String>>,
}

impl ShownClient {
    pub(crate) fn new(record: ClientRecord, secret: Option<Secret<String>>) -> Self {
        let (created_at, updated_at) = (Some(record.created_at), Some(record.updated_at));
        Self { document: ClientDocument { created_at, updated_at, ..record.document }, secret }
    }

    /// As it is written out.
    pub fn as_created(&self) -> CreatedClient<'_> {
        CreatedClient {
            document: &self.document,
            client_secret: self.secret.as_ref().map(|secret| secret.expose().as_str()),
        }
    }
}

/// Clients in the order in which they were made.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientPage {
    /// The clients.
    pub clients: Vec<ClientDocument>,
    /// Behind which place the next page begins; none if this is the last.
    pub next: Option<ClientPlace>,
}

impl AuthorizationServer {
    /// Creates a client. Without an id or a secret in the document, both are made.
    pub async fn create_client(
        &self,
        document: ClientDocument,
        actor: Actor,
    ) -> Decision<ShownClient, ClientError> {
        self.decide(self.created(document, None, actor).await)
    }

    /// Replaces a client's whole document. Its secret stays, unless the document brings one.
    pub async fn replace_client(
        &self,
        id: &ClientId,
        document: ClientDocument,
        actor: Actor,
    ) -> Decision<ShownClient, ClientError> {
        let decided = match self.load_own(id).await {
            Ok(before) => Box::pin(self.updated(before, document, actor)).await,
            Err(error) => Err(error),
        };
        self.decide(decided)
    }

    /// Changes a client by a JSON Patch (RFC 6902).
    pub async fn patch_client(
        &self,
        id: &ClientId,
        patch: &Value,
        actor: Actor,
    ) -> Decision<ShownClient, ClientError> {
        self.decide(Box::pin(self.patched(id, patch, actor)).await)
    }

    /// Replaces the lifespans of a client's tokens, and nothing else.
    pub async fn set_client_lifespans(
        &self,
        id: &ClientId,
        lifespans: Lifespans,
        actor: Actor,
    ) -> Decision<ShownClient, ClientError> {
        let decided = match self.load_own(id).await {
            Ok(before) => {
                let document = ClientDocument { lifespans, ..before.document.clone() };
                Box::pin(self.updated(before, document, actor)).await
            }
            Err(error) => Err(error),
        };
        self.decide(decided)
    }

    /// Deletes a client, and revokes what was granted to it.
    pub async fn delete_client(&self, id: &ClientId, actor: Actor) -> Decision<(), ClientError> {
        match self.load_own(id).await {
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
            Ok(before) => {
                let change = Change::new(self.tenant.clone())
                    .write(Write::DeleteClient { client: id.clone(), expected: before.version })
                    .write(Write::RevokeGrantsOfClient { client: id.clone(), at: self.now() })
                    .audit(AuditEvent::new("client.deleted", actor, "client", id));
                Decision::new(change, Ok(()))
            }
        }
    }

    /// A client as it is stored.
    pub async fn load_client(&self, id: &ClientId) -> Result<ShownClient, ClientError> {
        let record = self.ports.clients.find_client_record(&self.tenant, id).await?;
        record.map(|record| ShownClient::new(record, None)).ok_or(ClientError::NotFound)
    }

    /// A page of clients; `size` is cut to [`MAX_PAGE`].
    pub async fn list_clients(&self, filter: &ClientFilter, size: u32) -> Result<ClientPage, ClientError> {
        let size = size.clamp(1, MAX_PAGE);
        // One more than is shown tells whether there is another page.
        let mut records = self.ports.clients.list_clients(&self.tenant, filter, size + 1).await?;
        let is_last = u32::try_from(records.len()).is_ok_and(|found| found <= size);
        if !is_last {
            records.pop();
        }
        let next = records.last().filter(|_| !is_last).and_then(ClientPlace::of);
        let clients = records.into_iter().map(|record| ShownClient::new(record, None).document).collect();
        Ok(ClientPage { clients, next })
    }

    fn decide(
        &self,
        decided: Result<(Change<Write>, ShownClient), ClientError>,
    ) -> Decision<ShownClient, ClientError> {
        match decided {
            Ok((change, shown)) => Decision::new(change, Ok(shown)),
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    /// A client that the API may change.
    async fn load_own(&self, id: &ClientId) -> Result<ClientRecord, ClientError> {
        let record = self.ports.clients.find_client_record(&self.tenant, id).await?;
        let record = record.ok_or(ClientError::NotFound)?;
        match record.managed_by {
            ManagedBy::Api => Ok(record),
            ManagedBy::File => Err(ClientError::ManagedByFile),
            // Nothing is stored of it.
            ManagedBy::Document => Err(ClientError::NotFound),
        }
    }

    /// A new client; `registration` if it makes itself.
    pub(crate) async fn created(
        &self,
        mut document: ClientDocument,
        registration: Option<SelfRegistered>,
        actor: Actor,
    ) -> Result<(Change<Write>, ShownClient), ClientError> {
        let id = match document.client_id.take() {
            Some(id) => id,
            None => self.rng.uuid().to_string().parse().map_err(|_| InvalidClient::NoId)?,
        };
        // A loser of a race for the id misses the insertion's guard and then ends here.
        if self.ports.clients.find_client_record(&self.tenant, &id).await?.is_some() {
            return Err(ClientError::Exists);
        }
        let now = self.now();
        let record = ClientRecord {
            document: ClientDocument { client_id: Some(id.clone()), ..document },
            secrets: Vec::new(),
            managed_by: ManagedBy::Api,
            enabled: true,
            created_at: now,
            updated_at: now,
            // Tokens of a deleted client of the same id stay dead. In whole seconds, as `iat` is.
            not_before: Timestamp::from_seconds(now.seconds()),
            version: 1,
            registration,
        };
        let (record, secret) = self.finished(record).await?;
        self.check_sector(&record.document, None).await?;
        self.check_recipients(&record.document, None).await.map_err(InvalidClient::from)?;
        Box::pin(self.check_signing_keys(&record.document, None)).await?;
        let change = Change::new(self.tenant.clone())
            .write(Write::InsertClient(Box::new(record.clone())))
            .audit(AuditEvent::new("client.created", actor, "client", &id));
        Ok((change, ShownClient::new(record, secret)))
    }

    /// A client as its new document has it. Where that is what it was, nothing is written.
    ///
    /// Attack: a client sends its own registration over and over, and each time there are a row and an audit record, and the caches of
    /// every node drop it.
    pub(crate) async fn updated(
        &self,
        before: ClientRecord,
        document: ClientDocument,
        actor: Actor,
    ) -> Result<(Change<Write>, ShownClient), ClientError> {
        let expected = before.version;
        // The id is that of the address, whatever the document says: it never changes.
        let id = before.document.client_id.clone().ok_or(InvalidClient::NoId)?;
        let record = ClientRecord {
            document: ClientDocument { client_id: Some(id.clone()), ..document },
            updated_at: self.now(),
            version: expected + 1,
            ..before.clone()
        };
        let (record, secret) = self.finished(record).await?;
        self.check_sector(&record.document, Some(&before.document)).await?;
        let checked = self.check_recipients(&record.document, Some(&before.document)).await;
        checked.map_err(InvalidClient::from)?;
        Box::pin(self.check_signing_keys(&record.document, Some(&before.document))).await?;
        if before.secrets == record.secrets && undated(&before) == undated(&record) {
            return Ok((Change::new(self.tenant.clone()), ShownClient::new(before, secret)));
        }
        let mut change = Change::new(self.tenant.clone())
            .write(Write::UpdateClient { client: Box::new(record.clone()), expected })
            .audit(AuditEvent::new("client.updated", actor, "client", &id));
        change.writes.extend(keys_of_lowered(&before.document, &record.document, self.now()));
        Ok((change, ShownClient::new(record, secret)))
    }

    async fn patched(
        &self,
        id: &ClientId,
        patch: &Value,
        actor: Actor,
    ) -> Result<(Change<Write>, ShownClient), ClientError> {
        let before = self.load_own(id).await?;
        let refused = |error: &dyn std::fmt::Display| ClientError::Patch(error.to_string().into());
        let operations = Operation::parse_all(patch).map_err(|error| refused(&error))?;
        let mut document = serde_json::to_value(&before.document).map_err(|error| refused(&error))?;
        if let Value::Object(members) = &mut document {
            // A place for a new secret; the stored one is not there to be read or tested.
            members.insert("client_secret".to_owned(), json!(""));
        }
        let document = patched(&document, &operations).map_err(|error| refused(&error))?;
        let document = serde_json::from_value::<ClientDocument>(document).map_err(|error| refused(&error))?;
        Box::pin(self.updated(before, document, actor)).await
    }

    /// Checks the document and settles the secrets. A chosen secret costs a hash: it is made last, when
    /// nothing can be refused any more.
    async fn finished(
        &self,
        mut record: ClientRecord,
    ) -> Result<(ClientRecord, Option<Secret<String>>), ClientError> {
        let mut document = record.document.with_defaults();
        let given = document.client_secret.take().filter(|secret| !secret.expose().is_empty());
        if given.as_ref().is_some_and(|secret| !(6..=512).contains(&secret.expose().len())) {
            return Err(InvalidClient::SecretLength.into());
        }
        // The server's own members.
        document.client_secret_expires_at = 0;
        (document.created_at, document.updated_at) = (None, None);
        record.document = document;
        let secrets = std::mem::take(&mut record.secrets);
        let client = Client::check(record)?;
        client.check_frontchannel_logout()?;
        if let Some(wrong) = security_profile::contradicts(self, &client) {
            return Err(InvalidClient::from(wrong).into());
        }
        let Client { id, authentication, mut record, .. } = client;
        if !authentication.uses_secret() {
            return Ok((record, None));
        }
        let shown = match given {
            Some(secret) => {
                let check = SecretCheck {
                    sealer: &self.sealer,
                    hasher: self.ports.hasher.as_ref(),
                    verified: &self.verified_secrets,
                    guess: SecretGuess { tenant: &self.tenant, client: &id, source: None },
                };
                record.secrets = vec![check.keep((secrets.as_slice(), record.managed_by), &secret).await?];
                Some(secret)
            }
            None if secrets.is_empty() => {
                let (stored, secret) = self.new_client_secret();
                record.secrets = vec![stored];
                Some(secret)
            }
            None => {
                record.secrets = secrets;
                None
            }
        };
        Ok((record, shown))
    }
}

/// What somebody has said of a client: its times are the server's own.
fn undated(record: &ClientRecord) -> ClientDocument {
    ClientDocument { created_at: None, updated_at: None, ..record.document.clone() }
}
