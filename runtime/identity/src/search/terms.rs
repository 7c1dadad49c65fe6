//! The terms of an identity: what it can be found by, folded.

use std::collections::BTreeSet;

use primitives::OrganisationId;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use super::state_term;
use crate::identity::Identity;

/// Terms of one identity; of more, those that come later are left out.
const MOST_TERMS: usize = 64;
/// A longer value is found by its words only.
const LONGEST_VALUE: usize = 256;
/// A longer word is found by its beginning only.
const LONGEST_WORD: usize = 48;

/// Whoever may not sign in has it; the others have none, since they are most.
pub(super) const INACTIVE: &str = "s:inactive";

/// The terms of an identity, each once.
pub fn terms(identity: &Identity) -> Vec<String> {
    let mut terms = BTreeSet::new();
    terms.insert(schema(&identity.schema_id));
    terms.extend(state_term(identity.state).map(str::to_owned));
    terms.extend(identity.organisation.map(organisation));
    terms.extend(identity.verifiable_addresses.iter().map(|known| address(&known.value)));
    terms.extend(identity.recovery_addresses.iter().map(|known| address(&known.value)));
    let mut text = identity.external_id.clone().unwrap_or_default();
    for (name, value) in &identity.traits {
        walk(name, value, &mut terms, &mut text);
    }
    let mut terms: Vec<String> = terms.into_iter().take(MOST_TERMS).collect();
    let room = MOST_TERMS - terms.len();
    terms.extend(words(&text).into_iter().take(room).map(|found| word(&found)));
    terms
}

pub(super) fn schema(id: &str) -> String {
    format!("c:{id}")
}

pub(super) fn organisation(id: OrganisationId) -> String {
    format!("o:{id}")
}

pub(super) fn address(normalised: &str) -> String {
    format!("a:{normalised}")
}

pub(super) fn of_trait(path: &str, folded: &str) -> String {
    format!("t:{path}={folded}")
}

pub(super) fn word(word: &str) -> String {
    format!("w:{word}")
}

/// Every scalar of the traits: by its path, and by its words if it is a text. Elements of a list have the list's path.
fn walk(path: &str, value: &Value, terms: &mut BTreeSet<String>, text: &mut String) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => {
            terms.insert(of_trait(path, &flag.to_string()));
        }
        Value::Number(number) => {
            terms.insert(of_trait(path, &number.to_string()));
        }
        Value::String(value) => {
            terms.extend(folded(value).map(|value| of_trait(path, &value)));
            text.push(' ');
            text.push_str(value);
        }
        Value::Array(values) => values.iter().for_each(|value| walk(path, value, terms, text)),
        Value::Object(fields) => {
            for (name, value) in fields {
                walk(&format!("{path}.{name}"), value, terms, text);
            }
        }
    }
}

/// A value made comparable. None if it is too long to be found as a whole, or empty.
pub(super) fn folded(value: &str) -> Option<String> {
    let folded: String = value.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let folded = folded.trim();
    let fits = !folded.is_empty() && folded.len() <= LONGEST_VALUE && !folded.contains('\0');
    fits.then(|| folded.to_owned())
}

/// The words of a text, each once, in its order.
pub(super) fn words(text: &str) -> Vec<String> {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let mut found: Vec<String> = Vec::new();
    for part in folded.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        let end = (0..=LONGEST_WORD.min(part.len())).rev().find(|at| part.is_char_boundary(*at));
        let word = part.get(..end.unwrap_or_default()).unwrap_or_default();
        if found.len() < MOST_TERMS && !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_bounded() {
        let check = |text: &str, expect: &[&str]| assert_eq!(words(text), expect, "{text}");
        check("Ada.Lovelace@Example.com", &["ada", "lovelace", "example", "com"]);
        check("ADA ada Ａｄａ", &["ada"]);
        check("Émile O'Neill-Žižek 東京", &["émile", "o", "neill", "žižek", "東京"]);
        check(" ... ", &[]);
        assert_eq!(words(&"é".repeat(100)), ["é".repeat(24)]);
        let many: Vec<String> = (0..1000).map(|n| format!("w{n}")).collect();
        assert_eq!(words(&many.join(" ")).len(), MOST_TERMS);
    }

    #[test]
    fn values_too_long_are_not_found_as_a_whole() {
        assert_eq!(folded("  Straße "), Some("straße".to_owned()));
        assert_eq!(folded(&"x".repeat(257)), None);
        assert_eq!(folded("a\0b"), None);
        assert_eq!(folded(" "), None);
    }
}
