//! Every repository method and every promise of storage, on SQLite and on PostgreSQL, with caches and
//! without.
//!
//! A test takes its databases from [`world::World::each`] and says the same of all of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking that it failed")]

mod answered_challenges;
mod apply;
mod attempts;
mod audit;
mod clients;
mod connections;
mod cross_tenant;
mod damage;
mod deleted_accounts;
mod deleted_plugins;
mod deleted_tenants;
mod details;
mod device_codes;
mod expiry;
mod forced_subjects;
mod granted;
mod grants;
mod identity;
mod jobs;
mod key_sets;
mod login_sessions;
mod logouts;
mod migrations;
mod nodes;
mod organisations;
mod plugin_secrets;
mod plugins;
mod registered_clients;
mod schema;
mod signing_keys;
mod subjects;
mod tenancy;
mod tokens;
mod trusted_issuers;
mod uploads;
mod webhooks;
mod world;
