//! Runs tenants' plugins: WebAssembly components behind the hook traits that the rooms define.
//!
//! The only room that knows wasmtime. A guest gets a fresh instance per call, a deadline, a memory cap
//! and the capabilities that it was granted, nothing else; what it answers is checked before a room sees
//! it. It must never hold a worker thread, reach another tenant, or fail open where its hook fails closed.
//!
//! Start with [`PluginHost`] (what is installed), then `call` (one call), `runner` (how it runs), `capabilities` (what it may use),
//! `lanes` (where it runs) and `hooks` (one adapter per hook).

mod bindings;
mod breaker;
mod call;
mod candidate;
mod capabilities;
mod claims;
mod code_cache;
mod code_room;
pub mod compile_child;
mod compiler;
mod component;
mod engine;
mod error;
mod failure_log;
mod file_stamp;
mod header;
mod held;
mod hooks;
mod host;
mod inspect;
mod install;
mod installed;
mod lanes;
mod mapped_code;
mod meter;
mod metrics;
mod plugin;
mod pretend;
mod recent;
mod regular_file;
mod reread;
mod rest;
mod runner;
mod settings_schema;
mod shadow;
mod signature;
mod slow_guests;
mod slow_lane;
mod smoke;
mod spares;
mod spec;
mod state;
mod tenant;
mod usual;
mod wasi;

pub use capabilities::Services;
pub use compiler::Compiler;
pub use component::{ComponentHash, SETTINGS as SETTINGS_INTERFACE};
pub use error::HostError;
pub use host::PluginHost;
pub use inspect::{Inspection, inspect};
pub use metrics::PluginMetrics;
pub use settings_schema::{SETTINGS_SCHEMA_SECTION, embed_settings_schema};
pub use spec::{PluginSource, PluginSpec, ShadowSpec, SignatureSource};
pub use tenancy::plugin::{Binding, Capability, HookName, Limits, Settings, TrustSettings};
