//! What a node that never ran makes by itself: the tenant `default` and its first admin key.

use std::path::PathBuf;

use anyhow::Context as _;
use primitives::{Actor, Clock, Rng, TenantId};
use storage::{ApplyError, Storage};
use tenancy::admin_key::{KeyOwner, NewAdminKey, Scope};
use tenancy::ports::{AdminKeys as _, Page, Tenants as _};
use tenancy::{ManagedBy, Tenant};

use crate::data_directory::{DataDirectory, write_secret};

/// The tenant at the root of the base URL is always there.
pub(super) async fn ensure_default_tenant(storage: &Storage, clock: &dyn Clock) -> anyhow::Result<()> {
    if storage.find_tenant(TenantId::default_tenant()).await?.is_some() {
        return Ok(());
    }
    let tenant = Tenant::new(TenantId::default_tenant(), ManagedBy::Api, clock.now());
    match storage.apply(tenant.create(Actor::System)).await {
        // Another node was faster.
        Ok(()) | Err(ApplyError::Missed { .. }) => Ok(()),
        Err(ApplyError::Storage(error)) => Err(error.into()),
    }
}

/// The operator's first key.
#[derive(Debug)]
pub(super) struct FirstKey {
    /// The file that holds it, if it is there.
    pub(super) path: Option<PathBuf>,
    /// Whether it was made just now.
    pub(super) is_new: bool,
}

/// Makes an admin key when the operator has none, into a file that only the node's user can read.
pub(super) async fn ensure_first_key(
    storage: &Storage,
    directory: &DataDirectory,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> anyhow::Result<FirstKey> {
    let path = directory.admin_key();
    let any = storage.list_admin_keys(KeyOwner::Operator, Page { after: None, limit: 1 }).await?;
    if !any.is_empty() {
        return Ok(FirstKey { path: path.exists().then_some(path), is_new: false });
    }
    let new = NewAdminKey {
        name: "first key".to_owned(),
        owner: KeyOwner::Operator,
        scopes: vec![Scope::All],
        expires_at: None,
        uses: None,
    };
    let (_, text, change) = new.create(Actor::System, storage.sealer(), rng, clock.now());
    // The file first: a key that nobody can read is worse than a file whose key does not work, which the
    // next start replaces.
    std::fs::remove_file(&path).ok();
    write_secret(&path, text.expose()).with_context(|| format!("cannot write {}", path.display()))?;
    storage.apply(change).await.context("the first admin key")?;
    Ok(FirstKey { path: Some(path), is_new: true })
}
