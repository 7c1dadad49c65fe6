//! Clients that register themselves (RFC 7591), and look after themselves afterwards (RFC 7592).
//!
//! Attacks, and what stands against them:
//!
//! - A stranger registers a client that people take for another, or that may more than it should. `metadata.rs` is the one
//!   table of what may be asked for: no first party, no owner, no lifespans, grants, scopes and audiences of a list, pages
//!   of its own host. Whoever has an account is always asked.
//! - A thousand registrations. Whoever calls this counts them by source; a tenant has so many at most, however many come at once; and one that never
//!   gets a token leaves by itself.
//! - A token that lets one client in lets in a hundred: its uses are counted (`registrant.rs`).
//! - Another client's registration is read or changed. Its token is a keyed hash over tenant, client and the moment at which
//!   it was made: there is no row to leak, and a client that was made anew under an id is another one. Clients that an
//!   operator or the file made have none, whoever guesses what.
//! - A client takes off what an operator has put on it, by replacing its registration: `whose.rs` says of each member whose word it is.
//! - A software statement that anybody made (section 2.3): only those of publishers that the tenant names count, and what
//!   they say wins over what the request says, but gives no right that registration does not give.
//! - The address of its keys leads into our own network: it is fetched by the one outbound port, as any client's.

mod error;
mod idle;
mod manage;
mod metadata;
mod registrant;
mod settings;
mod statement;
#[cfg(test)]
mod tests;
mod whose;

use primitives::{ClientId, RequestId, Timestamp, base64url};
use serde_json::{Map, Value, json};

pub use error::RegistrationError;
pub(crate) use idle::kept;
pub use registrant::{InitialAccessToken, Registrant};
pub(crate) use registrant::{RegisteredBy, Registering};
pub use settings::{RegistrationMode, RegistrationSettings, SoftwarePublisher};

use self::statement::Statement;
use crate::client::admin::ShownClient;
use crate::client::{ClientDocument, ClientRecord};
use crate::client_policy;
use crate::decision::Decision;
use crate::server::AuthorizationServer;
use crate::token_format::{scannable, strip_form};
use crate::write::Write;

/// That a client registered itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfRegistered {
    /// When it leaves, if it gets no token before; `None` where it stays.
    pub unused_until: Option<Timestamp>,
}

/// What a client is told of its registration (RFC 7591 section 3.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    client: ShownClient,
    /// Where it looks after itself.
    uri: String,
    /// With what.
    token: String,
    /// The statement that it brought, as it came.
    statement: Option<String>,
}

impl Registered {
    /// As it is written out.
    pub fn document(&self) -> Value {
        let mut document = json!(self.client.as_created());
        if let Value::Object(members) = &mut document {
            // The compatible API tells what there is not as an empty text; clients of this one read addresses.
            members.retain(|name, value| value != "" && !OF_OPERATORS.contains(&name.as_str()));
            let issued = self.client.document.created_at.map(Timestamp::seconds);
            members.insert("client_id_issued_at".to_owned(), issued.into());
            members.insert("registration_access_token".to_owned(), self.token.clone().into());
            members.insert("registration_client_uri".to_owned(), self.uri.clone().into());
            if let Some(statement) = &self.statement {
                members.insert("software_statement".to_owned(), statement.clone().into());
            }
        }
        document
    }
}

/// What operators write down about a client for themselves. It keeps what it is not shown (`whose.rs`).
const OF_OPERATORS: [&str; 3] = ["metadata", "owner", "token_exchange"];

const TOKEN: &str = "ory_rat_";
const TOKEN_PURPOSE: &str = "registration_access_token";

impl AuthorizationServer {
    /// Registers a client. Whoever calls this has looked at [`RegistrationMode`].
    pub async fn register_client(
        &self,
        request: Map<String, Value>,
        registrant: Registrant,
        id: RequestId,
    ) -> Decision<Registered, RegistrationError> {
        match Box::pin(self.registered(request, registrant, id)).await {
            Ok((change, registered)) => Decision::new(change, Ok(registered)),
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    async fn registered(
        &self,
        request: Map<String, Value>,
        registrant: Registrant,
        request_id: RequestId,
    ) -> Result<(primitives::Change<Write>, Registered), RegistrationError> {
        let settings = &self.settings.registration;
        let (request, statement) = statement::apply(self, request)?;
        // What cannot be registered anyway costs no look-up and no plugin's time.
        metadata::check(settings, None, request.clone())?;
        let most = settings.most_clients;
        if self.ports.clients.count_registered_clients(&self.tenant, most).await? >= most {
            return Err(RegistrationError::Full);
        }
        let client: ClientId = self.rng.uuid().to_string().parse().map_err(|_| RegistrationError::Id)?;
        let registering =
            Registering { client: &client, by: registrant.kind(), statement: statement.as_ref() };
        let document = self.permitted(registering, (None, request), request_id).await?;
        let document = ClientDocument { client_id: Some(client.clone()), ..document };
        let marked = SelfRegistered { unused_until: Some(self.now().after(settings.unused_lifespan.0)) };
        let (mut change, shown) = self.created(document, Some(marked), registrant.actor()).await?;
        // Of those who were let in at once, the guard lets in as many as are left.
        change.writes.insert(0, Write::CountRegistration { most });
        change.writes.extend(registrant.write());
        let token = self.registration_token(&client, shown.document.created_at.unwrap_or(self.now()));
        Ok((change, self.told(&client, shown, token, statement)))
    }

    /// The client that a request describes, as the tenant's plugins on the hook `policy` let it be.
    ///
    /// What they put in the place of what it asks for is held against the same rules: they give no right that registration does not.
    async fn permitted(
        &self,
        registering: Registering<'_>,
        (before, mut request): (Option<&ClientDocument>, Map<String, Value>),
        id: RequestId,
    ) -> Result<ClientDocument, RegistrationError> {
        let settings = &self.settings.registration;
        let document = metadata::check(settings, before, request.clone())?;
        let changes = client_policy::check_registration(self, registering, &document, id).await?;
        if changes.is_empty() {
            return Ok(document);
        }
        request.extend(changes);
        metadata::check(settings, before, request)
    }

    fn told(
        &self,
        client: &ClientId,
        shown: ShownClient,
        token: String,
        statement: Option<Statement>,
    ) -> Registered {
        let statement = statement.map(|statement| statement.text);
        let uri = format!("{}/{}", self.endpoints.registration, client.as_str());
        Registered { client: shown, uri, token, statement }
    }

    /// What proves a client to be the one that was registered at that moment.
    fn registration_token(&self, client: &ClientId, created_at: Timestamp) -> String {
        let hash = self.sealer.hash(&self.tenant, TOKEN_PURPOSE, proof(client, created_at).as_bytes());
        scannable(&self.settings.token_prefix, TOKEN, &base64url::encode(hash.0))
    }

    /// Whether a token is that of a client, which registered itself.
    fn is_registration_token(&self, token: &str, record: &ClientRecord) -> bool {
        let Some(client) = record.document.client_id.as_ref().filter(|_| record.registration.is_some())
        else {
            return false;
        };
        let hash = registration_proof(token).and_then(base64url::decode);
        let text = proof(client, record.created_at);
        hash.is_some_and(|hash| {
            let hash = primitives::KeyedHash(hash);
            self.sealer.verify_hash(&self.tenant, TOKEN_PURPOSE, text.as_bytes(), &hash)
        })
    }
}

/// What a registration token proves itself by; `None` if the text never was one. Those from before there were checksums have
/// none.
fn registration_proof(token: &str) -> Option<&str> {
    strip_form(token, TOKEN).or_else(|| token.strip_prefix(TOKEN))
}

/// The zero byte cannot occur in a client id, so that the parts do not run together.
fn proof(client: &ClientId, created_at: Timestamp) -> String {
    format!("{}\0{}", client.as_str(), created_at.micros())
}
