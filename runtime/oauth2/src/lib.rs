//! The authorization server: who may get which token, and why.
//!
//! Pure decisions: what is needed from outside are the ports in [`ports`], what a decision writes is
//! [`write::Write`], and what a tenant's plugin may change is in [`hooks`]. Every endpoint is a method of
//! [`server::AuthorizationServer`]: the caller applies the change of its [`decision::Decision`], and only
//! then answers.
//!
//! Where to start: [`authorization`] has the table of checks between a browser's request and a code,
//! [`token`] the phases that all grants share between a code and tokens, and [`grant`] is what every
//! token hangs on. Whether a token is live is asked in `liveness` and nowhere else.
//!
//! What this room must never do: send a browser to an address that is not the client's, keep a token
//! or a generated secret in clear, believe a token about itself, or issue when a hook did not answer.

#![recursion_limit = "256"]

pub mod access;
pub(crate) mod access_token;
pub mod authorization;
pub mod backchannel_logout;
pub mod claims;
pub mod claims_request;
pub mod client;
pub mod client_authentication;
pub(crate) mod client_policy;
pub mod confirmation;
pub mod credential;
pub mod decision;
pub mod derivation;
pub mod details;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod fetch;
pub mod forced_subject;
pub mod frontchannel_logout;
pub mod global_revocation;
pub mod go_duration;
pub mod grant;
pub mod hooks;
pub(crate) mod id_token_hint;
pub mod introspection;
pub(crate) mod key_cache;
pub mod lifespan;
pub mod lineage;
pub(crate) mod liveness;
pub mod logout;
pub mod metadata_document;
pub mod mtls;
pub(crate) mod own_token;
pub(crate) mod pairwise;
pub mod parameters;
pub mod pkce;
pub mod ports;
pub mod protected_resource;
pub(crate) mod protection;
pub(crate) mod published_keys;
pub mod registration;
pub mod resource;
pub mod revocation;
pub mod scope;
pub mod security_profile;
pub mod server;
pub mod settings;
pub mod step_up;
pub mod token;
pub mod token_format;
pub mod token_webhook;
pub mod trust;
pub mod userinfo;
pub mod write;

#[cfg(test)]
mod memory;
