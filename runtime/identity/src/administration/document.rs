//! The `identity` document as operators see it.

use primitives::{IdentityId, Timestamp};
use serde_json::{Value, json};

use crate::factor::FactorKind;
use crate::identity::Identity;
use crate::session::identity_document;

/// What is told of an identity's credentials. Never a hash or another secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// What it signs in with.
    pub identifiers: Vec<String>,
    /// Whether it has a password.
    pub has_password: bool,
    /// Its second factors.
    pub factors: Vec<FactorCredential>,
}

/// What is told of a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorCredential {
    /// Whose, which is what its type is identified by.
    pub identity: IdentityId,
    /// Which.
    pub kind: FactorKind,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it last changed, which it does whenever it is used.
    pub updated_at: Timestamp,
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
            for factor in &credentials.factors {
                let document = json!({
                    "type": factor.kind.as_str(),
                    "identifiers": [factor.identity],
                    "version": 0,
                    "created_at": factor.created_at,
                    "updated_at": factor.updated_at,
                });
                by_type.insert(factor.kind.as_str().to_owned(), document);
            }
            fields.insert("credentials".to_owned(), by_type.into());
        }
    }
    document
}
