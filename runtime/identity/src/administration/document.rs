//! The `identity` document as operators see it.

use serde_json::{Value, json};

use crate::identity::Identity;
use crate::session::identity_document;

/// What is told of an identity's credentials. Never a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// What it signs in with.
    pub identifiers: Vec<String>,
    /// Whether it has a password.
    pub has_password: bool,
}

/// The `identity` document with `metadata_admin`, and with credentials where they were asked for.
pub fn admin_identity_document(
    identity: &Identity,
    schema_url: &str,
    credentials: Option<&Credentials>,
) -> Value {
    let mut document = identity_document(identity, schema_url);
    if let Value::Object(fields) = &mut document {
        fields.insert("metadata_admin".to_owned(), identity.metadata_admin.clone().unwrap_or_default());
        if let Some(credentials) = credentials {
            let mut by_type = serde_json::Map::new();
            if credentials.has_password {
                let password = json!({
                    "type": "password",
                    "identifiers": credentials.identifiers,
                    "version": 0,
                });
                by_type.insert("password".to_owned(), password);
            }
            fields.insert("credentials".to_owned(), by_type.into());
        }
    }
    document
}
