//! Rotates signing keys: walks the tenants with a key that something is due about.

use std::sync::Arc;
use std::time::Duration;

use config::TenantSettings;
use futures_util::future::BoxFuture;
use jose::RotationSchedule;
use jose::ports::SigningKeys as _;
use primitives::{Rng, TenantId};
use storage::{ApplyError, Storage, StorageError};
use tenancy::Tenants as _;

use crate::job::{Job, JobError, JobName};
use crate::turn::Turn;

#[derive(Debug)]
pub(crate) struct Rotation {
    storage: Storage,
    rng: Arc<dyn Rng>,
    every: Duration,
    /// Tenants that are read at once.
    page: u32,
}

impl Rotation {
    pub(crate) fn new(storage: Storage, rng: Arc<dyn Rng>, every: Duration) -> Self {
        Self { storage, rng, every, page: 100 }
    }

    /// Does what is due for one tenant; whether anything was.
    async fn rotate(&self, tenant: &TenantId, turn: &Turn) -> Result<bool, RotationError> {
        let keys = self.storage.list_signing_keys(tenant).await.map_err(unreadable)?;
        let schedule = self.schedule(tenant).await?;
        let (rng, now, owned) = (self.rng.clone(), turn.now(), tenant.clone());
        // An RSA key takes up to some seconds of CPU. One at a time: the others' requests come first.
        let decided =
            tokio::task::spawn_blocking(move || jose::rotate(&owned, &keys, &schedule, now, rng.as_ref()));
        let Some(change) = decided.await.map_err(|_| RotationError::Generation)?? else { return Ok(false) };
        match self.storage.apply(change).await {
            Ok(()) => Ok(true),
            // Somebody else changed the keys since they were read. If something is still due, the next
            // turn finds it.
            Err(ApplyError::Missed { .. }) => Ok(false),
            Err(ApplyError::Storage(error)) => Err(error.into()),
        }
    }

    /// The tenant's own schedule; keys are kept for its longest token at least.
    ///
    /// A tenant whose settings cannot be read rotates by the defaults: its keys grow old otherwise.
    async fn schedule(&self, tenant: &TenantId) -> Result<RotationSchedule, RotationError> {
        let found = self.storage.find_tenant(tenant.clone()).await.map_err(unreadable)?;
        let document = found.map(|tenant| tenant.settings.document).unwrap_or_default();
        let settings = TenantSettings::from_document(&document).map(|stored| stored.settings);
        let settings = settings.unwrap_or_else(|error| {
            tracing::warn!(%tenant, %error, "keys are rotated by the default schedule");
            TenantSettings::default()
        });
        let tokens = [settings.oauth2.access_token_lifespan, settings.oauth2.id_token_lifespan];
        let longest = tokens.into_iter().map(|lifespan| lifespan.0).max().unwrap_or_default();
        Ok(settings.keys.rotation.covering(longest))
    }
}

/// Why one tenant's keys were not rotated.
#[derive(Debug, thiserror::Error)]
enum RotationError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("no key could be made")]
    Generation,
}

impl From<jose::GenerationFailed> for RotationError {
    fn from(_: jose::GenerationFailed) -> Self {
        Self::Generation
    }
}

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
fn unreadable(error: impl ToString) -> StorageError {
    StorageError::Unavailable(error.to_string())
}

impl Job for Rotation {
    fn name(&self) -> JobName {
        JobName::Rotation
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let (mut after, mut failed) = (None, 0);
            loop {
                turn.go_on().await?;
                let due = self.storage.list_tenants_due(turn.now(), after.as_ref(), self.page).await;
                let page = due.map_err(unreadable)?;
                for tenant in &page {
                    turn.go_on().await?;
                    match self.rotate(tenant, turn).await {
                        Ok(rotated) => turn.did(u64::from(rotated)),
                        // One tenant's broken row keeps nobody else's keys from rotating.
                        Err(error) => {
                            failed += 1;
                            tracing::error!(%tenant, %error, "signing keys were not rotated");
                        }
                    }
                }
                after = page.into_iter().next_back();
                if after.is_none() {
                    return if failed == 0 { Ok(()) } else { Err(JobError::Incomplete(failed)) };
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
