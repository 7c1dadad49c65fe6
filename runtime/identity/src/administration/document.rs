//! The `identity` document as operators see it.

use primitives::{IdentityId, Timestamp};
use serde_json::{Value, json};

use super::link_tokens;
use crate::factor::FactorKind;
use crate::identity::Identity;
use crate::providers::Link;
use crate::session::identity_document;
use crate::webauthn::StoredKey;

/// What is told of an identity's credentials. Never a hash; the tokens of other providers to those who may have them.
#[derive(Debug, Clone, PartialEq)]
pub struct Credentials {
    /// What it signs in with.
    pub identifiers: Vec<String>,
    /// Whether it has a password.
    pub has_password: bool,
    /// Its second factors.
    pub factors: Vec<FactorCredential>,
    /// Its links to other providers.
    pub links: Vec<Link>,
    /// Whether the tokens of these are told.
    pub shows_tokens: bool,
    /// Its passkeys and security keys.
    pub keys: Vec<StoredKey>,
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
            if !credentials.links.is_empty() {
                by_type.insert("oidc".to_owned(), linked(&credentials.links, credentials.shows_tokens));
            }
            for group in ["passkey", "webauthn"] {
                if let Some(document) = keys_document(group, &credentials.keys) {
                    by_type.insert(group.to_owned(), document);
                }
            }
            fields.insert("credentials".to_owned(), by_type.into());
        }
    }
    document
}

fn linked(links: &[Link], shows_tokens: bool) -> Value {
    let provider = |link: &Link| {
        let mut provider = json!({ "provider": link.provider, "subject": link.subject });
        if let (Some(fields), Some(organisation)) = (provider.as_object_mut(), link.organisation) {
            fields.insert("organization".to_owned(), json!(organisation));
        }
        if let (Some(fields), true, Some(tokens)) = (provider.as_object_mut(), shows_tokens, &link.tokens) {
            link_tokens::write(tokens, fields);
        }
        provider
    };
    json!({
        "type": "oidc",
        "identifiers": links.iter().map(Link::identifier).collect::<Vec<_>>(),
        "config": { "providers": links.iter().map(provider).collect::<Vec<_>>() },
        "version": 0,
        "created_at": links.iter().map(|link| link.created_at).min(),
        "updated_at": links.iter().map(|link| link.updated_at).max(),
    })
}

/// The keys of a type: each by the id that takes it away, and what it is. None if there are none.
fn keys_document(group: &str, keys: &[StoredKey]) -> Option<Value> {
    let keys: Vec<&StoredKey> = keys.iter().filter(|key| key.record.kind.group() == group).collect();
    Some(json!({
        "type": group,
        "identifiers": keys.iter().map(|key| key.record.id.to_string()).collect::<Vec<_>>(),
        "config": { "credentials": keys.iter().map(|key| key_document(key)).collect::<Vec<_>>() },
        "version": 1,
        "created_at": keys.first()?.created_at,
        "updated_at": keys.iter().map(|key| key.updated_at).max()?,
    }))
}

/// What is told of a key; nothing that signs in with it.
pub(super) fn key_document(key: &StoredKey) -> Value {
    let record = &key.record;
    json!({
        "id": record.id.to_string(),
        "display_name": record.display_name,
        "added_at": key.created_at,
        "is_passwordless": record.kind.is_first_factor(),
        "attestation_type": record.attestation,
        "transport": record.transports,
        "authenticator": { "aaguid": record.aaguid, "sign_count": record.sign_count },
        "flags": {
            "user_verified": record.uv_initialized,
            "backup_eligible": record.backup_eligible,
            "backup_state": record.backup_state,
        },
    })
}
