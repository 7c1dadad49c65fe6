//! The administration of clients: what the admin API and the command line do.

pub mod error;

use primitives::{Actor, ClientId, Secret};
use serde_json::Value;

pub use error::ClientError;

use super::{ClientDocument, CreatedClient};
use crate::decision::Decision;
use crate::ports::{ClientFilter, PortError};
use crate::server::AuthorizationServer;

/// A client as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownClient {
    /// Its document.
    pub document: ClientDocument,
    /// Its secret in clear, once: in the answer to the request that set it.
    pub secret: Option<Secret<String>>,
}

impl ShownClient {
    /// As it is written out.
    pub fn as_created(&self) -> CreatedClient<'_> {
        CreatedClient {
            document: &self.document,
            client_secret: self.secret.as_ref().map(|secret| secret.expose().as_str()),
        }
    }
}

/// Clients in the order of their ids.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientPage {
    /// The clients.
    pub clients: Vec<ClientDocument>,
    /// After which id the next page begins; none if this is the last.
    pub next: Option<ClientId>,
}

fn unfinished() -> ClientError {
    ClientError::Port(PortError::Unavailable("this operation is not served yet".to_owned()))
}

impl AuthorizationServer {
    /// Creates a client. Without an id or a secret in the document, both are made.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn create_client(&self, _: ClientDocument, _: Actor) -> Decision<ShownClient, ClientError> {
        Decision::without_change(self.tenant.clone(), Err(unfinished()))
    }

    /// Replaces a client's whole document. Its secret stays, unless the document brings one.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn replace_client(
        &self,
        _: &ClientId,
        _: ClientDocument,
        _: Actor,
    ) -> Decision<ShownClient, ClientError> {
        Decision::without_change(self.tenant.clone(), Err(unfinished()))
    }

    /// Changes a client by a JSON Patch (RFC 6902).
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn patch_client(
        &self,
        _: &ClientId,
        _: &Value,
        _: Actor,
    ) -> Decision<ShownClient, ClientError> {
        Decision::without_change(self.tenant.clone(), Err(unfinished()))
    }

    /// Deletes a client, and revokes what was granted to it.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn delete_client(&self, _: &ClientId, _: Actor) -> Decision<(), ClientError> {
        Decision::without_change(self.tenant.clone(), Err(unfinished()))
    }

    /// A client as it is stored.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn load_client(&self, _: &ClientId) -> Result<ShownClient, ClientError> {
        Err(unfinished())
    }

    /// A page of clients; `size` is cut to 1,000.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn list_clients(&self, _: &ClientFilter, _: u32) -> Result<ClientPage, ClientError> {
        Err(unfinished())
    }
}
