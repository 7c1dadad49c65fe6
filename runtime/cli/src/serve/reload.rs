//! The configuration again when its file changes, and plugins' components when theirs do.
//!
//! A new file is read and checked whole before anything of it counts. What it says about tenants, clients
//! and plugins takes effect without a dropped request, by way of the change log; what it says about the
//! node itself (listeners, storage) takes effect at the next start, and the log says so.
//!
//! A component that changes under the same path changes no setting, so the change log tells nobody: it is
//! looked for here.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::Config;
use portcullis_http::Certificates;
use primitives::Clock;
use storage::Storage;
use tenancy::{Reread, TenantPlugins};
use tokio::signal::unix::{SignalKind, signal};

use super::plan;
use crate::configuration::Place;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reloads on SIGHUP, and when the file, a certificate or a component changes.
pub(super) async fn watch(
    place: Place,
    mut config: Config,
    storage: Storage,
    clock: Arc<dyn Clock>,
    certificates: Certificates,
    plugins: Arc<dyn TenantPlugins>,
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
        if asked || (now != seen && config.server.watch) {
            seen = now;
            reload(&place, &mut config, &storage, clock.as_ref()).await;
        }
        if asked {
            plugins.reread(Reread::All).await;
        } else if config.server.watch {
            plugins.reread(Reread::Changed).await;
        }
    }
}

async fn reload(place: &Place, config: &mut Config, storage: &Storage, clock: &dyn Clock) {
    match place.read() {
        Ok(new) => {
            tell_what_waits(config, &new);
            match plan::apply(&new, storage, clock).await {
                Ok(changes) => tracing::info!(changes, "the configuration was reloaded"),
                Err(error) => {
                    tracing::error!(error = %format!("{error:#}"), "the new configuration was not applied");
                }
            }
            *config = new;
        }
        Err(error) => {
            tracing::error!(error = %format!("{error:#}"), "the new configuration is not usable; nothing changed");
        }
    }
}

fn tell_what_waits(old: &Config, new: &Config) {
    let node = |config: &Config| Config { tenants: Vec::new(), ..config.clone() };
    if node(old) != node(new) {
        tracing::warn!(
            "what the new configuration says about the node itself takes effect at the next start"
        );
    }
}

fn modified(place: &Place) -> Option<SystemTime> {
    std::fs::metadata(place.file.as_ref()?).and_then(|file| file.modified()).ok()
}
