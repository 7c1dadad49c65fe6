//! Write Portcullis plugins in Rust.
//!
//! A plugin is a type that implements a hook's trait, and one macro that exports it:
//!
//! ```ignore
//! use portcullis_plugin::token::{CallContext, Decision, Hook, HookError, TokenRequest};
//!
//! struct Plan;
//!
//! impl Hook for Plan {
//!     fn shape_tokens(_: CallContext, _: TokenRequest) -> Result<Decision, HookError> {
//!         Decision::issue().claim("plan", "team")
//!     }
//! }
//!
//! portcullis_plugin::export_token!(Plan);
//! ```
//!
//! Build it as a `cdylib` for `wasm32-wasip2`: what cargo writes is a component, ready to be installed.
//! Every call gets a fresh instance, so a `static` never remembers anything. What the host offers besides
//! is in [`config`] (the plugin's own settings), [`secrets`], [`kv`], [`http`] and
//! [`log`]; using one makes the component import it, and
//! the tenant's operator then has to grant it.

pub mod account;
/// The generated bindings, for the export macros.
#[doc(hidden)]
pub mod bindings;
pub mod call;
pub mod claim_mapper;
pub mod config;
pub mod credential_import;
pub mod event;
mod host;
pub mod http;
pub mod identities;
pub mod identity_schema;
pub mod introspection;
pub mod kv;
pub mod log;
pub mod login;
pub mod message;
pub mod permissions;
pub mod policy;
pub mod registration;
pub mod secrets;
pub mod settings;
pub mod token;
pub mod transform;
