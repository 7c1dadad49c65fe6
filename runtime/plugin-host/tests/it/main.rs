//! The plugin host with real guests, which `cargo xtask guests` builds.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod account;
mod candidates;
mod capabilities;
mod captcha;
mod circuit;
mod claim_mapper;
mod compile;
mod credential_import;
mod event;
mod fairness;
mod fixture;
mod frozen;
mod fuzz;
mod inspect;
mod install;
mod introspection;
mod log;
mod message;
mod people;
mod policy;
mod recent;
mod reread;
mod reuse;
mod settings;
mod shadow;
mod signature;
mod token;
mod transform;
