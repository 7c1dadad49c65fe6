//! What the hooks share: whose call it is, whom it is about, and errors.

use serde::de::DeserializeOwned;

use crate::bindings::login::portcullis::call::{people, refusals};
use crate::bindings::token::portcullis::call::types;

pub use people::{Origin, Person};
pub use types::{Actor, CallContext};

/// The plugin could not decide. The message goes to the operator's log and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookError(String);

impl HookError {
    /// An error with a message for the operator.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<String> for HookError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl From<&str> for HookError {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

impl From<HookError> for String {
    fn from(error: HookError) -> Self {
        error.0
    }
}

impl From<HookError> for types::HookError {
    fn from(error: HookError) -> Self {
        Self { message: error.0, extensions: Vec::new() }
    }
}

impl Person {
    /// Parses the traits into a type of the plugin's own.
    pub fn traits<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("traits", &self.traits)
    }

    /// Parses the public metadata into a type of the plugin's own.
    pub fn metadata_public<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("metadata_public", &self.metadata_public)
    }

    /// Parses the administrators' metadata into a type of the plugin's own.
    pub fn metadata_admin<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("metadata_admin", &self.metadata_admin)
    }
}

/// Parses a JSON text that the host gave.
pub(crate) fn parsed<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, HookError> {
    serde_json::from_str(text).map_err(|error| HookError(format!("{what}: {error}")))
}

/// Writes a JSON text for the host.
pub(crate) fn text(what: &str, value: &impl serde::Serialize) -> Result<String, HookError> {
    serde_json::to_string(value).map_err(|error| HookError(format!("{what}: {error}")))
}

pub(crate) fn refusal(message: String) -> refusals::Refusal {
    refusals::Refusal { message, extensions: Vec::new() }
}
