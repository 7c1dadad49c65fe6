//! The secrets of a plugin on trial: those that its case names, and none of a node.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::{BoxFuture, ready};
use primitives::{Secret, TenantId};
use tenancy::plugin::{PluginSecret, PluginSecrets};
use tenancy::ports::ReadError;

/// The secrets of the one plugin that is called, whatever its case's tenant.
#[derive(Debug, Default)]
pub(super) struct TrialSecrets(Mutex<BTreeMap<String, Secret<String>>>);

impl TrialSecrets {
    /// Forgets everything but these.
    pub(super) fn begin_with(&self, secrets: &BTreeMap<String, Secret<String>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(secrets);
    }

    fn of(&self, plugin: &str) -> Vec<PluginSecret> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |(name, value): (&String, &Secret<String>)| PluginSecret {
            plugin: plugin.to_owned(),
            name: name.clone(),
            value: value.clone(),
        };
        secrets.iter().map(named).collect()
    }
}

impl PluginSecrets for TrialSecrets {
    fn list_plugin_secrets<'a>(
        &'a self,
        _: &'a TenantId,
        plugin: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        Box::pin(ready(Ok(self.of(plugin))))
    }

    /// For whoever reconciles declarations: on trial nothing is declared.
    fn list_secrets_of_plugins<'a>(
        &'a self,
        _: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}
