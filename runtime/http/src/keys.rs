//! A tenant's signing keys as its settings name them: made, and retired, when it is loaded.
//!
//! It is loaded again when its settings change. What follows with time is background work (publish, sign,
//! retire).

use std::sync::Arc;

use config::TenantSettings;
use jose::ports::SigningKeys as _;
use jose::rotation::{ensure_keys, take_over};
use jose::settings::RotationSchedule;
use jose::{KeyState, SigningAlgorithm, SigningKey};
use oauth2::lifespan::longest_of_clients;
use primitives::TenantId;
use storage::ApplyError;
use tenancy::Tenants as _;
use tokio::sync::Mutex;

use crate::node::Node;

/// Gives a tenant the keys that it wants and lacks, and takes out of use what it no longer wants.
///
/// A tenant without a key that signs has one of each algorithm when this returns: nothing else could sign
/// for it meanwhile. Elsewhere an RSA key, which takes up to seconds, is made behind the request's back:
/// it is published when it is ready, and what signed before goes on.
pub(crate) async fn ensure(node: &Node, tenant: &TenantId, settings: &TenantSettings) -> Result<(), String> {
    let (mut wanted, mut schedule) = (settings.signing_algorithms(), settings.rotation_schedule());
    loop {
        let existing = node.storage.list_signing_keys(tenant).await.map_err(|error| error.to_string())?;
        let maker = Maker::of(node, tenant, schedule);
        make(&maker, &wanted, &existing).await?;
        let decide = |schedule| take_over(tenant, &wanted, &existing, &schedule, node.clock.now());
        if decide(schedule).is_none() {
            return Ok(());
        }
        let longest = match longest_of_clients(&node.storage, tenant).await {
            Ok(longest) => longest,
            // What signs goes on, and the tenant is served.
            Err(error) => {
                tracing::error!(%tenant, %error, "signing keys do not follow the settings yet");
                return Ok(());
            }
        };
        let Some(change) = decide(schedule.covering(longest)) else { return Ok(()) };
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

async fn make(maker: &Maker, wanted: &[SigningAlgorithm], existing: &[SigningKey]) -> Result<(), String> {
    if !existing.iter().any(SigningKey::signs) {
        // A task of its own, so that the work is not lost with a client that hangs up.
        let making = tokio::spawn(maker.clone().make(wanted.to_vec()));
        return making.await.map_err(|error| error.to_string())?;
    }
    let retired = |key: &SigningKey| matches!(key.state, KeyState::Retired { .. } | KeyState::Revoked { .. });
    let lacks =
        |algorithm: SigningAlgorithm| !existing.iter().any(|key| key.algorithm == algorithm && !retired(key));
    let lacking = wanted.iter().copied().filter(|algorithm| lacks(*algorithm));
    let (slow, quick): (Vec<_>, Vec<_>) = lacking.partition(|algorithm| is_slow(*algorithm));
    if !quick.is_empty() {
        maker.clone().make(quick).await?;
    }
    if !slow.is_empty() {
        let maker = maker.clone();
        tokio::spawn(async move {
            let tenant = maker.tenant.clone();
            if let Err(error) = maker.make(slow).await {
                tracing::error!(%tenant, error, "a signing key was not made");
            }
        });
    }
    Ok(())
}

const fn is_slow(algorithm: SigningAlgorithm) -> bool {
    algorithm.verified_by().is_rsa()
}

/// The settings as they are now; none of a tenant that was deleted or whose settings cannot be used.
pub(crate) async fn read_again(node: &Node, tenant: &TenantId) -> Result<Option<TenantSettings>, String> {
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

/// Makes and stores the keys of one tenant.
#[derive(Clone)]
struct Maker {
    storage: storage::Storage,
    clock: Arc<dyn primitives::Clock>,
    rng: Arc<dyn primitives::Rng>,
    slow_keys: Arc<Mutex<()>>,
    tenant: TenantId,
    rotation: RotationSchedule,
}

impl Maker {
    fn of(node: &Node, tenant: &TenantId, rotation: RotationSchedule) -> Self {
        Self {
            storage: node.storage.clone(),
            clock: Arc::clone(&node.clock),
            rng: Arc::clone(&node.rng),
            slow_keys: Arc::clone(&node.slow_keys),
            tenant: tenant.clone(),
            rotation,
        }
    }

    /// Makes and stores what is lacking.
    ///
    /// Attack: a new tenant is visited by many at once, and each visit makes an RSA key. They are made one
    /// at a time, and whoever had to wait finds the key.
    async fn make(self, wanted: Vec<SigningAlgorithm>) -> Result<(), String> {
        let Self { storage, clock, rng, slow_keys, tenant, rotation } = self;
        let is_slow = wanted.iter().any(|algorithm| is_slow(*algorithm));
        let _turn = if is_slow { Some(slow_keys.lock().await) } else { None };
        let existing = storage.list_signing_keys(&tenant).await.map_err(|error| error.to_string())?;
        let made = tokio::task::spawn_blocking(move || {
            ensure_keys(&tenant, &wanted, &existing, &rotation, clock.now(), rng.as_ref())
        });
        let change = made.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let Some(change) = change else { return Ok(()) };
        applied(storage.apply(change).await)
    }
}
