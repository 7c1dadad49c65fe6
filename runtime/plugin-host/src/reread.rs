//! Components that changed under the same path: noticed, read again, and put in place.
//!
//! Accident: a tenant's plugins are read again by what was declared, while an installation of a new
//! declaration is under way. If whichever ends last won, a declaration would be lost (and with it the taking
//! away of a grant), or a file's earlier content would stay. So reading again takes no turn: what it made is
//! put in place only where the tenant still has what it began with, and an installation that began before
//! the last reading did reads its files once more (`install`).

use std::sync::{Arc, PoisonError};

use primitives::TenantId;
use tenancy::plugin::Reread;

use crate::PluginHost;
use crate::installed::{Installed, Runs, Slot};
use crate::spec::PluginSource;

impl PluginHost {
    pub(crate) async fn read_again(&self, which: Reread) {
        let _one = self.reading.lock().await;
        let found = match which {
            Reread::All => {
                // Counted before the tenants are listed: an installation that the list misses notices it.
                self.count_reading();
                self.tenants_with(is_open)
            }
            // What changes while these are looked at is found by the next look.
            Reread::Changed => self.tenants_with_changed_files().await,
        };
        for (tenant, before) in found {
            let mut slots = Vec::with_capacity(before.slots.len());
            for slot in &before.slots {
                slots.push(if is_open(&before, slot) {
                    Arc::new(self.slot(&tenant, Some(&before), slot.spec.clone()).await)
                } else {
                    Arc::clone(slot)
                });
            }
            self.put_in_place(&tenant, &before, slots);
        }
    }

    /// The tenants that have a slot of which this holds.
    fn tenants_with(
        &self,
        holds: impl Fn(&Installed, &Arc<Slot>) -> bool,
    ) -> Vec<(TenantId, Arc<Installed>)> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let found =
            tenants.iter().filter(|(_, installed)| installed.slots.iter().any(|slot| holds(installed, slot)));
        found.map(|(tenant, installed)| (tenant.clone(), Arc::clone(installed))).collect()
    }

    async fn tenants_with_changed_files(&self) -> Vec<(TenantId, Arc<Installed>)> {
        let open = self.tenants_with(is_open);
        // As many looks at the disk as there are tenants with plugins: on one thread that may wait for it.
        let looked = tokio::task::spawn_blocking(|| {
            let looks_other = |(_, installed): &(TenantId, Arc<Installed>)| {
                installed
                    .slots
                    .iter()
                    .any(|slot| is_open(installed, slot) && (slot.again || slot.files.have_changed()))
            };
            open.into_iter().filter(looks_other).collect()
        });
        looked.await.unwrap_or_default()
    }

    fn put_in_place(&self, tenant: &TenantId, before: &Arc<Installed>, slots: Vec<Arc<Slot>>) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        if !tenants.get(tenant).is_some_and(|now| Arc::ptr_eq(now, before)) {
            return;
        }
        let is_new = |slot: &&Arc<Slot>| !before.slots.iter().any(|other| Arc::ptr_eq(other, slot));
        for slot in slots.iter().filter(is_new) {
            slot.log_failure(tenant);
            let earlier = before.find(slot.name()).and_then(|slot| slot.plugin().ok());
            if let Ok(plugin) = slot.plugin()
                && earlier.is_none_or(|earlier| earlier.hash != plugin.hash)
            {
                let signed_by = plugin.signed_by.as_ref().map(|by| tracing::field::display(by.key));
                let (plugin, version) = (slot.name(), plugin.version());
                tracing::info!(%tenant, plugin, version, signed_by, "a plugin's component changed on disk and was replaced");
            }
        }
        let installed = Installed::new(Arc::clone(&before.gate), before.turn, slots);
        tenants.insert(tenant.clone(), Arc::new(installed));
    }
}

/// Whether its file may hold something else that could run. Not where a pinned component runs already, nor
/// where it is another one's name that keeps it from running.
fn is_open(installed: &Installed, slot: &Arc<Slot>) -> bool {
    let is_settled = slot.spec.sha256.is_some() && matches!(slot.runs, Runs::Declared(_));
    let has_its_name = installed.find(slot.name()).is_some_and(|first| Arc::ptr_eq(first, slot));
    // An uploaded component never changes; only what the node could not do then may do now.
    let may_differ = matches!(slot.spec.source, PluginSource::File(_)) || slot.again;
    may_differ && has_its_name && !is_settled
}
