//! Passwords: what one must be, how it is hashed, and who computes the hash.

pub mod breach;
mod foreign;
mod hash;
mod policy;
mod pool;

pub use hash::{HashedPassword, PlainPassword, UnusableHash};
pub use policy::{PolicyViolation, check_policy};
pub use pool::{Busy, HashingPool};

/// A password credential as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// Its hash.
    pub password: HashedPassword,
    /// Counts its changes.
    pub version: i64,
}
