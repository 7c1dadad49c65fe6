//! What an operator says about a plugin: its component, its settings, its limits, its grants, and where
//! it is called.
//!
//! This room knows plugins as their operator does. What runs them is behind [`TenantPlugins`].

pub mod events;
pub mod lines;
pub mod port;
pub mod secrets;
pub mod settings;
pub mod signature;
pub mod signing_key;
pub mod trust;
pub mod uploaded;
pub mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;

use primitives::hooks::HookContext;
use primitives::{ClientId, OrganisationId, Origin, SecretReference};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use events::{Consumed, EventHook, NoEventHook, PluginEvent};
pub use lines::{LineLevel, PluginLine, PluginLines};
pub use port::{CircuitState, PluginReport, PluginState, Reread, TenantPlugins};
pub use secrets::{PluginSecret, PluginSecrets, reconcile_secrets};
pub use settings::{Limits, Settings};
pub use signature::{SignatureError, SignedBy, UnverifiedSignature};
pub use signing_key::{KeyId, PublicKey, SigningKey};
pub use trust::{Trust, TrustSettings};
pub use values::PluginValues;

/// A plugin of a tenant, as a configuration file or the tenant's settings document declares it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredPlugin {
    /// Its name, unique in the tenant: 1 to 63 lower-case letters, digits and hyphens.
    pub name: String,
    /// The file with its component. A relative path starts at the configuration file's directory.
    pub component: PathBuf,
    /// The SHA-256 that the component must have, in lower-case hex. Without it any content is accepted, and
    /// a changed file is taken when the node reloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The file with its signature; without it the component's name with `.sig` after it. What has to be
    /// signed, and by whom, is in `[plugins]` and `[tenant.plugin_trust]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<PathBuf>,
    /// Its own settings, which it reads through the capability `config`.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Its secrets, by the names by which it asks for them through the capability `secrets`. Only a
    /// configuration file may have them; they are read when it is, and kept encrypted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretReference>,
    /// The servers that it may call through the capability `http`, e.g. `https://api.example`: scheme, host and
    /// port, compared exactly.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "BTreeSet<String>")]
    pub http_origins: BTreeSet<Origin>,
    /// What one call may use, and what the plugin may keep.
    #[serde(default)]
    pub limits: Limits,
    /// How many calls one instance of it may serve, one after the other. By default each call gets a fresh one, which
    /// knows nothing of any other. A guest whose start takes milliseconds, such as one with an interpreter, may
    /// serve several: what a call leaves in its memory the next ones of this plugin can read. An instance that
    /// fails, or writes to its standard output, is not used again.
    #[serde(default = "one_call", skip_serializing_if = "is_one")]
    pub calls_per_instance: NonZeroU32,
    /// The capabilities that it is granted.
    #[serde(default = "default_grants")]
    pub grants: BTreeSet<Capability>,
    /// Where it is called.
    #[serde(default = "default_bindings")]
    pub bind: Vec<Binding>,
}

const fn one_call() -> NonZeroU32 {
    NonZeroU32::MIN
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_one(calls: &NonZeroU32) -> bool {
    *calls == NonZeroU32::MIN
}

/// Its own words and its own settings: neither tells a plugin anything about anybody.
pub fn default_grants() -> BTreeSet<Capability> {
    BTreeSet::from([Capability::Log, Capability::Config])
}

/// Every call of the hook `token`.
pub fn default_bindings() -> Vec<Binding> {
    vec![Binding::every(HookName::Token)]
}

/// A hook, by the name it has in configuration, logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookName {
    /// Shapes or denies tokens.
    Token,
    /// Lets people sign in, or does not.
    Login,
    /// Lets accounts be made, with what traits and metadata.
    Registration,
    /// Validates traits beyond their JSON Schema.
    IdentitySchema,
    /// Verifies passwords that were set elsewhere.
    CredentialImport,
    /// Is told what people did with their accounts.
    Account,
    /// Is told what happened in the tenant, afterwards.
    Event,
    /// Decides whether somebody may do something.
    Policy,
    /// Says who somebody is here, from what somebody else says of them.
    ClaimMapper,
    /// Makes one JSON document of another, where a template can be configured.
    Transform,
    /// Rewrites or delivers e-mails and SMS.
    Message,
}

impl HookName {
    /// Every hook.
    pub const ALL: [Self; 11] = [
        Self::Token,
        Self::Login,
        Self::Registration,
        Self::IdentitySchema,
        Self::CredentialImport,
        Self::Account,
        Self::Event,
        Self::Policy,
        Self::ClaimMapper,
        Self::Transform,
        Self::Message,
    ];

    /// As it stands in configuration, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Login => "login",
            Self::Registration => "registration",
            Self::IdentitySchema => "identity-schema",
            Self::CredentialImport => "credential-import",
            Self::Account => "account",
            Self::Event => "event",
            Self::Policy => "policy",
            Self::ClaimMapper => "claim-mapper",
            Self::Transform => "transform",
            Self::Message => "message",
        }
    }

    /// How long a call may take, in milliseconds, where the operator does not say: where an app waits, little; where
    /// nobody does, much.
    pub const fn usual_wall_ms(self) -> u64 {
        match self {
            Self::Token | Self::Policy => 100,
            Self::Login
            | Self::Registration
            | Self::IdentitySchema
            | Self::CredentialImport
            | Self::Account
            | Self::ClaimMapper
            | Self::Transform => 2_000,
            Self::Event | Self::Message => 30_000,
        }
    }

    /// The interface of `wit/` that a component exports to be called here.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Token => "portcullis:token/hook@0.1.0",
            Self::Login => "portcullis:login/hook@0.1.0",
            Self::Registration => "portcullis:registration/hook@0.1.0",
            Self::IdentitySchema => "portcullis:identity-schema/hook@0.1.0",
            Self::CredentialImport => "portcullis:credential-import/hook@0.1.0",
            Self::Account => "portcullis:account/hook@0.1.0",
            Self::Event => "portcullis:event/hook@0.1.0",
            Self::Policy => "portcullis:policy/hook@0.1.0",
            Self::ClaimMapper => "portcullis:claim-mapper/hook@0.1.0",
            Self::Transform => "portcullis:transform/hook@0.1.0",
            Self::Message => "portcullis:message/hook@0.1.0",
        }
    }
}

/// Something that the host does for a plugin, granted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Writes to the node's log.
    Log,
    /// Reads the plugin's own settings.
    Config,
    /// Reads the plugin's own secrets.
    Secrets,
    /// Keeps small values between calls.
    Kv,
    /// Sends requests to named servers.
    Http,
    /// Reads identities of its tenant, without credentials.
    Identities,
    /// Asks who may do what in its tenant.
    Permissions,
    /// May set the claim `groups`, and say in which groups people are who come from elsewhere.
    Groups,
}

impl Capability {
    /// Every capability, in the order in which they stand above.
    pub const ALL: [Self; 8] = [
        Self::Log,
        Self::Config,
        Self::Secrets,
        Self::Kv,
        Self::Http,
        Self::Identities,
        Self::Permissions,
        Self::Groups,
    ];

    /// As it stands in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Config => "config",
            Self::Secrets => "secrets",
            Self::Kv => "kv",
            Self::Http => "http",
            Self::Identities => "identities",
            Self::Permissions => "permissions",
            Self::Groups => "groups",
        }
    }

    /// The interface of `wit/` that a component imports to use it, where it is one.
    pub const fn interface(self) -> Option<&'static str> {
        match self {
            Self::Log => Some("portcullis:host/log@0.1.0"),
            Self::Config => Some("portcullis:host/config@0.1.0"),
            Self::Secrets => Some("portcullis:host/secrets@0.1.0"),
            Self::Kv => Some("portcullis:host/kv@0.1.0"),
            Self::Http => Some("portcullis:host/http@0.1.0"),
            Self::Identities => Some("portcullis:host/identities@0.1.0"),
            Self::Permissions => Some("portcullis:host/permissions@0.1.0"),
            Self::Groups => None,
        }
    }
}

/// Where a plugin is called. What is left out matches every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The hook.
    pub hook: HookName,
    /// Only for requests in the name of this organisation (its identifier, a UUID).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub organisation: Option<OrganisationId>,
    /// Only for requests of this client (its `client_id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub client: Option<ClientId>,
    /// Plugins on one hook are called in this order, then by name.
    #[serde(default)]
    pub order: i32,
}

impl Binding {
    /// Every call of `hook`.
    pub const fn every(hook: HookName) -> Self {
        Self { hook, organisation: None, client: None, order: 0 }
    }

    /// Whether it matches a call of its hook.
    pub fn matches(&self, context: &HookContext) -> bool {
        self.organisation.is_none_or(|organisation| context.organisation == Some(organisation))
            && self.client.as_ref().is_none_or(|client| context.client.as_ref() == Some(client))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn name_and_component_are_enough() {
        let plugin: DeclaredPlugin =
            serde_json::from_value(json!({ "name": "plan", "component": "plugins/plan.wasm" })).unwrap();
        assert_eq!(plugin.limits, Limits::default());
        assert_eq!(plugin.calls_per_instance.get(), 1);
        assert_eq!(plugin.grants, default_grants());
        assert_eq!(plugin.bind, [Binding::every(HookName::Token)]);
        let written = serde_json::to_value(&plugin).unwrap();
        assert_eq!(serde_json::from_value::<DeclaredPlugin>(written).unwrap(), plugin);
    }

    #[test]
    fn capabilities_are_numbered_in_their_order_and_have_names_of_their_own() {
        for (at, capability) in Capability::ALL.into_iter().enumerate() {
            assert_eq!(capability as usize, at);
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.as_str());
            let interface = format!("portcullis:host/{}@0.1.0", capability.as_str());
            assert!(capability.interface().is_none_or(|named| named == interface), "{capability:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (key, value) in [
            ("grant", json!(["log"])),
            ("grants", json!(["network"])),
            ("bind", json!([{ "hook": "tokens" }])),
            ("bind", json!([{ "hook": "token", "organization": "x" }])),
            ("limits", json!({ "cpu": 5 })),
            ("settings", json!([])),
            ("calls_per_instance", json!(0)),
        ] {
            let mut document = json!({ "name": "plan", "component": "plan.wasm" });
            document[key] = value;
            let refused = serde_json::from_value::<DeclaredPlugin>(document.clone());
            assert!(refused.is_err(), "{document}");
        }
    }
}
