//! What the hook is asked, as a Cedar request.
//!
//! | | |
//! |---|---|
//! | principal | `User::"…"`, the subject; `Client::"…"` where a client acts for itself; `Nobody::""` where nobody is known |
//! | action | `Action::"…"` |
//! | resource | `client:web` is `Client::"web"`, `mail-box:7` is `MailBox::"7"`; what has no such beginning is `Resource::"…"` |
//! | context | the request's, without what is null, and `call` |

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, Request, Schema};
use portcullis_plugin::policy::{CallContext, HookError, PolicyRequest};
use serde_json::{Map, Value, json};

pub(crate) fn in_cedar(
    call: &CallContext,
    asked: &PolicyRequest,
    schema: Option<&Schema>,
) -> Result<Request, HookError> {
    let principal = match (&asked.subject, &call.client) {
        (Some(subject), _) => entity("User", subject)?,
        (None, Some(client)) => entity("Client", client)?,
        (None, None) => entity("Nobody", "")?,
    };
    let action = entity("Action", &asked.action)?;
    let resource = resource(&asked.resource)?;
    let mut known: Map<String, Value> = asked.context()?;
    plain(&mut known)?;
    known.insert("call".to_owned(), of_call(call));
    let context = Context::from_json_value(Value::Object(known), schema.map(|schema| (schema, &action)));
    let context = context.map_err(|error| format!("the context: {error}"))?;
    Request::new(principal, action, resource, context, schema)
        .map_err(|error| format!("the request is not of the schema: {error}").into())
}

fn entity(kind: &str, id: &str) -> Result<EntityUid, HookError> {
    let kind: EntityTypeName = kind.parse().map_err(|error| format!("{kind:?} is no type: {error}"))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// A word before a colon is the type, unless it is the scheme of an address.
fn resource(name: &str) -> Result<EntityUid, HookError> {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    match name.split_once(':') {
        Some((kind, id)) if word(kind) && !id.starts_with("//") => entity(&in_camel_case(kind), id),
        _ => entity("Resource", name),
    }
}

fn in_camel_case(word: &str) -> String {
    let parts = word.split(['-', '_']);
    parts
        .flat_map(|part| {
            part.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c })
        })
        .collect()
}

/// Takes out what is null, which Cedar has not. What its JSON would take for an entity or an address is refused: the
/// context may be a client's, and is data.
fn plain(object: &mut Map<String, Value>) -> Result<(), HookError> {
    if let Some(key) = object.keys().find(|key| key.starts_with("__")) {
        return Err(format!("the context: {key:?} is Cedar's own").into());
    }
    object.retain(|_, value| !value.is_null());
    object.values_mut().try_for_each(plain_value)
}

fn plain_value(value: &mut Value) -> Result<(), HookError> {
    match value {
        Value::Object(object) => plain(object),
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().try_for_each(plain_value)
        }
        _ => Ok(()),
    }
}

/// Whose call it is, and when.
fn of_call(call: &CallContext) -> Value {
    let extension = |name: &str, argument: String| json!({ "__extn": { "fn": name, "arg": argument } });
    let since = extension("duration", format!("{}ms", call.now.div_euclid(1000)));
    let epoch = extension("datetime", "1970-01-01".to_owned());
    let mut known = json!({
        "tenant": call.tenant,
        "now": { "__extn": { "fn": "offset", "args": [epoch, since] } },
    });
    for (name, value) in [("organisation", &call.organisation), ("client", &call.client)] {
        if let Some(value) = value {
            known[name] = json!(value);
        }
    }
    known
}
