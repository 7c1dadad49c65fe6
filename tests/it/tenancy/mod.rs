//! What one tenant sees of another: nothing.

mod deletion;
mod isolation;
mod keys;
mod revoked_keys;
