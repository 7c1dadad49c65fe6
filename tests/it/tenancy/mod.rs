//! What one tenant sees of another: nothing.

mod deletion;
mod foreign_keys;
mod isolation;
mod keys;
mod lowered_lifespans;
mod revoked_keys;
