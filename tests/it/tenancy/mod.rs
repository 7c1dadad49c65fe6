//! What one tenant sees of another: nothing.

mod deletion;
mod foreign_keys;
mod isolation;
mod keys;
mod revoked_keys;
