//! From what a provider says to traits, where no plugin decides: each trait takes the claim that is called like it.

use std::collections::BTreeSet;

use identity::Identifier;
use identity::hooks::Mapping;
use identity::identity::AddressKind;
use identity::schema::{InputType, Schema};
use serde_json::{Map, Value};

use crate::provider::Provider;

/// As many groups, of as long names, as a plugin may say.
const MOST_GROUPS: usize = 1_000;
const GROUP_BYTES: usize = 256;

/// What a trait is called, and under which names claims say it.
const USUAL: [(&str, &[&str]); 8] = [
    ("first", &["given_name"]),
    ("last", &["family_name"]),
    ("firstName", &["given_name"]),
    ("lastName", &["family_name"]),
    ("first_name", &["given_name"]),
    ("last_name", &["family_name"]),
    ("phone", &["phone_number"]),
    ("username", &["preferred_username", "nickname"]),
];

/// The traits of somebody, by the provider's settings.
pub(crate) fn map(provider: &Provider, claims: &Map<String, Value>, schema: &Schema) -> Mapping {
    let own = &provider.settings.claims;
    let mut traits = Map::new();
    for field in schema.fields() {
        let name = field.path.join(".");
        let value = match own.get(&name) {
            Some(claim) => find(claims, claim),
            None if own.is_empty() => usual(claims, &field.path),
            None => None,
        };
        if let Some(value) = value.and_then(|value| typed(value, field.input)) {
            place(&mut traits, &field.path, value);
        }
    }
    Mapping {
        traits,
        metadata_public: None,
        metadata_admin: None,
        groups: provider.settings.groups_claim.as_deref().map(|claim| groups(claims, claim)),
        verified_addresses: verified(provider, claims),
    }
}

/// Addresses that count as proven. What a plugin says of them does not pass by this either.
///
/// Attack: whoever administers a directory at a provider writes a victim's address into it, and the provider passes it
/// on. So it counts only where the provider says that it verified it, and is trusted to.
pub(crate) fn verified(provider: &Provider, claims: &Map<String, Value>) -> Vec<(AddressKind, String)> {
    if !provider.trusts_email() || claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let address = claims.get("email").and_then(Value::as_str).and_then(Identifier::parse);
    address.map(|address| (AddressKind::Email, address.as_str().to_owned())).into_iter().collect()
}

/// The groups in a claim: a list of names, or one. A claim that is not there is an empty list: whoever left the last group has
/// none.
fn groups(claims: &Map<String, Value>, claim: &str) -> BTreeSet<String> {
    let found = match find(claims, claim) {
        Some(Value::Array(found)) => found.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let names = found.iter().filter_map(Value::as_str).filter(|name| name.len() <= GROUP_BYTES);
    names.take(MOST_GROUPS).map(str::to_owned).collect()
}

fn usual<'a>(claims: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let last = path.last()?;
    let known = USUAL.iter().find(|(name, _)| name == last).map_or(&[][..], |(_, names)| names);
    // `name.first` is a part of a name; `first` alone may be anything.
    let is_part = path.len() > 1 || !matches!(last.as_str(), "first" | "last");
    let by_usual_name = known.iter().filter(|_| is_part).find_map(|name| claims.get(*name));
    claims.get(last).filter(|_| path.len() == 1).or(by_usual_name)
}

fn find<'a>(claims: &'a Map<String, Value>, dotted: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(dotted) {
        return Some(value);
    }
    let (first, rest) = dotted.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
}

/// Only what a form could have been filled with.
fn typed(value: &Value, input: InputType) -> Option<Value> {
    match (input, value) {
        (InputType::Checkbox, Value::Bool(_)) | (InputType::Number, Value::Number(_)) => Some(value.clone()),
        (InputType::Checkbox | InputType::Number, _) => None,
        (_, Value::String(text)) if !text.is_empty() => Some(value.clone()),
        (_, _) => None,
    }
}

fn place(values: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => {
            values.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            let inner = values.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}
