//! What a webhook that has a say answers.
//!
//! | answer | what it means |
//! |---|---|
//! | 200 with `{"identity": …}`, where answers are parsed | the identity is written with these traits and metadata |
//! | any other 2xx | nothing |
//! | 4xx or 5xx with `{"messages": …}` | the form says so, and nothing is written |
//! | any other | the webhook failed |
//!
//! Attack: whoever runs a webhook makes somebody's account another's, lets in who is disabled, or gives them a password. So
//! of an identity it may change traits, metadata and whether addresses are proven, each checked as if a person had typed it;
//! an answer that changes anything else is no answer.

use identity::flow::{Message, MessageKind};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Messages that are shown at most.
const MESSAGES: usize = 32;
/// The longest text of one, in characters.
const TEXT: usize = 1000;
/// The id of a message that says none: that of a message that has but its words.
const GENERIC: u32 = 4_000_001;

/// What an answer means.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, for one request")]
pub(super) enum Said {
    /// To go on, with these changes.
    Go(Changes),
    /// To stop, with these words: of a field, or of the whole form.
    Stop(Vec<(Option<String>, Message)>),
}

/// What becomes of an identity.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) traits: Option<Map<String, Value>>,
    pub(super) metadata_public: Option<Map<String, Value>>,
    pub(super) metadata_admin: Option<Map<String, Value>>,
    /// Addresses whose owner is proven.
    pub(super) verified: Vec<String>,
}

/// An answer that is none. Whoever runs the webhook has to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Improper(String);

#[derive(Deserialize)]
struct Answer {
    identity: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Interruption {
    messages: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    instance_ptr: String,
    messages: Vec<Words>,
}

#[derive(Deserialize)]
struct Words {
    id: Option<u32>,
    text: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

/// What must stay as it was said to the webhook.
const PROTECTED: [&str; 5] = ["id", "schema_id", "state", "external_id", "organization_id"];

/// Reads an answer. `sent` is the identity of which the webhook was told; `parses` whether it may change it.
pub(super) fn read((status, body): (u16, &[u8]), (sent, parses): (&Value, bool)) -> Result<Said, Improper> {
    match status {
        200 if parses && !body.is_empty() => {
            let answer: Answer = serde_json::from_slice(body)
                .map_err(|_| Improper("it answered 200 with something that is not JSON".to_owned()))?;
            let changes = answer.identity.map(|identity| changes(identity, sent)).transpose()?;
            Ok(Said::Go(changes.unwrap_or_default()))
        }
        200..300 => Ok(Said::Go(Changes::default())),
        400..600 => stop(status, body),
        _ => Err(Improper(format!("it answered {status}"))),
    }
}

fn changes(mut identity: Map<String, Value>, sent: &Value) -> Result<Changes, Improper> {
    for name in PROTECTED {
        let is_same = match identity.get(name) {
            None | Some(Value::Null) => true,
            Some(value) => sent.get(name) == Some(value),
        };
        if !is_same {
            return Err(Improper(format!("it changes `{name}` of the identity")));
        }
    }
    match identity.get("credentials") {
        None | Some(Value::Null) => {}
        Some(Value::Object(none)) if none.is_empty() => {}
        Some(_) => return Err(Improper("it sets credentials of the identity".to_owned())),
    }
    let mut object = |name: &str| match identity.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Improper(format!("`{name}` is no object"))),
    };
    let (traits, metadata_public, metadata_admin) =
        (object("traits")?, object("metadata_public")?, object("metadata_admin")?);
    let addresses = identity.get("verifiable_addresses").and_then(Value::as_array);
    let verified = addresses
        .into_iter()
        .flatten()
        .filter(|address| address.get("verified") == Some(&Value::Bool(true)))
        .filter_map(|address| address.get("value").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let is_new = |traits: &Map<String, Value>| sent.get("traits").and_then(Value::as_object) != Some(traits);
    Ok(Changes { traits: traits.filter(is_new), metadata_public, metadata_admin, verified })
}

fn stop(status: u16, body: &[u8]) -> Result<Said, Improper> {
    let unreadable = || Improper(format!("it answered {status} without `messages`"));
    let Interruption { messages } = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let told: Vec<_> = messages
        .into_iter()
        .flat_map(|group| {
            let field = field(&group.instance_ptr);
            group.messages.into_iter().map(move |words| (field.clone(), message(words)))
        })
        .take(MESSAGES)
        .collect();
    if told.is_empty() { Err(unreadable()) } else { Ok(Said::Stop(told)) }
}

/// `#/traits/email` is the field `traits.email`.
fn field(pointer: &str) -> Option<String> {
    let path = pointer.trim_start_matches('#').trim_start_matches('/');
    (!path.is_empty()).then(|| path.replace('/', "."))
}

fn message(words: Words) -> Message {
    let kind = match words.kind.as_deref() {
        Some("info") => MessageKind::Info,
        Some("success") => MessageKind::Success,
        _ => MessageKind::Error,
    };
    let text: String = words.text.chars().take(TEXT).collect();
    let mut context = words.context.unwrap_or_default();
    let id = words.id.unwrap_or(GENERIC);
    if id == GENERIC {
        // Pages in other languages put the words where this message has them.
        context.entry("reason").or_insert_with(|| text.clone().into());
    }
    Message::of_webhook(id, &text, kind, context)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent() -> Value {
        json!({
            "id": "00000000-0000-0000-0000-000000000000", "schema_id": "default", "state": "active",
            "traits": {"email": "ada@b.example"},
        })
    }

    fn check(status: u16, body: &Value) -> Result<Said, String> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        read((status, &body), (&sent(), true)).map_err(|error| error.to_string())
    }

    fn object(value: &Value) -> Option<Map<String, Value>> {
        value.as_object().cloned()
    }

    #[test]
    fn answer_of_success_may_change_what_is_written() {
        let nothing = Ok(Said::Go(Changes::default()));
        for (status, body) in [
            (200, json!(null)),
            (200, json!({})),
            (200, json!({"identity": null})),
            (200, json!({"identity": sent()})),
            (201, json!({"identity": {"traits": {"email": "eve@b.example"}}})),
            (204, json!(null)),
        ] {
            assert_eq!(check(status, &body), nothing, "{status} {body}");
        }
        let body = json!({"identity": {
            "traits": {"email": "ada@c.example"},
            "metadata_public": {"plan": "team"},
            "metadata_admin": {"crm": 7},
            "verifiable_addresses": [
                {"value": "ada@c.example", "verified": true}, {"value": "eve@c.example", "verified": false},
            ],
        }});
        let changes = Changes {
            traits: object(&json!({"email": "ada@c.example"})),
            metadata_public: object(&json!({"plan": "team"})),
            metadata_admin: object(&json!({"crm": 7})),
            verified: vec!["ada@c.example".to_owned()],
        };
        assert_eq!(check(200, &body), Ok(Said::Go(changes)));
        let unparsed = read((200, body.to_string().as_bytes()), (&sent(), false));
        assert_eq!(unparsed, Ok(Said::Go(Changes::default())), "it may stop, and change nothing");
    }

    #[test]
    fn answer_that_changes_what_is_protected_is_none() {
        for identity in [
            json!({"id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}),
            json!({"schema_id": "admins"}),
            json!({"state": "inactive"}),
            json!({"external_id": "crm-1"}),
            json!({"organization_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}),
            json!({"credentials": {"password": {"config": {"hashed_password": "$2a$…"}}}}),
            json!({"traits": "ada@b.example"}),
            json!({"metadata_admin": [1]}),
        ] {
            assert!(check(200, &json!({"identity": identity})).is_err(), "{identity}");
        }
        assert!(read((200, b"<html>"), (&sent(), true)).is_err());
    }

    #[test]
    fn refusal_has_words_for_fields_and_for_the_form() {
        let body = json!({"messages": [
            {"instance_ptr": "#/traits/name/first", "messages": [
                {"id": 123, "text": "Too short.", "type": "validation", "context": {"value": "A"}},
                {"id": 124, "text": "Really.", "type": "info"},
            ]},
            {"instance_ptr": "#/", "messages": [{"text": "Not today."}]},
        ]});
        let Ok(Said::Stop(told)) = check(422, &body) else { panic!("{:?}", check(422, &body)) };
        let told: Vec<_> = told
            .iter()
            .map(|(field, message)| (field.as_deref(), message.id, message.text.as_str(), message.kind))
            .collect();
        assert_eq!(
            told,
            [
                (Some("traits.name.first"), 123, "Too short.", MessageKind::Error),
                (Some("traits.name.first"), 124, "Really.", MessageKind::Info),
                (None, GENERIC, "Not today.", MessageKind::Error),
            ]
        );
    }

    #[test]
    fn refusal_without_words_and_other_answers_are_failures() {
        for (status, body) in [
            (400, json!(null)),
            (400, json!({})),
            (400, json!({"messages": []})),
            (400, json!({"messages": [{"instance_ptr": "#/traits/email", "messages": []}]})),
            (500, json!("internal server error")),
            (302, json!(null)),
            (100, json!(null)),
        ] {
            assert!(check(status, &body).is_err(), "{status} {body}");
        }
    }
}
