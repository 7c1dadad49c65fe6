//! `secrets`: the plugin's own named secrets, one at a time; there is no way to list them.

use std::time::Instant;

use tenancy::plugin::Capability;

use super::wit::secrets::Host;
use crate::state::CallState;

impl Host for CallState {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<Option<String>, String>> {
        let start = Instant::now();
        let found = self.answer(Capability::Secrets, |state| {
            Ok(state.granted.secrets.get(&name).map(|secret| secret.expose().clone()))
        });
        super::trace(Capability::Secrets, "get", start, found.is_ok());
        Ok(found)
    }
}
