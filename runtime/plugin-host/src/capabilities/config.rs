//! `config`: the plugin's own settings.

use serde_json::Value;
use tenancy::plugin::Capability;

use super::wit::config::Host;
use crate::state::CallState;

impl Host for CallState {
    fn get(&mut self, pointer: String) -> wasmtime::Result<Result<Option<String>, String>> {
        Ok(self.answer(Capability::Config, |state| {
            if !(pointer.is_empty() || pointer.starts_with('/')) {
                return Err("not a JSON Pointer (RFC 6901)".to_owned());
            }
            Ok(state.granted.settings.pointer(&pointer).map(Value::to_string))
        }))
    }
}
