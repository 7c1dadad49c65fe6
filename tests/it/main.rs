//! The whole node over real connections: its routes, its limits, and what one tenant sees of another.
//!
//! Each test starts a node of its own in this process, with a database of its own, a clock that it moves and
//! seeded randomness. The database is SQLite, or PostgreSQL where `PORTCULLIS_TEST_DATABASE=postgres`; `cargo xtask
//! test` runs the suite on both. Files mirror the addresses or the features that they test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by panicking that it failed"
)]

mod apps;
mod browser;
mod captcha;
mod database;
mod mail;
mod nodes;
mod oauth2;
mod organisations;
mod ownership;
mod peer;
mod plugins;
mod revocation;
mod server;
mod sessions;
mod sms;
mod tenancy;
mod webhooks;
mod well_known;
mod world;
