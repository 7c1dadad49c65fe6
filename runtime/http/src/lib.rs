//! HTTP: from a connection to a room's decision and back.
//!
//! The only room that knows hyper. Start at `routes`, the one table of every path that is served; each
//! row names its handler, who may call it and in which form it fails. `dispatch` takes a request through
//! the same phases whatever its path: name it, find its tenant, match the route, read the body, let the
//! caller in, call the handler. Handlers parse, call a room, `commit` what it decided and respond; they
//! decide nothing.

mod admin;
mod admin_auth;
mod body;
mod breaches;
mod browser;
mod call;
mod captcha;
mod client_certificate;
mod commit;
mod dispatch;
mod dns;
mod events;
mod failure;
mod federated;
mod health;
mod keys;
mod metrics;
mod node;
mod oauth2;
pub mod openapi;
mod outbound;
mod pages;
mod patience;
mod refusal;
mod response;
mod routes;
mod secrets;
mod self_service;
mod server;
mod sessions;
mod tenants;
mod webhooks;
mod well_known;

pub use dns::NameServers;
pub use metrics::HttpMetrics;
pub use node::{Node, NodeParts, NodeSettings};
pub use outbound::{GuardedOutbound, OutboundPolicy};
pub use server::{
    CertificateError, Certificates, Listening, ServeError, Server, ServerSettings, certificate_valid_until,
    command_socket,
};
pub use tenants::LoadedTenant;
