//! A tenant's signing keys as its settings name them: made, and retired, when it is loaded.
//!
//! It is loaded again when its settings change. What follows with time is background work (publish, sign,
//! retire).

use std::sync::Arc;

use config::TenantSettings;
use jose::ports::SigningKeys as _;
use jose::rotation::{ensure_keys, retire_unnamed};
use jose::settings::RotationSchedule;
use jose::{KeyState, SigningAlgorithm, SigningKey};
use primitives::TenantId;
use storage::ApplyError;
use tenancy::Tenants as _;

use crate::node::Node;

/// Gives a tenant the keys that it wants and lacks, and takes out of use what it no longer wants.
///
/// Elliptic keys take microseconds and are there when this returns. An RSA key takes up to seconds: it is
/// made meanwhile, and appears in the tenant's set when it is ready.
pub(crate) async fn ensure(node: &Node, tenant: &TenantId, settings: &TenantSettings) -> Result<(), String> {
    let (mut wanted, mut schedule) = (settings.signing_algorithms(), settings.rotation_schedule());
    loop {
        let existing = node.storage.list_signing_keys(tenant).await.map_err(|error| error.to_string())?;
        make(node, tenant, (&wanted, schedule), &existing).await?;
        let unnamed = retire_unnamed(tenant, &wanted, &existing, &schedule, node.clock.now());
        let Some(change) = unnamed else { return Ok(()) };
        applied(node.storage.apply(change).await)?;
        // Whoever named one again meanwhile found its key signing, and made none.
        let Some(settings) = read_again(node, tenant).await? else { return Ok(()) };
        let before = std::mem::replace(&mut wanted, settings.signing_algorithms());
        schedule = settings.rotation_schedule();
        if wanted.iter().all(|algorithm| before.contains(algorithm)) {
            return Ok(());
        }
    }
}

async fn make(
    node: &Node,
    tenant: &TenantId,
    (wanted, rotation): (&[SigningAlgorithm], RotationSchedule),
    existing: &[SigningKey],
) -> Result<(), String> {
    let (slow, quick): (Vec<_>, Vec<_>) = wanted
        .iter()
        .copied()
        .partition(|algorithm| matches!(algorithm, SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256));
    let maker = Maker::of(node, tenant, rotation);
    maker.clone().make(quick, existing.to_vec()).await?;
    let lacks = |wanted: &SigningAlgorithm| !existing.iter().any(|key| signs(key, *wanted));
    if slow.iter().any(lacks) {
        let (tenant, existing) = (tenant.clone(), existing.to_vec());
        tokio::spawn(async move {
            if let Err(error) = maker.make(slow, existing).await {
                tracing::error!(%tenant, error, "a signing key was not made");
            }
        });
    }
    Ok(())
}

fn signs(key: &SigningKey, algorithm: SigningAlgorithm) -> bool {
    key.algorithm == algorithm && matches!(key.state, KeyState::Active { .. })
}

/// The settings as they are now; none of a tenant that was deleted or whose settings cannot be used.
async fn read_again(node: &Node, tenant: &TenantId) -> Result<Option<TenantSettings>, String> {
    let found = node.storage.find_tenant(tenant.clone()).await.map_err(|error| error.to_string())?;
    let stored = found.and_then(|tenant| TenantSettings::from_document(&tenant.settings.document).ok());
    Ok(stored.map(|stored| stored.settings))
}

/// A change that missed is no error: somebody else did the same at once.
fn applied(outcome: Result<(), ApplyError>) -> Result<(), String> {
    match outcome {
        Ok(()) | Err(ApplyError::Missed { .. }) => Ok(()),
        Err(ApplyError::Storage(error)) => Err(error.to_string()),
    }
}

#[derive(Clone)]
struct Maker {
    storage: storage::Storage,
    clock: Arc<dyn primitives::Clock>,
    rng: Arc<dyn primitives::Rng>,
    tenant: TenantId,
    rotation: RotationSchedule,
}

impl Maker {
    fn of(node: &Node, tenant: &TenantId, rotation: RotationSchedule) -> Self {
        Self {
            storage: node.storage.clone(),
            clock: Arc::clone(&node.clock),
            rng: Arc::clone(&node.rng),
            tenant: tenant.clone(),
            rotation,
        }
    }

    /// Makes and stores what is lacking.
    async fn make(self, wanted: Vec<SigningAlgorithm>, existing: Vec<SigningKey>) -> Result<(), String> {
        let Self { storage, clock, rng, tenant, rotation } = self;
        let made = tokio::task::spawn_blocking(move || {
            ensure_keys(&tenant, &wanted, &existing, &rotation, clock.now(), rng.as_ref())
        });
        let change = made.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let Some(change) = change else { return Ok(()) };
        applied(storage.apply(change).await)
    }
}
