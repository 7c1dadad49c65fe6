//! Identities that no longer follow their schema, since the schema has changed.

use serde_json::{Value, json};

use crate::flow::{Message, Room};
use crate::identity::Identity;

/// What is wrong with an identity, or nothing.
pub fn violations(room: Room<'_>, identity: &Identity) -> Option<Value> {
    let found: Vec<Value> = match room.schemas.find(&identity.schema_id) {
        None => vec![json!({ "field": "schema_id", "problem": "there is no such schema" })],
        Some(schema) => match schema.check_traits(identity.traits.clone()) {
            Ok(_) => return None,
            Err(violations) => violations
                .iter()
                .map(|violation| {
                    let text = Message::from(violation).text;
                    json!({ "field": violation.field, "problem": text })
                })
                .collect(),
        },
    };
    Some(json!({ "id": identity.id, "schema_id": identity.schema_id, "violations": found }))
}
