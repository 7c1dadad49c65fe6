//! The document `input`: what the hook is asked.

use portcullis_plugin::policy::{Actor, CallContext, HookError, PolicyRequest};
use serde_json::{Map, Value, json};

/// What is not there is left out, so that rules about it are undefined.
pub(crate) fn document(call: &CallContext, request: &PolicyRequest) -> Result<Value, HookError> {
    let context: Map<String, Value> = request.context()?;
    let mut document = json!({
        "action": request.action,
        "resource": request.resource,
        "context": context,
        "call": {
            "tenant": call.tenant,
            "request_id": call.request_id,
            "actor": actor(&call.actor),
            "now_ns": i128::from(call.now) * 1000,
        },
    });
    if let Some(subject) = &request.subject {
        document["subject"] = json!(subject);
    }
    for (name, value) in [("organisation", &call.organisation), ("client", &call.client)] {
        if let Some(value) = value {
            document["call"][name] = json!(value);
        }
    }
    Ok(document)
}

/// Who acts: what kind, and its name where it has one.
fn actor(actor: &Actor) -> Value {
    match actor {
        Actor::Anonymous => json!({ "kind": "anonymous" }),
        Actor::Subject(id) => json!({ "kind": "subject", "id": id }),
        Actor::Client(id) => json!({ "kind": "client", "id": id }),
        Actor::AdminKey(id) => json!({ "kind": "admin-key", "id": id }),
        Actor::Listener(id) => json!({ "kind": "listener", "id": id }),
        Actor::System => json!({ "kind": "system" }),
    }
}
