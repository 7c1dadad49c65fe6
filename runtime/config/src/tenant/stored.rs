//! The stored form of a tenant's settings: one JSON document that outlives binaries.

use serde_json::{Map, Value};

use super::settings::{SettingsError, StoredSettings, TenantSettings};

type Object = Map<String, Value>;

/// Reads a document strictly.
pub(super) fn parse(document: &Object) -> Result<TenantSettings, SettingsError> {
    serde_json::from_value(Value::Object(document.clone()))
        .map_err(|error| SettingsError::Form(crate::problem::reword(&error.to_string())))
}

/// Reads a document, without the keys that this binary does not know.
pub(super) fn read(document: &Object) -> Result<StoredSettings, SettingsError> {
    // Nearly every document is known whole; only another binary's pays for the walk.
    if let Ok(settings) = parse(document) {
        return Ok(StoredSettings { settings, unknown: Vec::new() });
    }
    let schema = schemars::schema_for!(TenantSettings).to_value();
    let mut known = Value::Object(document.clone());
    let mut unknown = Vec::new();
    remove_unknown(&schema, &schema, &mut known, "", &mut unknown);
    let Value::Object(known) = known else { return parse(document).map(found_whole) };
    Ok(StoredSettings { settings: parse(&known)?, unknown })
}

const fn found_whole(settings: TenantSettings) -> StoredSettings {
    StoredSettings { settings, unknown: Vec::new() }
}

/// Takes out of `value` the keys that its schema does not have, and names them.
fn remove_unknown(root: &Value, schema: &Value, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    let schema = resolved(root, schema);
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(object) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let others = schema.get("additionalProperties");
            if others == Some(&Value::Bool(false)) {
                let strange = |key: &String| properties.is_none_or(|known| !known.contains_key(key));
                let strange: Vec<String> = object.keys().filter(|key| strange(key)).cloned().collect();
                for key in strange {
                    object.remove(&key);
                    unknown.push(join(&key));
                }
            }
            for (key, inner) in object {
                let schema = properties.and_then(|known| known.get(key)).or(others);
                if let Some(schema) = schema {
                    remove_unknown(root, schema, inner, &join(key), unknown);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (index, item) in items.iter_mut().enumerate() {
                    remove_unknown(root, schema, item, &format!("{path}[{index}]"), unknown);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Follows references and `T or null` to the schema that has keys.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let next = match (schema.get("$ref").and_then(Value::as_str), schema.get("anyOf")) {
        (Some(reference), _) => root.pointer(reference.trim_start_matches('#')),
        (None, Some(Value::Array(cases))) => {
            cases.iter().find(|case| case.get("type") != Some(&Value::from("null")))
        }
        (None, _) => None,
    };
    next.map_or(schema, |next| resolved(root, next))
}

/// What differs from the defaults, by section and key. A key is kept or left out whole: what is inside it
/// may have no default of its own.
pub(super) fn write(settings: &TenantSettings) -> Object {
    let mut document = object(settings);
    let defaults = object(&TenantSettings::default());
    document.retain(|section, value| {
        let Some(default) = defaults.get(section) else { return true };
        if let (Value::Object(keys), Value::Object(defaults)) = (&mut *value, default) {
            keys.retain(|key, value| defaults.get(key) != Some(value));
            return !keys.is_empty();
        }
        value != default
    });
    document
}

fn object(settings: &TenantSettings) -> Object {
    match serde_json::to_value(settings) {
        Ok(Value::Object(object)) => object,
        // Settings are structs whose maps have text keys; such a value always serialises to an object.
        Ok(_) | Err(_) => Object::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn document_holds_what_differs_and_reads_back() {
        assert_eq!(Value::Object(TenantSettings::default().to_document()), json!({}));
        for given in [
            json!({}),
            json!({"oauth2": {"pkce": "public_clients"}}),
            json!({"branding": {"name": "Nexboard", "primary_color": "#0a2540"}}),
            json!({"identity": {"schemas": {"x": {"schema": {"properties": {"traits": {}}}, "selfservice_selectable": true}}}}),
        ] {
            let read = TenantSettings::from_document(&document(&given)).unwrap();
            assert_eq!(read.unknown, [""; 0]);
            assert_eq!(Value::Object(read.settings.to_document()), given);
        }
    }

    #[test]
    fn tables_without_defaults_are_kept_whole() {
        let mut settings = TenantSettings::default();
        settings.identity.limits.identifier.burst += 1;
        let read = TenantSettings::from_document(&settings.to_document()).unwrap();
        assert_eq!(read.settings, settings);
    }

    #[test]
    fn another_binarys_keys_are_passed_over_and_named() {
        for (given, unknown) in [
            (json!({"scim": {"x": 1}}), vec!["scim"]),
            (json!({"oauth2": {"par": true, "pkce": "all"}}), vec!["oauth2.par"]),
            (json!({"identity": {"session": {"a": 1}, "b": 2}}), vec!["identity.b", "identity.session.a"]),
            (
                json!({"identity": {"schemas": {"x": {"schema": {"free": {"form": 1}}, "c": 1}}}}),
                vec!["identity.schemas.x.c"],
            ),
        ] {
            let read = TenantSettings::from_document(&document(&given)).unwrap();
            assert_eq!(read.unknown, unknown, "{given}");
            assert!(TenantSettings::check_document(&document(&given)).is_err(), "{given}");
        }
    }

    #[test]
    fn another_binarys_values_are_refused() {
        for given in [
            json!({"oauth2": {"pkce": "some"}}),
            json!({"oauth2": 3}),
            json!({"branding": {"primary_color": "red"}}),
        ] {
            assert!(TenantSettings::from_document(&document(&given)).is_err(), "{given}");
        }
    }

    /// Attack: whoever may write a tenant's settings has the node read a file or a variable of its own.
    #[test]
    fn document_cannot_refer_to_secrets_of_the_node() {
        let given = json!({"plugin": [{
            "name": "a", "component": "a.wasm", "grants": ["secrets"],
            "secrets": {"key": {"file": "/var/lib/portcullis/master.key"}},
        }]});
        let found = TenantSettings::check_document(&document(&given)).unwrap_err().to_string();
        assert!(found.starts_with("plugin[0].secrets: can only be declared"), "{found}");
        let given = json!({"federation": {"provider": [{
            "id": "a", "provider": "google", "client_id": "c",
            "client_secret": {"file": "/var/lib/portcullis/master.key"},
        }]}});
        let found = TenantSettings::check_document(&document(&given)).unwrap_err().to_string();
        assert!(found.starts_with("federation.provider[0].client_secret: can only be declared"), "{found}");
    }

    /// Attack: whoever may write a tenant's settings has a script run on the origin that it shares with other tenants.
    #[test]
    fn document_brings_no_script() {
        let captcha = |more: &Value| {
            let mut captcha = json!({"provider": "turnstile", "site_key": "k", "secret": "s"});
            captcha.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            TenantSettings::check_document(&document(&json!({"identity": { "captcha": captcha }})))
        };
        let found = captcha(&json!({"script_url": "https://rival.example/a.js"})).unwrap_err().to_string();
        assert!(found.starts_with("identity.captcha.script_url: can only be declared"), "{found}");
        assert!(captcha(&json!({"verify_url": "https://captcha.example/verify"})).is_ok());
    }

    #[test]
    fn contradictions_in_a_new_document_name_their_keys() {
        let given = json!({"oauth2": {"access_token_lifespan": "0s"}, "identity": {"default_schema": "x"}});
        let found = TenantSettings::check_document(&document(&given)).unwrap_err().to_string();
        for key in ["oauth2.access_token_lifespan: ", "identity.default_schema: "] {
            assert!(found.contains(key), "{found}");
        }
    }
}
