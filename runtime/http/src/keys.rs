//! A tenant's first signing keys: made when it is first visited.
//!
//! Later ones are background work (publish, sign, retire).

use std::sync::Arc;

use jose::ports::SigningKeys as _;
use jose::rotation::ensure_keys;
use jose::settings::Settings;
use jose::{SigningAlgorithm, SigningKey};
use primitives::TenantId;
use storage::ApplyError;

use crate::node::Node;

/// Gives a tenant the keys that it wants and lacks.
///
/// Elliptic keys take microseconds and are there when this returns. An RSA key takes up to seconds: it is
/// made meanwhile, and appears in the tenant's set when it is ready.
pub(crate) async fn ensure(node: &Node, tenant: &TenantId, settings: &Settings) -> Result<(), String> {
    let existing = node.storage.list_signing_keys(tenant).await.map_err(|error| error.to_string())?;
    let (slow, quick): (Vec<_>, Vec<_>) = settings
        .algorithms
        .iter()
        .copied()
        .partition(|algorithm| matches!(algorithm, SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256));
    let maker = Maker::of(node, tenant, settings);
    maker.clone().make(quick, existing.clone()).await?;
    let lacks = |wanted: &SigningAlgorithm| !existing.iter().any(|key| key.algorithm == *wanted);
    if slow.iter().any(lacks) {
        let tenant = tenant.clone();
        tokio::spawn(async move {
            if let Err(error) = maker.make(slow, existing).await {
                tracing::error!(%tenant, error, "a signing key was not made");
            }
        });
    }
    Ok(())
}

#[derive(Clone)]
struct Maker {
    storage: storage::Storage,
    clock: Arc<dyn primitives::Clock>,
    rng: Arc<dyn primitives::Rng>,
    tenant: TenantId,
    rotation: jose::settings::RotationSchedule,
}

impl Maker {
    fn of(node: &Node, tenant: &TenantId, settings: &Settings) -> Self {
        Self {
            storage: node.storage.clone(),
            clock: Arc::clone(&node.clock),
            rng: Arc::clone(&node.rng),
            tenant: tenant.clone(),
            rotation: settings.rotation,
        }
    }

    /// Makes and stores what is lacking. Somebody else may do the same at once: then theirs are used.
    async fn make(self, wanted: Vec<SigningAlgorithm>, existing: Vec<SigningKey>) -> Result<(), String> {
        let Self { storage, clock, rng, tenant, rotation } = self;
        let made = tokio::task::spawn_blocking(move || {
            ensure_keys(&tenant, &wanted, &existing, &rotation, clock.now(), rng.as_ref())
        });
        let change = made.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let Some(change) = change else { return Ok(()) };
        match storage.apply(change).await {
            Ok(()) | Err(ApplyError::Missed { .. }) => Ok(()),
            Err(ApplyError::Storage(error)) => Err(error.to_string()),
        }
    }
}
