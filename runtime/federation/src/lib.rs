//! Letting other providers authenticate people: `OpenID` Connect, and the OAuth 2.0 services that came before it.
//!
//! [`Federation`] is what a node has of it, [`TenantProviders`] what a tenant has. A sign-in begins in `begin`, goes to
//! the provider with a sealed `state`, comes back to `callback`, and ends as a
//! [`ProvenElsewhere`](identity::providers::ProvenElsewhere) that `identity` decides about. Which quirks the kinds of
//! providers have is one table ([`kind`]).
//!
//! What this room must never do: believe what came by the browser, follow an address that the provider's own documents
//! do not name, let one provider speak for another (mix-up, RFC 9700 section 4.4), or take an address for a person.

mod apple;
mod begin;
mod callback;
mod client_authentication;
pub mod connection;
mod discovery;
mod examine;
mod failure;
pub mod fed_cm;
mod id_token;
pub mod kind;
mod mapping;
mod person;
pub mod ports;
mod provider;
mod renew;
mod room;
pub mod secrets;
pub mod settings;
mod state;
mod token;
mod wire;

pub use callback::{CallbackError, CameBack, Response};
pub use connection::Connection;
pub use examine::Examined;
pub use failure::Failure;
pub use room::{Federation, Parts, TenantProviders};
pub use settings::{ProviderSettings, Settings};
