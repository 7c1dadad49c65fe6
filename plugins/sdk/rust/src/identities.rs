//! Reads identities of the plugin's own tenant. Needs the capability `identities`.

use serde::de::DeserializeOwned;

use crate::host::portcullis::host::identities;
use crate::token::HookError;

pub use identities::{Identity, State};

/// Finds one by its id (`sub` of its tokens).
pub fn find(id: &str) -> Result<Option<Identity>, HookError> {
    identities::find(id).map_err(HookError::new)
}

/// Finds one by something that it signs in with, such as its e-mail address.
pub fn find_by_identifier(identifier: &str) -> Result<Option<Identity>, HookError> {
    identities::find_by_identifier(identifier).map_err(HookError::new)
}

impl Identity {
    /// Its traits.
    pub fn traits<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        serde_json::from_str(&self.traits).map_err(|error| HookError::new(format!("traits: {error}")))
    }
}
