//! The port to what runs plugins.

use std::collections::BTreeSet;
use std::fmt;

use futures_util::future::BoxFuture;
use primitives::TenantId;
use serde::Serialize;

use super::uploaded::{PluginCandidates, ShadowReport, StoredPlugin};
use super::{Capability, DeclaredPlugin, HookName, PluginLines, SignedBy, TrustSettings};

/// Installs the plugins of tenants. Implemented by `plugin-host`.
///
/// A tenant for which nothing was installed yet, or which was forgotten, has no working hooks: each call
/// of one fails. So whoever loads a tenant installs its plugins first, even where it has none, and forgets
/// it only when no request of it can be under way.
pub trait TenantPlugins: PluginCandidates + Send + Sync + fmt::Debug {
    /// Makes these the tenant's plugins, as a whole and in one step; calls in flight finish on what they
    /// started with. Reports on each, in the order given, the declared ones first.
    ///
    /// One that cannot be loaded is installed as broken, so that its hooks fail rather than being skipped.
    /// Where a version of it runs already, that one goes on running, unless it holds a grant that the new
    /// declaration takes away, or a signature that counted and no longer does. What is declared as before is
    /// kept as it is.
    fn install_all<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugins: (Vec<DeclaredPlugin>, Vec<StoredPlugin>),
        trust: &'a TrustSettings,
    ) -> BoxFuture<'a, Vec<PluginReport>>;

    /// The same, for a tenant that has none but declared ones.
    fn install<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugins: Vec<DeclaredPlugin>,
        trust: &'a TrustSettings,
    ) -> BoxFuture<'a, Vec<PluginReport>> {
        self.install_all(tenant, (plugins, Vec::new()), trust)
    }

    /// Reads the component files of every tenant that has plugins installed again. Where one has other
    /// content than what runs, the tenant's plugins are replaced as [`install_all`](Self::install_all) replaces
    /// them: in one step, and a file that cannot be loaded leaves the earlier version running. What runs
    /// as its pinned hash says is left alone.
    fn reread(&self, which: Reread) -> BoxFuture<'_, ()>;

    /// Forgets a tenant: it was deleted, suspended or evicted.
    fn forget(&self, tenant: &TenantId);

    /// What came of the calls that a plugin's shadow saw on this node; `None` where there is none.
    fn shadow(&self, tenant: &TenantId, plugin: &str) -> Option<ShadowReport>;

    /// What a plugin of the tenant said lately on this node, after a cursor; `None` where there is no such plugin.
    fn lines(&self, tenant: &TenantId, plugin: &str, after: u64) -> Option<PluginLines>;

    /// The tenant's plugins as they are now, in the order of their names.
    fn list(&self, tenant: &TenantId) -> Vec<PluginReport>;
}

/// Which component files are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reread {
    /// Those that look other than when they were last read; looking costs next to nothing.
    Changed,
    /// All of them.
    All,
}

/// What became of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginReport {
    /// Its name.
    pub name: String,
    /// The SHA-256 of the version that answers its hooks; absent while they fail.
    pub sha256: Option<String>,
    /// Whose signature that version was accepted by; absent where none was looked at.
    pub signed_by: Option<SignedBy>,
    /// Whether what was declared runs.
    #[serde(flatten)]
    pub state: PluginState,
    /// Whether calls reach it.
    pub circuit: CircuitState,
    /// The hooks to which it is bound.
    pub hooks: BTreeSet<HookName>,
    /// What it is granted.
    pub capabilities: BTreeSet<Capability>,
}

/// Whether a plugin runs as it was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PluginState {
    /// It runs.
    Loaded,
    /// It could not be loaded. An earlier version may go on running; then the report has its hash.
    Failed {
        /// Why, for the operator.
        reason: String,
    },
}

/// The circuit breaker of a plugin. It opens when calls keep running into limits of time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// Calls go through.
    Closed,
    /// Calls fail at once.
    Open,
    /// One call at a time goes through, to see whether it answers again.
    HalfOpen,
}
