//! What a plugin keeps between calls: small values by key, each for a while.
//!
//! Attack: a plugin fills the disk, or slows everybody's writes down with counting what it has. So what a
//! plugin has is counted beside its values, in the same change, and what would exceed its room is refused.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{TenantId, Timestamp, UploadedPluginId};

/// The longest key, in bytes.
pub const KEY_BYTES: usize = 256;
/// The largest value, in bytes.
pub const VALUE_BYTES: usize = 16 << 10;

/// Whose values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueOwner<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The plugin's name in the tenant.
    pub plugin: &'a str,
    /// Which uploaded plugin it is, if it was uploaded. Once that one is deleted it keeps nothing and finds nothing, whatever a
    /// call of it is about to do, and whoever has its name then.
    pub upload: Option<UploadedPluginId>,
}

/// A value that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptValue {
    /// The value.
    pub value: Vec<u8>,
    /// When it is gone; never, without.
    pub expires_at: Option<Timestamp>,
}

/// What must be there for a value to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaces {
    /// Whatever there is.
    Anything,
    /// Nothing that has not expired.
    Nothing,
    /// This value.
    Value(Vec<u8>),
}

/// How much a plugin may keep, keys included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// How many values.
    pub entries: u64,
    /// How many bytes of keys and values together.
    pub bytes: u64,
}

/// A value to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutValue {
    /// Its key: any bytes.
    pub key: Vec<u8>,
    /// What is kept.
    pub kept: KeptValue,
    /// What it takes the place of.
    pub replaces: Replaces,
    /// What the plugin may have afterwards.
    pub room: Room,
}

/// Why nothing was put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Something else is there. The plugin's, or somebody was faster.
    #[error("another value is there")]
    Other,
    /// The plugin was deleted.
    #[error("the plugin was deleted")]
    Gone,
    /// It would have more than its room. The plugin's.
    #[error("the plugin keeps as much as it may")]
    Full,
    /// The database did not answer.
    #[error("{0}")]
    Unavailable(String),
}

/// Keeps the values of plugins. Implemented by `storage`; every call is durable when it returns, and finishes
/// even if its caller goes away.
pub trait PluginValues: Send + Sync + fmt::Debug {
    /// The value under a key, unless it has expired.
    fn find_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        key: &'a [u8],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptValue>, ValueError>>;

    /// Puts a value, if what is there is what it replaces.
    fn put_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        put: PutValue,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), ValueError>>;

    /// Deletes the value under a key, if there is one.
    fn delete_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<(), ValueError>>;
}
