//! The types of a tenant: their names, their schemas, and what they are called on the pages where somebody is asked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A type of `authorization_details` (RFC 9396 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetailsType {
    /// What stands in `type`.
    pub name: String,
    /// What one must look like: a JSON Schema (draft-07, or 2020-12), 64 KiB at most, whose references stay in it. Only
    /// members that its `properties` name are taken; whether objects within may have others is for `additionalProperties`.
    pub schema: Map<String, Value>,
    /// What it lets a client do, by language, as it stands in a list of such sentences: `Pay {amount.value} {amount.currency} to
    /// {creditor}`. What stands in braces is the place of a member. Members that the sentence does not name are listed
    /// below it. Without words all of them are.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    /// Whether the person is asked each time, whatever they said before.
    #[serde(default)]
    pub always_ask: bool,
    /// Who says whether one is good: its schema alone (`schema`), or the tenant's plugins on the hook `policy` beside it
    /// (`plugin`), which are asked at every pushed, authorization, device and token request that holds one.
    #[serde(default, skip_serializing_if = "Validation::is_usual")]
    pub validate: Validation,
}

/// Who says whether a detail is good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// Its type's schema.
    #[default]
    Schema,
    /// That, and the tenant's plugins on the hook `policy`.
    Plugin,
}

impl Validation {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::Schema
    }
}

impl DetailsType {
    /// Whether the schema names a member.
    pub(super) fn has(&self, member: &str) -> bool {
        self.schema.get("properties").is_some_and(|properties| properties.get(member).is_some())
    }
}

/// What there is in the first of these languages, else in English, else in whichever.
pub fn in_language<'a>(words: &'a BTreeMap<String, String>, languages: &[&str]) -> Option<&'a str> {
    let mut wanted = languages.iter().chain(&["en"]).filter_map(|language| words.get(*language));
    wanted.next().or_else(|| words.values().next()).map(String::as_str)
}
