//! Clients whose id is the address of a document about them (draft-ietf-oauth-client-id-metadata-document): nobody registers
//! them, and nothing of them is stored.
//!
//! Attacks, and what stands against them (section 6 of the draft):
//!
//! - *SSRF*: the id leads into our own network, to a port that is none of the web's, or redirects there. The one outbound port
//!   refuses addresses that are not public and follows no redirect; an id is https, has the name of a host and, unless an
//!   operator names another, the usual port (`address.rs`).
//! - *Oversize, slow, without end*: the port bounds bytes and time, and a tenant has so many fetches under way ([`crate::fetch`]).
//! - *A flood of distinct ids*: nothing is stored, what is kept in memory is bounded, a host is asked so often a minute for
//!   documents that we do not know yet, and one that was refused is not asked for again at once (`kept.rs`). One id is fetched
//!   once, however many wait for it.
//! - *Another client's id inside*, or the same address written in another way: the document names the very characters of its
//!   own address, and an address that can be written shorter is none (`document.rs`, `address.rs`).
//! - *Whoever may publish something at a host* sends codes elsewhere: addresses of answers are at the host of the id, or on the
//!   person's own machine. So what the person is shown, the host, is where the answer goes.
//! - *Impersonation on the person's machine*: any program there can use the id of a client that answers to loopback. The
//!   person is asked every time, sees the host, and is told that the answer goes to their own machine; a consent is not remembered.
//! - *Its picture*: is not fetched by us, nor by the browser of whoever is asked, to whom it would look as if we had checked it.
//! - *Its addresses change in the middle of a flow*: they are proven again whenever the browser comes back, by what the document
//!   says then (`authorization::redirect`).
//! - *It makes itself more than others*: what of a document counts is a list (`document.rs`), grants and scopes are those that
//!   the tenant lets register, and the tenant's plugins are asked as at a registration.
//!
//! What was issued to such a client is live as long as the tenant lets its host in. A client that an operator makes under such an
//! id counts before the document: by that one client is kept out where every host is let in.

mod address;
mod document;
mod kept;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use primitives::ClientId;

use self::address::Address;
pub use self::address::{ANY_HOST, is_host};
pub use self::kept::DescribedClients;
use crate::client::Client;
use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// The client of this id that asks for something: a stored one, or one that describes itself.
pub(crate) async fn find_stored_or_described(
    server: &AuthorizationServer,
    id: &ClientId,
) -> Result<Option<Arc<Client>>, PortError> {
    if let Some(stored) = server.ports.clients.find_client(&server.tenant, id).await? {
        return Ok(Some(stored));
    }
    match Address::allowed(server, id) {
        Some(address) => server.described_clients.find_or_fetch(server, id, &address).await,
        None => Ok(None),
    }
}

/// The same, if it may be used.
pub(crate) async fn find_client(
    server: &AuthorizationServer,
    id: &ClientId,
) -> Result<Option<Arc<Client>>, PortError> {
    let client = find_stored_or_described(server, id).await?;
    Ok(client.filter(|client| client.record.is_usable(server.now())))
}

/// A client that describes itself, for what was issued to it before: as it is known, else with nothing but its id. Nobody's
/// server is waited for here.
pub(crate) fn find_known(server: &AuthorizationServer, id: &ClientId) -> Option<Arc<Client>> {
    Address::allowed(server, id)?;
    let known = server.described_clients.find_kept(id);
    known.or_else(|| document::nothing_but(id).map(Arc::new))
}

/// Whether a client of this id may describe itself, wherever its host is let in.
pub(crate) fn is_address(id: &ClientId) -> bool {
    Address::parse(id).is_some()
}

/// The host that vouches for a client which describes itself; none for any other.
pub(crate) fn host(client: &Client) -> Option<String> {
    Address::parse(&client.id).filter(|_| client.is_described()).map(|address| address.host().to_owned())
}
