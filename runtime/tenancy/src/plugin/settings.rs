//! What an operator may set about plugins: the node's bounds and one plugin's limits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use primitives::{Origin, TenantId};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::signing_key::PublicKey;
use super::{Capability, HookName};

/// The most wall time that a call may ask for, unless the node's operator says otherwise.
const LONGEST_WALL_MS: u64 = 30_000;

/// The node's bounds for all plugins together (`[plugins]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many guests may run at once on this node. Address space is reserved for each.
    pub concurrent_calls: u32,
    /// How many guests of one tenant may run at once. Further calls wait, and fail when most of their wall time
    /// is over.
    pub concurrent_calls_per_tenant: u32,
    /// How much guest CPU one tenant may use, in milliseconds per second, on average. What a tenant does
    /// not use it may catch up on for half a second. Where there is none left, calls wait for it and fail
    /// when most of their wall time is over.
    pub tenant_cpu_ms_per_second: u32,
    /// How many loaded components stay in memory; the least used leave and are mapped again when called.
    pub loaded_components: u64,
    /// How large a component may be, in bytes.
    pub component_bytes: u64,
    /// How many compilations may wait for their turn; further ones are refused.
    pub compile_queue: u32,
    /// How long one compilation may take, in milliseconds.
    pub compile_ms: u64,
    /// How much memory one compilation may take, in bytes of address space.
    pub compile_memory_bytes: u64,
    /// Servers whose addresses need not be public, e.g. `"http://10.0.0.7:8080"`, each with the tenants whose plugins
    /// may call it where they name it in their `http_origins`.
    #[schemars(with = "BTreeMap<String, BTreeSet<String>>")]
    pub private_origins: BTreeMap<Origin, BTreeSet<TenantId>>,
    /// Whether components without a signature are refused, whatever a tenant says.
    pub require_signature: bool,
    /// Keys whose signatures of components count for every tenant, each under a name for people: the public
    /// key that `portcullis plugin keygen` shows.
    #[schemars(with = "BTreeMap<String, String>")]
    pub trusted_keys: BTreeMap<String, PublicKey>,
    /// How much the compiled components may take on the node's disk, in bytes; the oldest make way, and are
    /// compiled again when they are loaded.
    pub compiled_bytes: u64,
    /// What may be uploaded by the admin API.
    pub uploads: Uploads,
    /// The most that a plugin's own limits may ask for.
    #[serde(deserialize_with = "read_ceiling")]
    #[schemars(with = "Ceiling")]
    pub ceiling: Limits,
}

/// What may be uploaded by the admin API (`[plugins.uploads]`). Whoever holds an admin key of a tenant is not the
/// operator of the node: these are the operator's words to all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Uploads {
    /// How many bytes the components of one tenant may take in the database. 0 takes no uploads.
    pub bytes_per_tenant: u64,
    /// How many versions one tenant may keep, of all its plugins together.
    pub versions_per_tenant: u64,
    /// What an uploaded plugin may be granted. Its secrets are those that are set by the admin API, never ones of this
    /// file.
    pub grants: BTreeSet<Capability>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { bytes_per_tenant: 256 << 20, versions_per_tenant: 256, grants: Capability::ALL.into() }
    }
}

/// The most that a plugin's own limits may ask for.
// The keys of `Limits` with other defaults, so that whoever raises one does not lower the others.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Ceiling {
    /// CPU time of the guest, in milliseconds.
    cpu_ms: u64,
    /// Wall time of the call, in milliseconds.
    wall_ms: u64,
    /// Linear memory, in bytes.
    memory_bytes: u64,
    /// What one answer or one argument of a host call may weigh on the host, in bytes.
    output_bytes: u64,
    /// How many host calls one call may make.
    host_calls: u32,
    /// How many values the plugin may keep.
    kv_entries: u64,
    /// How many bytes the values that it keeps may take, with their keys.
    kv_bytes: u64,
    /// How many HTTP requests one call may send.
    http_calls: u32,
    /// How large the body of an answer to one may be, in bytes.
    http_response_bytes: u64,
}

impl Default for Ceiling {
    fn default() -> Self {
        Settings::default().ceiling.into()
    }
}

fn read_ceiling<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    Ceiling::deserialize(deserializer).map(Limits::from)
}

/// Both have these keys, and `wall_ms`, which a ceiling always has.
macro_rules! same_keys {
    ($($key:ident),+ $(,)?) => {
        impl From<Limits> for Ceiling {
            fn from(Limits { wall_ms, $($key),+ }: Limits) -> Self {
                Self { wall_ms: wall_ms.unwrap_or(LONGEST_WALL_MS), $($key),+ }
            }
        }

        impl From<Ceiling> for Limits {
            fn from(Ceiling { wall_ms, $($key),+ }: Ceiling) -> Self {
                Self { wall_ms: Some(wall_ms), $($key),+ }
            }
        }
    };
}

same_keys![
    cpu_ms,
    memory_bytes,
    output_bytes,
    host_calls,
    kv_entries,
    kv_bytes,
    http_calls,
    http_response_bytes,
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrent_calls: 64,
            concurrent_calls_per_tenant: 16,
            tenant_cpu_ms_per_second: 500,
            loaded_components: 512,
            component_bytes: 32 << 20,
            compile_queue: 16,
            compile_ms: 60_000,
            compile_memory_bytes: 2 << 30,
            private_origins: BTreeMap::new(),
            require_signature: false,
            trusted_keys: BTreeMap::new(),
            compiled_bytes: 4 << 30,
            uploads: Uploads::default(),
            ceiling: Limits {
                cpu_ms: 1_000,
                wall_ms: Some(LONGEST_WALL_MS),
                memory_bytes: 128 << 20,
                output_bytes: 1 << 20,
                host_calls: 1_024,
                kv_entries: 65_536,
                kv_bytes: 64 << 20,
                http_calls: 64,
                http_response_bytes: 4 << 20,
            },
        }
    }
}

impl Settings {
    /// The size of a guest memory slot.
    pub fn memory_ceiling(&self) -> usize {
        usize::try_from(self.ceiling.memory_bytes).unwrap_or(usize::MAX)
    }
}

/// What one call of a plugin may use, and what the plugin may keep. What exceeds the node's ceiling is cut to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// CPU time of the guest, in milliseconds. Time in host calls does not count.
    pub cpu_ms: u64,
    /// Wall time of the call, in milliseconds, waiting for its turn included. Without it, what the hook is for: 100 for
    /// `token` and `policy`, 30000 for `event` and `message`, 2000 for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Linear memory, in bytes. Guests with an interpreter inside want 128 MiB.
    pub memory_bytes: u64,
    /// What one answer or one argument of a host call may weigh on the host, in bytes.
    pub output_bytes: u64,
    /// How many host calls one call may make.
    pub host_calls: u32,
    /// How many values the plugin may keep (capability `kv`).
    pub kv_entries: u64,
    /// How many bytes the values that it keeps may take, with their keys.
    pub kv_bytes: u64,
    /// How many HTTP requests one call may send (capability `http`).
    pub http_calls: u32,
    /// How large the body of an answer to one may be, in bytes.
    pub http_response_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms: 50,
            wall_ms: None,
            memory_bytes: 32 << 20,
            output_bytes: 64 << 10,
            host_calls: 64,
            kv_entries: 1_024,
            kv_bytes: 1 << 20,
            http_calls: 8,
            http_response_bytes: 256 << 10,
        }
    }
}

impl Limits {
    /// These limits, each at most the ceiling's.
    #[must_use]
    pub fn within(self, ceiling: &Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms.min(ceiling.cpu_ms),
            wall_ms: self.wall_ms.map(|own| own.min(ceiling.wall_ms.unwrap_or(own))),
            memory_bytes: self.memory_bytes.min(ceiling.memory_bytes),
            output_bytes: self.output_bytes.min(ceiling.output_bytes),
            host_calls: self.host_calls.min(ceiling.host_calls),
            kv_entries: self.kv_entries.min(ceiling.kv_entries),
            kv_bytes: self.kv_bytes.min(ceiling.kv_bytes),
            http_calls: self.http_calls.min(ceiling.http_calls),
            http_response_bytes: self.http_response_bytes.min(ceiling.http_response_bytes),
        }
    }

    /// `cpu_ms` as a duration.
    pub fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms)
    }

    /// The wall time of a call of `hook`: the operator's word, or else what the hook is for; at most the ceiling's.
    pub fn wall(&self, hook: HookName, ceiling: &Self) -> Duration {
        let wanted = self.wall_ms.unwrap_or(hook.usual_wall_ms());
        Duration::from_millis(ceiling.wall_ms.map_or(wanted, |most| wanted.min(most)))
    }

    /// `memory_bytes` in this machine's words.
    pub fn memory(&self) -> usize {
        usize::try_from(self.memory_bytes).unwrap_or(usize::MAX)
    }

    /// `output_bytes` in this machine's words.
    pub fn output(&self) -> usize {
        usize::try_from(self.output_bytes).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_raised_limit_leaves_the_others_of_the_ceiling() {
        let settings: Settings = serde_json::from_str(r#"{"ceiling": {"wall_ms": 20000}}"#).unwrap();
        let expect = Limits { wall_ms: Some(20_000), ..Settings::default().ceiling };
        assert_eq!(settings, Settings { ceiling: expect, ..Settings::default() });
    }

    #[test]
    fn operators_word_wins_over_what_the_hook_is_for_and_the_ceiling_over_both() {
        let ceiling = Settings::default().ceiling;
        let low = Limits { wall_ms: Some(500), ..ceiling };
        for (wall_ms, hook, ceiling, expect) in [
            (None, HookName::Token, ceiling, 100),
            (None, HookName::Policy, ceiling, 100),
            (None, HookName::Login, ceiling, 2_000),
            (None, HookName::Registration, ceiling, 2_000),
            (None, HookName::Account, ceiling, 2_000),
            (None, HookName::ClaimMapper, ceiling, 2_000),
            (None, HookName::Transform, ceiling, 2_000),
            (None, HookName::Message, ceiling, 30_000),
            (None, HookName::CredentialImport, ceiling, 2_000),
            (None, HookName::Event, ceiling, 30_000),
            (Some(7), HookName::Event, ceiling, 7),
            (Some(5_000), HookName::Token, ceiling, 5_000),
            (Some(60_000), HookName::Token, ceiling, 30_000),
            (None, HookName::Token, low, 100),
            (None, HookName::Login, low, 500),
        ] {
            let limits = Limits { wall_ms, ..Limits::default() };
            assert_eq!(limits.wall(hook, &ceiling), Duration::from_millis(expect), "{wall_ms:?} {hook:?}");
        }
    }

    #[test]
    fn limits_never_exceed_the_ceiling() {
        let ceiling = Settings::default().ceiling;
        let greedy = Limits {
            cpu_ms: u64::MAX,
            wall_ms: Some(u64::MAX),
            memory_bytes: u64::MAX,
            output_bytes: u64::MAX,
            host_calls: u32::MAX,
            kv_entries: u64::MAX,
            kv_bytes: u64::MAX,
            http_calls: u32::MAX,
            http_response_bytes: u64::MAX,
        };
        assert_eq!(greedy.within(&ceiling), ceiling);
        assert_eq!(Limits::default().within(&ceiling), Limits::default());
    }
}
