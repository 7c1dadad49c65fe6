//! `[storage]`

use primitives::SecretReference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::problem::Checker;

/// Where data is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// `sqlite:<path>` or `postgres://<user>@<host>/<database>`. Without it, `portcullis.db` in the data
    /// directory.
    pub url: Option<String>,
    /// The PostgreSQL password.
    pub password: Option<SecretReference>,
    /// Connections to PostgreSQL; readers of an SQLite file.
    pub connections: u32,
}

impl Default for Storage {
    fn default() -> Self {
        Self { url: None, password: None, connections: 8 }
    }
}

impl Storage {
    pub(crate) fn check(&self, checker: &mut Checker<'_>) {
        if self.connections == 0 {
            checker.report("storage.connections", "must be at least 1");
        }
        let scheme = self.url.as_deref().and_then(|url| url.split_once(':')).map(|(scheme, _)| scheme);
        match (scheme, &self.url) {
            (None, None) | (Some("sqlite"), _) => {
                if self.password.is_some() {
                    checker.report("storage.password", "only PostgreSQL has one, and `storage.url` names none");
                }
            }
            (Some("postgres" | "postgresql"), Some(url)) => match Url::parse(url) {
                Ok(url) if url.password().is_some() => checker.report(
                    "storage.url",
                    "holds a password; take it out and set `storage.password = { file = \"…\" }` or { env = \"…\" }",
                ),
                Ok(_) => {}
                Err(error) => checker.report("storage.url", format!("is not a URL: {error}")),
            },
            _ => checker.report("storage.url", "must begin with `sqlite:` or `postgres:`"),
        }
    }
}
