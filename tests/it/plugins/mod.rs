//! A tenant's plugins, seen from an app.

mod account;
mod capabilities;
mod credential_import;
pub(crate) mod deleted;
mod event;
mod introspection;
mod jsonnet;
mod logs;
pub(crate) mod people;
mod policy;
mod secrets;
mod signatures;
mod token;
mod uploads;
mod versions;
