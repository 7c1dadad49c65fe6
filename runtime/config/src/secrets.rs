//! `[secrets]`

use primitives::SecretReference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the key that encrypts all other keys comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// 32 bytes as base64url (43 characters). Without it, the node makes `master.key` in its data
    /// directory, readable by its user only. Keep a copy apart from the database: one is useless without
    /// the other.
    pub master_key: Option<SecretReference>,
    /// Former master keys. What they encrypted is encrypted with `master_key` when the node starts; after
    /// one start they can be taken out. Before the key of several nodes changes, each is started once with
    /// the new key in this list.
    pub former_master_keys: Vec<SecretReference>,
}
