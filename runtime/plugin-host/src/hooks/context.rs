//! What all hooks are told, written out once for all guests of a call, and what all answers are checked for.

use identity::Identity;
use identity::hooks::Origin;
use primitives::hooks::{HookContext, HookFailureKind};
use primitives::{Actor, ClientId, TenantId};
use serde_json::Value;
use uuid::fmt::Hyphenated;

use crate::call::Failure;

/// How many bytes of a message are shown.
const MESSAGE_BYTES: usize = 512;
/// How many fields may be refused at once.
const MOST_FIELDS: usize = 32;
/// How many bytes a field's name has at most.
const FIELD_BYTES: usize = 128;
/// How many bytes of a `User-Agent` a guest is told.
const USER_AGENT_BYTES: usize = 256;

/// Whose call it is. It outlives whoever asked: a guest may still be on its way to its end when nobody waits
/// for it any more.
#[derive(Clone)]
pub(crate) struct ContextInput {
    pub(crate) now: i64,
    pub(crate) tenant: TenantId,
    pub(crate) organisation: Option<String>,
    pub(crate) client: Option<ClientId>,
    pub(crate) actor: Actor,
    /// The actor's identifier, where it is not text already.
    pub(crate) actor_id: String,
    request_id: [u8; Hyphenated::LENGTH],
}

impl ContextInput {
    pub(crate) fn new(now: i64, context: &HookContext) -> Self {
        Self {
            now,
            tenant: context.tenant.clone(),
            organisation: context.organisation.map(|organisation| organisation.to_string()),
            client: context.client.clone(),
            actor: context.actor.clone(),
            actor_id: match &context.actor {
                Actor::Subject(id) => id.to_string(),
                Actor::AdminKey(id) => id.to_string(),
                Actor::Anonymous | Actor::System | Actor::Client(_) | Actor::Listener(_) => String::new(),
            },
            request_id: {
                let mut text = [0; Hyphenated::LENGTH];
                context.request.0.hyphenated().encode_lower(&mut text);
                text
            },
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        // Written as ASCII above.
        std::str::from_utf8(&self.request_id).unwrap_or_default()
    }
}

/// The `call-context` of one package's bindings, from a [`ContextInput`].
macro_rules! call_context {
    ($types:ident, $input:expr) => {{
        let input: &$crate::hooks::context::ContextInput = $input;
        $types::CallContext {
            tenant: input.tenant.as_str(),
            organisation: input.organisation.as_deref(),
            client: input.client.as_ref().map(primitives::ClientId::as_str),
            actor: match &input.actor {
                primitives::Actor::Anonymous => $types::Actor::Anonymous,
                primitives::Actor::Subject(_) => $types::Actor::Subject(&input.actor_id),
                primitives::Actor::Client(id) => $types::Actor::Client(id.as_str()),
                primitives::Actor::AdminKey(_) => $types::Actor::AdminKey(&input.actor_id),
                primitives::Actor::Listener(name) => $types::Actor::Listener(name),
                primitives::Actor::System => $types::Actor::System,
            },
            request_id: input.request_id(),
            now: input.now,
            extensions: &[],
        }
    }};
}
pub(crate) use call_context;

/// An account, as guests see it.
#[derive(Clone)]
pub(crate) struct PersonInput {
    pub(crate) id: String,
    pub(crate) schema: String,
    pub(crate) traits: String,
    pub(crate) metadata_public: String,
    pub(crate) metadata_admin: String,
}

impl PersonInput {
    pub(crate) fn new(identity: &Identity) -> Self {
        let json = |value: Option<&Value>| value.map_or_else(|| "null".to_owned(), Value::to_string);
        Self {
            id: identity.id.to_string(),
            schema: identity.schema_id.clone(),
            traits: object(&identity.traits),
            metadata_public: json(identity.metadata_public.as_ref()),
            metadata_admin: json(identity.metadata_admin.as_ref()),
        }
    }
}

/// The `person` of one package's bindings, from a [`PersonInput`].
macro_rules! person {
    ($types:ident, $input:expr) => {{
        let input: &$crate::hooks::context::PersonInput = $input;
        $types::Person {
            id: &input.id,
            schema: &input.schema,
            traits: &input.traits,
            metadata_public: &input.metadata_public,
            metadata_admin: &input.metadata_admin,
            extensions: &[],
        }
    }};
}
pub(crate) use person;

/// From where a person speaks, as guests see it.
#[derive(Clone)]
pub(crate) struct OriginInput {
    pub(crate) address: String,
    pub(crate) user_agent: Option<String>,
}

impl OriginInput {
    pub(crate) fn new(origin: &Origin) -> Self {
        Self {
            address: origin.address.0.to_string(),
            user_agent: origin.user_agent.as_deref().map(|text| cut(text, USER_AGENT_BYTES).to_owned()),
        }
    }
}

/// The `origin` of one package's bindings, from an [`OriginInput`].
macro_rules! origin {
    ($types:ident, $input:expr) => {{
        let input: &$crate::hooks::context::OriginInput = $input;
        $types::Origin { address: &input.address, user_agent: input.user_agent.as_deref(), extensions: &[] }
    }};
}
pub(crate) use origin;

/// The text of a JSON object.
pub(crate) fn object(object: &serde_json::Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap_or_else(|_| "{}".to_owned())
}

/// A guest answered something that is not allowed.
pub(crate) fn bad(detail: impl Into<String>) -> Failure {
    (HookFailureKind::BadAnswer, detail.into())
}

/// Extensions are empty until a name is defined for them.
pub(crate) fn check_extensions(extensions: &[(String, String)]) -> Result<(), Failure> {
    if extensions.is_empty() { Ok(()) } else { Err(bad("extensions are empty in this version")) }
}

/// Makes a guest's words fit for a form, where they are shown as text: on one line, of bounded length.
pub(crate) fn check_message(text: &str) -> String {
    line(text, MESSAGE_BYTES)
}

fn line(text: &str, bytes: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&line, bytes).to_owned()
}

/// What a guest finds wrong with fields.
pub(crate) fn check_fields(fields: Vec<(String, String)>) -> Result<Vec<(String, String)>, Failure> {
    if fields.len() > MOST_FIELDS {
        return Err(bad(format!("more than {MOST_FIELDS} fields are refused")));
    }
    Ok(fields.into_iter().map(|(field, text)| (line(&field, FIELD_BYTES), check_message(&text))).collect())
}

fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_one_bounded_line() {
        assert_eq!(check_message("No\nSet-Cookie: x\u{7}"), "No Set-Cookie: x ");
        assert_eq!(check_message(&"ä".repeat(MESSAGE_BYTES)).len(), MESSAGE_BYTES);
        assert_eq!(check_message("Für heute geschlossen"), "Für heute geschlossen");
    }
}
