//! What clients may ask for, and what it is called: `oauth2.resources`, `scope_descriptions` and `authorization_details_types`.

use std::collections::BTreeMap;

use identity::schema::JsonSchema;
use oauth2::details::{DetailsType, Validation};
use oauth2::resource::canonical;
use oauth2::scope::Scopes;
use oauth2::settings::Settings;
use serde_json::Value;
use tenancy::DeclaredPlugin;
use tenancy::plugin::{Binding, HookName};
use ui::Locale;

use super::json;
use crate::problem::Report;

/// What fits on a page, in characters.
const WORDS: usize = 300;
/// The longest name of a type, in bytes.
const NAME: usize = 128;

/// Reports what cannot be asked for, or said.
pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    for (index, resource) in settings.resources.iter().enumerate() {
        if canonical(resource).is_none() {
            let words = format!("`{resource}` is not an absolute URI without fragment");
            report(&format!("oauth2.resources[{index}]"), words);
        }
    }
    for (scope, words) in &settings.scope_descriptions {
        let key = format!("oauth2.scope_descriptions.{scope}");
        if Scopes::parse(scope).is_err() || scope.contains(' ') {
            report(&key, format!("`{scope}` is not one scope"));
        }
        check_words(words, &key, report);
    }
    let types = &settings.authorization_details_types;
    for (index, one) in types.iter().enumerate() {
        let key = format!("oauth2.authorization_details_types[{index}]");
        if types.iter().take(index).any(|other| other.name == one.name) {
            report(&format!("{key}.name"), format!("`{}` is there already", one.name));
        }
        check_type(one, &key, report);
    }
}

/// Whoever leaves it to plugins whether details are good declares one that is asked about every client's. One that is uploaded
/// does not count: it goes without these settings being asked.
pub(super) fn check_judges(settings: &Settings, plugins: &[DeclaredPlugin], report: &mut Report<'_>) {
    let is_judge = |binding: &Binding| {
        binding.hook == HookName::Policy && binding.organisation.is_none() && binding.client.is_none()
    };
    if plugins.iter().any(|plugin| plugin.bind.iter().any(is_judge)) {
        return;
    }
    for (index, one) in settings.authorization_details_types.iter().enumerate() {
        if one.validate == Validation::Plugin {
            let key = format!("oauth2.authorization_details_types[{index}].validate");
            let words = "asks a plugin, and the tenant has none that is bound to `policy` for every client and organisation";
            report(&key, words.to_owned());
        }
    }
}

fn check_type(one: &DetailsType, key: &str, report: &mut Report<'_>) {
    let is_plain = one.name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if one.name.is_empty() || one.name.len() > NAME || !is_plain {
        let words =
            format!("must have 1 to {NAME} characters of ASCII, without spaces, quotes and backslashes");
        report(&format!("{key}.name"), words);
    }
    let at = format!("{key}.schema");
    json::check_object(&at, &one.schema, report);
    if let Err(error) = JsonSchema::compile(&Value::Object(one.schema.clone())) {
        report(&at, error.to_string());
    }
    if !one.schema.get("properties").is_some_and(Value::is_object) {
        report(&at, "has no `properties`: only members that they name are taken".to_owned());
    }
    check_words(&one.words, &format!("{key}.words"), report);
}

/// Texts by language.
fn check_words(words: &BTreeMap<String, String>, key: &str, report: &mut Report<'_>) {
    let languages = Locale::ALL.map(Locale::tag);
    for (language, text) in words {
        let key = format!("{key}.{language}");
        if !languages.contains(&language.as_str()) {
            report(&key, format!("is no language of the pages: {}", languages.join(", ")));
        }
        if !(1..=WORDS).contains(&text.trim().chars().count()) || text.contains(char::is_control) {
            report(&key, format!("must have 1 to {WORDS} characters, in one line"));
        }
        if text.matches('{').count() != text.matches('}').count() {
            report(&key, "has a brace that nothing closes or opens".to_owned());
        }
    }
}
