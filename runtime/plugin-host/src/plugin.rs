//! A plugin as it is called: what was installed, checked.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tenancy::plugin::{Binding, Capability, HookName, Limits, SignedBy};

use crate::HostError;
use crate::breaker::Breaker;
use crate::capabilities::Granted;
use crate::component::ComponentHash;
use crate::held::Held;
use crate::metrics::{CallMetrics, PluginMetrics};
use crate::spec::{PluginSource, PluginSpec};
use crate::usual::Usual;

/// What tells an installed plugin from any other, also from an earlier version of itself.
#[derive(Debug)]
pub(crate) struct Unique(());

/// An installed plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) name: Arc<str>,
    pub(crate) hash: ComponentHash,
    pub(crate) signed_by: Option<SignedBy>,
    pub(crate) source: PluginSource,
    pub(crate) granted: Arc<Granted>,
    pub(crate) limits: Limits,
    ceiling: Limits,
    pub(crate) grants: BTreeSet<Capability>,
    pub(crate) breaker: Breaker,
    pub(crate) held: Held,
    pub(crate) usual: Usual,
    /// How many calls an instance may serve.
    pub(crate) calls_per_instance: NonZeroU32,
    pub(crate) unique: Arc<Unique>,
    /// Whether its component has something to say of introspection.
    pub(crate) introspects: bool,
    bindings: Vec<Binding>,
    version: String,
    /// Of each hook that it is bound to.
    metrics: Vec<(HookName, CallMetrics)>,
}

impl Plugin {
    pub(crate) fn new(
        spec: PluginSpec,
        (hash, signed_by): (ComponentHash, Option<SignedBy>),
        granted: Arc<Granted>,
        ceiling: &Limits,
        metrics: &PluginMetrics,
    ) -> Result<Self, HostError> {
        let malformed = |reason| HostError::Malformed { name: spec.name.clone(), reason };
        let of_form = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if spec.name.is_empty() || spec.name.len() > 63 || !spec.name.bytes().all(of_form) {
            return Err(malformed("a name is 1 to 63 lower-case letters, digits and hyphens"));
        }
        let version: String = hash.to_string().chars().take(12).collect();
        let limits = spec.limits.within(ceiling);
        let hooks: BTreeSet<HookName> = spec.bindings.iter().map(|binding| binding.hook).collect();
        Ok(Self {
            metrics: hooks
                .into_iter()
                .map(|hook| (hook, metrics.of(hook.as_str(), &spec.name, &version)))
                .collect(),
            name: Arc::from(spec.name),
            hash,
            signed_by,
            source: spec.source,
            granted,
            usual: Usual::new(limits.cpu()),
            limits,
            ceiling: *ceiling,
            grants: spec.grants,
            held: Held::default(),
            calls_per_instance: spec.calls_per_instance,
            unique: Arc::new(Unique(())),
            introspects: false,
            breaker: Breaker::new(metrics.circuits_not_closed()),
            bindings: spec.bindings,
            version,
        })
    }

    /// Whether this is what `spec` declares, with the component of this hash, but for what it is granted.
    pub(crate) fn is(&self, spec: &PluginSpec, hash: ComponentHash, ceiling: &Limits) -> bool {
        self.hash == hash
            && self.source == spec.source
            && self.limits == spec.limits.within(ceiling)
            && self.ceiling == *ceiling
            && self.grants == spec.grants
            && self.calls_per_instance == spec.calls_per_instance
            && self.bindings == spec.bindings
    }

    /// The same, of a component that has something to say of introspection if `introspects`.
    pub(crate) fn introspecting(self, introspects: bool) -> Self {
        Self { introspects, ..self }
    }

    /// How long a call of a hook may take.
    pub(crate) fn wall(&self, hook: HookName) -> Duration {
        self.limits.wall(hook, &self.ceiling)
    }

    /// How long a call of the slowest of its hooks may take.
    pub(crate) fn longest_wall(&self) -> Duration {
        self.metrics.iter().map(|(hook, _)| self.wall(*hook)).max().unwrap_or_default()
    }

    pub(crate) fn may_set_groups(&self) -> bool {
        self.grants.contains(&Capability::Groups)
    }

    /// The version as it stands in logs and metrics: the first twelve digits of the component's hash.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The metrics of a hook that it is bound to.
    pub(crate) fn metrics(&self, hook: HookName) -> Option<&CallMetrics> {
        self.metrics.iter().find(|(of, _)| *of == hook).map(|(_, metrics)| metrics)
    }
}
