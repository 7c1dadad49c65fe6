//! The authorization server: who may get which token, and why.
//!
//! Pure decisions: what is needed from outside are the ports in [`ports`], what a decision writes is
//! [`write::Write`], and what a tenant's plugin may change is in [`hooks`]. Start with [`token`], the
//! phases that all grants share.

#![cfg_attr(test, recursion_limit = "256")]

pub(crate) mod access_token;
pub mod authorization;
pub mod claims;
pub mod client;
pub mod client_authentication;
pub mod decision;
pub mod discovery;
pub mod go_duration;
pub mod grant;
pub mod hooks;
pub(crate) mod id_token_hint;
pub mod introspection;
pub mod lifespan;
pub(crate) mod liveness;
pub mod logout;
pub mod parameters;
pub(crate) mod pkce;
pub mod ports;
pub mod revocation;
pub mod scope;
pub mod server;
pub mod settings;
pub mod token;
pub mod token_format;
pub mod userinfo;
pub mod write;

#[cfg(test)]
mod memory;
