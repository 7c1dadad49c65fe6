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

use tokio::sync::RwLock;

/// Held for writing by who has the node compile a large component, which takes all that the machine has; for reading by who
/// calls a plugin that must be let run to keep its limit of CPU in a debug build.
static COMPILES: RwLock<()> = RwLock::const_new(());
