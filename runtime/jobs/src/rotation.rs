//! Rotates signing keys: walks the tenants with a key that something is due about.

use std::sync::Arc;
use std::time::Duration;

use config::TenantSettings;
use futures_util::future::BoxFuture;
use jose::ports::SigningKeys as _;
use jose::{RotationSchedule, SigningAlgorithm, SigningKey};
use oauth2::lifespan::longest_of_clients;
use primitives::{Change, Rng, TenantId};
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
        let Some(settings) = self.settings(tenant).await? else {
            // As they are: no algorithm is new to it, and none is taken for one that it does not want.
            let schedule = TenantSettings::default().rotation_schedule();
            return self.step(tenant, None, schedule, turn).await;
        };
        let (wanted, schedule) = (settings.signing_algorithms(), settings.rotation_schedule());
        // A tenant that wants a new algorithm may not have been visited since: what signs goes on until the
        // new key has been published, so publish it.
        let made = self.ensure(tenant, &settings, turn).await?;
        let rotated = self.step(tenant, Some(wanted.clone()), schedule, turn).await?;
        // Whoever named one again meanwhile found its key signing, and made none.
        if rotated
            && let Some(settings) = self.settings(tenant).await?
            && !settings.signing_algorithms().iter().all(|algorithm| wanted.contains(algorithm))
        {
            self.ensure(tenant, &settings, turn).await?;
        }
        Ok(made || rotated)
    }

    async fn ensure(
        &self,
        tenant: &TenantId,
        settings: &TenantSettings,
        turn: &Turn,
    ) -> Result<bool, RotationError> {
        let (wanted, schedule) = (settings.signing_algorithms(), settings.rotation_schedule());
        let now = turn.now();
        self.decide(tenant, move |tenant, keys, rng| {
            jose::ensure_keys(tenant, &wanted, keys, &schedule, now, rng)
        })
        .await
    }

    async fn step(
        &self,
        tenant: &TenantId,
        wanted: Option<Vec<SigningAlgorithm>>,
        schedule: RotationSchedule,
        turn: &Turn,
    ) -> Result<bool, RotationError> {
        let now = turn.now();
        let longest = longest_of_clients(&self.storage, tenant).await.map_err(unreadable)?;
        let schedule = schedule.covering(longest);
        self.decide(tenant, move |tenant, keys, rng| {
            let wanted = wanted.unwrap_or_else(|| keys.iter().map(|key| key.algorithm).collect());
            jose::rotate(tenant, &wanted, keys, &schedule, now, rng)
        })
        .await
    }

    /// Decides on a tenant's keys as they are now, and does it; whether there was anything to do.
    async fn decide<D>(&self, tenant: &TenantId, decide: D) -> Result<bool, RotationError>
    where
        D: FnOnce(&TenantId, &[SigningKey], &dyn Rng) -> Decided + Send + 'static,
    {
        let keys = self.storage.list_signing_keys(tenant).await.map_err(unreadable)?;
        let (rng, tenant) = (self.rng.clone(), tenant.clone());
        // An RSA key takes up to some seconds of CPU. One at a time: the others' requests come first.
        let decided = tokio::task::spawn_blocking(move || decide(&tenant, &keys, rng.as_ref()));
        let Some(change) = decided.await.map_err(|_| RotationError::Generation)?? else { return Ok(false) };
        match self.storage.apply(change).await {
            Ok(()) => Ok(true),
            // Somebody else changed the keys since they were read. If something is still due, the next
            // turn finds it.
            Err(ApplyError::Missed { .. }) => Ok(false),
            Err(ApplyError::Storage(error)) => Err(error.into()),
        }
    }

    /// The tenant's settings. One whose settings cannot be read rotates by the defaults, since its keys grow
    /// old otherwise, and none of its algorithms is taken for one that it does not name.
    async fn settings(&self, tenant: &TenantId) -> Result<Option<TenantSettings>, RotationError> {
        let found = self.storage.find_tenant(tenant.clone()).await.map_err(unreadable)?;
        let Some(found) = found else { return Ok(None) };
        match TenantSettings::from_document(&found.settings.document) {
            Ok(stored) => Ok(Some(stored.settings)),
            Err(error) => {
                tracing::warn!(%tenant, %error, "keys are rotated by the default schedule");
                Ok(None)
            }
        }
    }
}

/// What is to be done, if anything.
type Decided = Result<Option<Change<jose::Write>>, jose::GenerationFailed>;

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
