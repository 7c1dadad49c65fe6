//! Providers as they are, against what this room makes of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking that it failed")]
#![expect(clippy::indexing_slicing, reason = "documents are read by their members")]

mod kinds;
mod mapping;
mod renew;
mod world;
