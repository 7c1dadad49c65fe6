//! An identity as a line that can be imported elsewhere: what it was made of, and its id.

use serde_json::{Value, json};

use crate::identity::Identity;
use crate::password::HashedPassword;

/// The line. A password's hash is in it only where the caller gives it.
pub fn line(identity: &Identity, password: Option<&HashedPassword>) -> Value {
    let verifiable: Vec<Value> = identity
        .verifiable_addresses
        .iter()
        .map(|address| {
            json!({
                "value": address.value,
                "via": address.via,
                "verified": address.verified,
                "status": address.status,
                "verified_at": address.verified_at,
            })
        })
        .collect();
    let recovery: Vec<Value> = identity
        .recovery_addresses
        .iter()
        .map(|address| json!({ "value": address.value, "via": address.via }))
        .collect();
    let mut line = json!({
        "id": identity.id,
        "schema_id": identity.schema_id,
        "state": identity.state,
        "traits": identity.traits,
        "external_id": identity.external_id,
        "metadata_public": identity.metadata_public,
        "metadata_admin": identity.metadata_admin,
        "organization_id": identity.organisation,
        "verifiable_addresses": verifiable,
        "recovery_addresses": recovery,
    });
    if let (Some(password), Some(fields)) = (password, line.as_object_mut()) {
        let config = match password.elsewhere() {
            None => json!({ "hashed_password": password.0.expose() }),
            Some(credential) => {
                json!({ "hashed_password": credential.expose(), "use_password_migration_hook": true })
            }
        };
        fields.insert("credentials".to_owned(), json!({ "password": { "config": config } }));
    }
    line
}
