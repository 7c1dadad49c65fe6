//! Reads the plugin's own settings. Needs the capability `config`.

use serde::de::DeserializeOwned;

use crate::bindings::token::portcullis::host::config;
use crate::token::HookError;

/// Reads one entry of the settings: the keys that lead to it, from the outside in. `None` where there
/// is nothing. Only that entry is copied into the plugin and parsed.
pub fn find<T: DeserializeOwned>(keys: &[&str]) -> Result<Option<T>, HookError> {
    let pointer: String = keys.iter().map(|key| format!("/{}", escape(key))).collect();
    let Some(text) = config::get(&pointer).map_err(HookError::new)? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| HookError::new(format!("settings at {pointer:?}: {error}")))
}

/// RFC 6901 section 3.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
