//! The whole node over real connections: its routes, its limits, and what one tenant sees of another.
//!
//! Each test starts a node of its own in this process, with an SQLite file, a clock that it moves and
//! seeded randomness. Files mirror the addresses or the features that they test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by panicking that it failed"
)]

mod browser;
mod oauth2;
mod plugins;
mod server;
mod sessions;
mod tenancy;
mod world;
