//! The configuration's tenants into the database: at the start, and again when the file changes.
//!
//! A new file is read and checked whole before anything of it counts. What it says about tenants, clients
//! and plugins takes effect without a dropped request, by way of the change log; what it says about the
//! node itself (listeners, storage) takes effect at the next start, and the log says so.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use config::Config;
use oauth2::client::ClientRecord;
use oauth2::client::reconcile::{DeclaredClient, reconcile_clients};
use oauth2::ports::{ClientFilter, ClientRepository as _};
use portcullis_http::Certificates;
use primitives::{Clock, TenantId};
use storage::{ApplyError, Storage};
use tenancy::ports::Tenants as _;
use tenancy::{DeclaredTenant, Tenant, check_hosts, reconcile};
use tokio::signal::unix::{SignalKind, signal};

use crate::configuration::{Place, secret};

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
            let mut count = count;
            for tenant in &config.tenants {
                count +=
                    clients(tenant, storage, clock).await.with_context(|| format!("tenant {}", tenant.id))?;
            }
            return Ok(count);
        }
    }
    anyhow::bail!("somebody else keeps changing the same tenants")
}

/// Makes a tenant's clients agree with the file.
async fn clients(tenant: &config::Tenant, storage: &Storage, clock: &dyn Clock) -> anyhow::Result<usize> {
    let mut declared = Vec::with_capacity(tenant.clients.len());
    for client in &tenant.clients {
        let secret = client.secret.as_ref().map(secret).transpose()?;
        declared.push(DeclaredClient { document: client.document()?.with_defaults(), secret });
    }
    let mut done = 0;
    for _ in 0..ATTEMPTS {
        let current = known_clients(&tenant.id, storage).await?;
        let changes = reconcile_clients(&tenant.id, storage.sealer(), &current, &declared, clock.now())?;
        let mut missed = false;
        for change in changes {
            match storage.apply(change).await {
                Ok(()) => done += 1,
                Err(ApplyError::Missed { .. }) => missed = true,
                Err(ApplyError::Storage(error)) => return Err(error.into()),
            }
        }
        if !missed {
            return Ok(done);
        }
    }
    anyhow::bail!("somebody else keeps changing the same clients")
}

/// Every client of a tenant, page by page.
async fn known_clients(tenant: &TenantId, storage: &Storage) -> anyhow::Result<Vec<ClientRecord>> {
    const PAGE: u32 = 500;
    let mut known: Vec<ClientRecord> = Vec::new();
    loop {
        let after = known.last().and_then(|record| record.document.client_id.clone());
        let page =
            storage.list_clients(tenant, &ClientFilter { after, ..ClientFilter::default() }, PAGE).await?;
        let is_last = u32::try_from(page.len())? < PAGE;
        known.extend(page);
        if is_last {
            return Ok(known);
        }
    }
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
