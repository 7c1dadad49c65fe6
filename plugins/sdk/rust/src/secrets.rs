//! Reads the plugin's own secrets. Needs the capability `secrets`.

use crate::host::portcullis::host::secrets;
use crate::token::HookError;

/// Reads the secret of this name. `None` where there is none. Never put one into the log, a token or an error.
pub fn find(name: &str) -> Result<Option<String>, HookError> {
    secrets::get(name).map_err(HookError::new)
}
