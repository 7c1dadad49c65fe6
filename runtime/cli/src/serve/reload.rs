//! The configuration's tenants into the database: at the start, and again when the file changes.
//!
//! A new file is read and checked whole before anything of it counts. What it says about tenants, clients
//! and plugins takes effect without a dropped request, by way of the change log; what it says about the
//! node itself (listeners, storage) takes effect at the next start, and the log says so.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::Config;
use portcullis_http::Certificates;
use primitives::Clock;
use storage::{ApplyError, Storage};
use tenancy::ports::Tenants as _;
use tenancy::{DeclaredTenant, Tenant, check_hosts, reconcile};
use tokio::signal::unix::{SignalKind, signal};

use crate::configuration::Place;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Two edits at once (of the file and by the API) are decided again so often.
const ATTEMPTS: usize = 4;

/// Makes the database agree with the file.
pub(super) async fn apply(config: &Config, storage: &Storage, clock: &dyn Clock) -> anyhow::Result<usize> {
    let declared = declared(config);
    for _ in 0..ATTEMPTS {
        let current = current(storage, &declared).await?;
        check_hosts(&current, &declared)?;
        let changes = reconcile(&current, &declared, clock.now());
        let count = changes.len();
        let mut missed = false;
        for change in changes {
            match storage.apply(change).await {
                Ok(()) => {}
                Err(ApplyError::Missed { .. }) => missed = true,
                Err(ApplyError::Storage(error)) => return Err(error.into()),
            }
        }
        if !missed {
            return Ok(count);
        }
    }
    anyhow::bail!("somebody else keeps changing the same tenants, or two of them want one host")
}

/// Every tenant that the file declares or owns, or that answers at a host that the file names.
async fn current(storage: &Storage, declared: &[DeclaredTenant]) -> anyhow::Result<Vec<Tenant>> {
    let mut current = storage.list_file_tenants().await?;
    for declared in declared {
        if !current.iter().any(|tenant| tenant.id == declared.id)
            && let Some(tenant) = storage.find_tenant(declared.id.clone()).await?
        {
            current.push(tenant);
        }
        if let Some(host) = &declared.host
            && let Some(tenant) = storage.find_tenant_by_host(host.clone()).await?
            && !current.iter().any(|known| known.id == tenant.id)
        {
            current.push(tenant);
        }
    }
    Ok(current)
}

fn declared(config: &Config) -> Vec<DeclaredTenant> {
    let each = |tenant: &config::Tenant| DeclaredTenant {
        id: tenant.id.clone(),
        host: tenant.host.clone(),
        issuer: tenant.issuer.clone(),
        suspended: tenant.suspended,
        settings: tenant.settings().to_document(),
    };
    config.tenants.iter().map(each).collect()
}

/// Reloads on SIGHUP, and when the file or a certificate changes.
pub(super) async fn watch(
    place: Place,
    mut config: Config,
    storage: Storage,
    clock: Arc<dyn Clock>,
    certificates: Certificates,
) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    let mut seen = modified(&place);
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        certificates.reload();
        let now = modified(&place);
        if !asked && (now == seen || !config.server.watch) {
            continue;
        }
        seen = now;
        match place.read() {
            Ok(new) => {
                tell_what_waits(&config, &new);
                match apply(&new, &storage, clock.as_ref()).await {
                    Ok(changes) => tracing::info!(changes, "the configuration was reloaded"),
                    Err(error) => {
                        tracing::error!(error = %format!("{error:#}"), "the new configuration was not applied");
                    }
                }
                config = new;
            }
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "the new configuration is not usable; nothing changed");
            }
        }
    }
}

fn tell_what_waits(old: &Config, new: &Config) {
    let node = |config: &Config| {
        (config.server.clone(), config.listeners.clone(), config.storage.clone(), config.limits.clone())
    };
    if node(old) != node(new) {
        tracing::warn!(
            "what the new configuration says about the node itself takes effect at the next start"
        );
    }
}

fn modified(place: &Place) -> Option<SystemTime> {
    std::fs::metadata(place.file.as_ref()?).and_then(|file| file.modified()).ok()
}
