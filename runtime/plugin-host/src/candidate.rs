//! Candidates: a component before it is stored, and a stored one before it runs. Nothing here changes what runs.
//!
//! Attacks. An upload that is slow or hungry to compile: it is compiled in a process of its own like every
//! other, under the node's caps, one at a time. One that lists a million names: what is kept of a component
//! beside its bytes is bounded. And a declaration that grants what the operator does not allow is refused
//! here and again by every node that loads it, so that a row that was written past the API gains nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::TenantId;
use tenancy::plugin::uploaded::{
    CandidateRefusal, CheckedComponent, ComponentFacts, ComponentRoom, PluginCandidates, RefusalReason,
    StoredPlugin, UploadBounds,
};
use tenancy::plugin::{Capability, HookName, TrustSettings};

use crate::component::{ComponentHash, SETTINGS, SHARED_TYPES};
use crate::hooks::interfaces;
use crate::inspect::{Inspection, inspect};
use crate::settings_schema::{check_schema, check_settings};
use crate::spec::{PluginSource, PluginSpec, ShadowSpec, StoredComponent};
use crate::{HostError, PluginHost};

/// What the names of a component's imports and exports may take together, in bytes.
const NAMES_BYTES: usize = 64 << 10;

impl PluginCandidates for PluginHost {
    fn upload_bounds(&self) -> UploadBounds {
        let uploads = &self.settings.uploads;
        UploadBounds {
            component_bytes: self.settings.component_bytes,
            room: ComponentRoom { versions: uploads.versions_per_tenant, bytes: uploads.bytes_per_tenant },
            compile: Duration::from_millis(self.settings.compile_ms),
        }
    }

    fn check_component(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<CheckedComponent, CandidateRefusal>> {
        Box::pin(async move { self.check_bytes(bytes).await.map_err(refusal) })
    }

    fn check_candidate<'a>(
        &'a self,
        tenant: &'a TenantId,
        candidate: StoredPlugin,
        trust: &'a TrustSettings,
    ) -> BoxFuture<'a, Result<(), CandidateRefusal>> {
        Box::pin(async move {
            let spec = self.stored_spec(tenant, candidate, &Arc::new(trust.clone()));
            self.check_spec(tenant, spec).await.map_err(refusal)
        })
    }

    fn check_shadow<'a>(
        &'a self,
        tenant: &'a TenantId,
        candidate: StoredPlugin,
        trust: &'a TrustSettings,
    ) -> BoxFuture<'a, Result<(), CandidateRefusal>> {
        Box::pin(async move {
            let spec = self.stored_spec(tenant, candidate, &Arc::new(trust.clone()));
            self.check_spec(tenant, PluginSpec { pretends: true, ..spec }).await.map_err(refusal)
        })
    }

    fn make_ready<'a>(&'a self, tenant: &'a TenantId, sha256: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // Of a tenant that nobody visits here there is nothing to make ready.
            if self.find_tenant(tenant).is_none() {
                return;
            }
            let PluginSource::Stored(stored) = self.stored_source(tenant, sha256) else { return };
            let hash = stored.hash;
            if let Err(error) = self.loader.load(hash, &PluginSource::Stored(stored)).await {
                tracing::debug!(%tenant, sha256, %error, "an uploaded component is not ready yet");
            }
        })
    }
}

impl PluginHost {
    /// What an uploaded plugin is installed as.
    pub(crate) fn stored_spec(
        &self,
        tenant: &TenantId,
        mut stored: StoredPlugin,
        trust: &Arc<TrustSettings>,
    ) -> PluginSpec {
        let source = self.stored_source(tenant, &stored.sha256);
        let shadow = stored.shadow.take().map(|shadow| {
            let per_mille = shadow.per_mille;
            let spec = self.stored_spec(tenant, shadow.of(stored.id, &stored.name), trust);
            Box::new(ShadowSpec { spec: PluginSpec { pretends: true, ..spec }, per_mille })
        });
        PluginSpec { shadow, ..PluginSpec::of_stored(stored, source, Arc::clone(trust)) }
    }

    /// Where an uploaded component is. Without a database, or with a hash that is none, it is nowhere: no bytes
    /// at all, which have another hash than the pinned one.
    fn stored_source(&self, tenant: &TenantId, sha256: &str) -> PluginSource {
        match (&self.services.components, sha256.parse::<ComponentHash>()) {
            (Some(components), Ok(hash)) => PluginSource::Stored(StoredComponent {
                components: Arc::clone(components),
                tenant: tenant.clone(),
                hash,
            }),
            (None, _) | (_, Err(())) => PluginSource::Bytes(Arc::default()),
        }
    }

    /// Refuses an uploaded plugin that is granted more than the operator allows.
    pub(crate) fn check_allowed(&self, spec: &PluginSpec) -> Result<(), HostError> {
        let PluginSource::Stored(_) = spec.source else { return Ok(()) };
        let allowed = &self.settings.uploads.grants;
        let grants: Vec<&str> = spec.grants.difference(allowed).map(|grant| grant.as_str()).collect();
        if grants.is_empty() { Ok(()) } else { Err(HostError::GrantNotAllowed { grants }) }
    }

    async fn check_spec(&self, tenant: &TenantId, spec: PluginSpec) -> Result<(), HostError> {
        let granted = self.gather(tenant, &spec).await?;
        let plugin = self.prepare(None, spec.clone(), granted).await?;
        let bytes = self.loader.read(plugin.hash, &spec.source).await?;
        check_settings(bytes, spec.settings).await
    }

    async fn check_bytes(&self, bytes: Arc<[u8]>) -> Result<CheckedComponent, HostError> {
        let (length, limit) = (bytes.len() as u64, self.settings.component_bytes);
        if length > limit {
            return Err(HostError::TooLarge { bytes: length, limit });
        }
        // Megabytes of validation: not on a thread that serves requests.
        let inspected = Arc::clone(&bytes);
        let inspect = move || {
            let inspection = inspect(&inspected)?;
            check_schema(&inspected)?;
            Ok::<_, HostError>(inspection)
        };
        let inspection = tokio::task::spawn_blocking(inspect)
            .await
            .map_err(|error| HostError::Internal(error.to_string()))??;
        check_contract(&inspection)?;
        let hash = ComponentHash::of(&bytes);
        self.loader.load(hash, &PluginSource::Bytes(Arc::clone(&bytes))).await?;
        let Inspection { sha256, bytes: size, hooks, capabilities, imports, exports, .. } = inspection;
        let facts = ComponentFacts { sha256, bytes: size, hooks, capabilities, imports, exports };
        Ok(CheckedComponent::found(bytes, facts))
    }
}

/// Checks that a component is a plugin of this contract.
fn check_contract(found: &Inspection) -> Result<(), HostError> {
    let names = || found.imports.iter().chain(&found.exports);
    if names().map(String::len).sum::<usize>() > NAMES_BYTES {
        return Err(HostError::Invalid(format!(
            "the names of its imports and exports take more than {NAMES_BYTES} bytes"
        )));
    }
    let hooks = HookName::ALL.into_iter().map(HookName::interface);
    let capabilities = Capability::ALL.into_iter().filter_map(Capability::interface);
    let known: Vec<&'static str> = hooks.chain(capabilities).chain(SHARED_TYPES).chain([SETTINGS]).collect();
    let older: Vec<String> = HookName::ALL.into_iter().flat_map(interfaces).collect();
    for name in names().filter(|name| !older.contains(name)) {
        if let Some(known) = known.iter().find(|known| is_other_version(name, known)) {
            return Err(HostError::OtherContract {
                found: name.clone(),
                known,
                what_to_do: advice(name, known),
            });
        }
    }
    if !found.not_offered.is_empty() {
        let missing =
            found.not_offered.iter().map(|import| format!("{import} (this node does not offer it)"));
        return Err(HostError::NotGranted { missing: missing.collect() });
    }
    if found.hooks.is_empty() {
        return Err(HostError::NoHook {
            exports: found.exports.iter().take(4).cloned().collect(),
            known: HookName::ALL.map(HookName::interface).to_vec(),
        });
    }
    Ok(())
}

/// Whether two names are of one interface in different versions.
fn is_other_version(found: &str, known: &str) -> bool {
    match (found.split_once('@'), known.split_once('@')) {
        (Some((found, version)), Some((known, known_version))) => found == known && version != known_version,
        _ => false,
    }
}

fn advice(found: &str, known: &str) -> &'static str {
    let version = |name: &str| -> Vec<u64> {
        let (_, version) = name.split_once('@').unwrap_or_default();
        version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    };
    if version(found) > version(known) {
        "build it with this node's `wit/`, or upgrade the node"
    } else {
        "build it again with this node's `wit/`"
    }
}

/// Tells a refusal in the port's words.
#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
fn refusal(error: HostError) -> CandidateRefusal {
    let reason = match &error {
        HostError::TooLarge { .. } => RefusalReason::TooLarge,
        HostError::WrongHash { .. } | HostError::NotStored { .. } | HostError::Unreadable { .. } => {
            RefusalReason::NotStored
        }
        HostError::NotAComponent => RefusalReason::NotAComponent,
        HostError::CoreModule => RefusalReason::CoreModule,
        HostError::Truncated => RefusalReason::Truncated,
        HostError::Invalid(_) => RefusalReason::Invalid,
        HostError::OtherContract { .. } => RefusalReason::OtherContractVersion,
        HostError::NoHook { .. } => RefusalReason::NoHook,
        HostError::NotGranted { missing } if missing.iter().any(|import| !import.contains("(grant ")) => {
            RefusalReason::UnknownImport
        }
        HostError::NotGranted { .. } => RefusalReason::NotGranted,
        HostError::GrantNotAllowed { .. } => RefusalReason::GrantNotAllowed,
        HostError::NotOffered { .. } => RefusalReason::NotOffered,
        HostError::Signature(_) | HostError::UnreadableSignature { .. } => RefusalReason::Signature,
        HostError::NotExported { .. } => RefusalReason::NotExported,
        HostError::SettingsSchema(_) => RefusalReason::SettingsSchema,
        HostError::SettingsDoNotFit { .. } | HostError::SettingsRefused(_) => RefusalReason::SettingsDoNotFit,
        HostError::DoesNotStart(_) => RefusalReason::DoesNotStart,
        HostError::Malformed { .. } => RefusalReason::Malformed,
        HostError::Busy => RefusalReason::Busy,
        HostError::CompileGivenUp(_) => RefusalReason::CompileGivenUp,
        HostError::Internal(_) => RefusalReason::Internal,
    };
    CandidateRefusal { reason, detail: error.to_string() }
}
