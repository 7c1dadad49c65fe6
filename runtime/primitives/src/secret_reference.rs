//! How a configuration refers to a secret.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Where a secret is: `{ file = "/run/secrets/x" }` or `{ env = "NAME" }`. The secret itself is never
/// written into the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretReference {
    /// The content of a file, without the line end that editors add.
    File(PathBuf),
    /// The value of an environment variable.
    Env(String),
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReferenceVisitor)
    }
}

struct ReferenceVisitor;

impl<'de> Visitor<'de> for ReferenceVisitor {
    type Value = SecretReference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reference to a secret, { file = \"…\" } or { env = \"…\" }")
    }

    // The value is not repeated in the message: it may well be the secret.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretReference, E> {
        Err(E::custom("a secret is not written here; refer to it with { file = \"…\" } or { env = \"…\" }"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretReference, A::Error> {
        const KINDS: &[&str] = &["file", "env"];
        let mut reference = None;
        while let Some(kind) = map.next_key::<String>()? {
            if reference.is_some() {
                return Err(de::Error::custom("a secret has one place: `file` or `env`, not both"));
            }
            reference = Some(match kind.as_str() {
                "file" => SecretReference::File(map.next_value()?),
                "env" => SecretReference::Env(map.next_value()?),
                other => return Err(de::Error::unknown_field(other, KINDS)),
            });
        }
        reference.ok_or_else(|| de::Error::custom("a secret needs its place: `file` or `env`"))
    }
}
