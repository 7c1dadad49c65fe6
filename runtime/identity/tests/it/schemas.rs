//! Both dialects of JSON Schema check what they say, each in its own way.

use std::collections::BTreeMap;

use portcullis_identity::Settings;
use portcullis_identity::schema::Schemas;
use portcullis_identity::settings::SchemaSettings;
use serde_json::{Value, json};

fn accepts(schema: Value, traits: &Value) -> bool {
    let schemas = BTreeMap::from([("x".to_owned(), SchemaSettings { schema, selfservice_selectable: true })]);
    let settings = Settings { default_schema: "x".to_owned(), schemas, ..Settings::default() };
    let schemas = Schemas::compile(&settings).unwrap();
    schemas.default_schema().check_traits(traits.as_object().unwrap().clone()).is_ok()
}

fn of(dialect: &str, traits: &Value) -> Value {
    json!({"$schema": dialect, "type": "object", "properties": {"traits": traits}})
}

const DRAFT_07: &str = "http://json-schema.org/draft-07/schema#";
const DRAFT_2020_12: &str = "https://json-schema.org/draft/2020-12/schema";

#[test]
fn tuples_are_items_or_prefix_items() {
    let tuple = |keyword: &str| json!({"type": "object", "properties": {"t": {"type": "array", keyword: [{"type": "string"}, {"type": "number"}]}}});
    for (dialect, keyword, checked) in
        [(DRAFT_07, "items", true), (DRAFT_07, "prefixItems", false), (DRAFT_2020_12, "prefixItems", true)]
    {
        let schema = || of(dialect, &tuple(keyword));
        assert!(accepts(schema(), &json!({"t": ["a", 1]})), "{dialect} {keyword}");
        assert_eq!(accepts(schema(), &json!({"t": [1, "a"]})), !checked, "{dialect} {keyword}");
    }
}

#[test]
fn dependent_required_and_unevaluated_properties_are_of_2020_12() {
    let traits = json!({
        "type": "object",
        "properties": {"phone": {"type": "string"}, "country": {"type": "string"}},
        "dependentRequired": {"phone": ["country"]},
        "unevaluatedProperties": false,
    });
    for (instance, valid) in [
        (json!({"phone": "1", "country": "ch"}), true),
        (json!({"phone": "1"}), false),
        (json!({"other": 1}), false),
        (json!({}), true),
    ] {
        assert_eq!(accepts(of(DRAFT_2020_12, &traits), &instance), valid, "{instance}");
        assert!(accepts(of(DRAFT_07, &traits), &instance), "draft-07 does not know these: {instance}");
    }
}

#[test]
fn local_definitions_have_both_names() {
    for (dialect, place) in [(DRAFT_07, "definitions"), (DRAFT_2020_12, "$defs")] {
        let mut schema =
            of(dialect, &json!({"type": "object", "properties": {"n": {"$ref": format!("#/{place}/n")}}}));
        schema[place] = json!({"n": {"type": "integer", "minimum": 3}});
        assert!(accepts(schema.clone(), &json!({"n": 3})), "{dialect}");
        assert!(!accepts(schema, &json!({"n": 2})), "{dialect}");
    }
}

#[test]
fn people_choose_only_what_is_offered() {
    let schema = |selectable| SchemaSettings {
        schema: json!({"properties": {"traits": {"type": "object", "properties": {}}}}),
        selfservice_selectable: selectable,
    };
    let schemas =
        BTreeMap::from([("customer".to_owned(), schema(true)), ("employee".to_owned(), schema(false))]);
    let schemas = Schemas::compile(&Settings { schemas, ..Settings::default() }).unwrap();
    for (asked, found) in [
        (None, Some("default")),
        (Some("default"), Some("default")),
        (Some("customer"), Some("customer")),
        (Some("employee"), None),
        (Some("none"), None),
    ] {
        assert_eq!(schemas.selectable(asked).map(|schema| schema.id()), found, "{asked:?}");
    }
}
