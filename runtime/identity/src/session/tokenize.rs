//! A session as a JSON Web Token (RFC 7519), by a template of the tenant's settings.
//!
//! Attacks. A template, or the plugin that it names, says of somebody that they are somebody else, that another issuer
//! vouches for them, or that they are signed in for ever: what we say ourselves goes in last, over whatever else says it.
//! A token outlives the session that it stands for: it ends with it at the latest, and [`LiveSession`] is what one is made
//! of. An operator who acts in somebody's name is taken for them by whoever reads the token: it says `act` (RFC 8693
//! section 4.1), always.

use jose::{SignError, TokenSigner, TokenType};
use primitives::Actor;
use primitives::hook_document::{HookDocument, HookDocumentTooLarge};
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::transform::{TransformHook, TransformPlace, TransformRequest};
use serde_json::{Map, Value, json};

use super::LiveSession;
use crate::flow::{Room, schema_url};
use crate::settings::{SubjectSource, TokenTemplate};

/// The claims that neither a template nor a plugin says.
pub(crate) const RESERVED: [&str; 8] = ["iss", "sub", "sid", "iat", "nbf", "exp", "jti", "act"];

/// Who makes tokens.
#[derive(Debug, Clone, Copy)]
pub struct Tokenizer<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// Signs them.
    pub signer: &'a TokenSigner,
    /// Asks the plugin that a template names.
    pub hook: &'a dyn TransformHook,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenizeError {
    /// The client's: the tenant has no template of that name.
    #[error("There is no session tokenizer template of that name.")]
    UnknownTemplate,
    /// The client's: the template's subject is an `external_id`, and the identity has none.
    #[error("The identity has no `external_id`, which the tokenizer template asks for.")]
    NoExternalId,
    /// The tenant's: the session's document is too large for a plugin.
    #[error(transparent)]
    TooLarge(#[from] HookDocumentTooLarge),
    /// The tenant's: the plugin that the template names gave no usable answer.
    #[error(transparent)]
    Hook(HookFailure),
    /// Ours.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Makes the token of a live session.
pub async fn tokenize(
    room: Room<'_>,
    tokenizer: Tokenizer<'_>,
    live: &LiveSession,
    name: &str,
) -> Result<String, TokenizeError> {
    let templates = &room.settings.session.whoami.tokenizer.templates;
    let template = templates.get(name).ok_or(TokenizeError::UnknownTemplate)?;
    let own = own_claims(room, tokenizer.issuer, template, live)?;
    let session = live.document(room.now, &schema_url(tokenizer.issuer, &live.identity().schema_id));
    let filled =
        template.claims.iter().filter_map(|(name, value)| Some((name.clone(), fill(value, &session)?)));
    let mut claims: Map<String, Value> = filled.collect();
    if let Some(plugin) = &template.plugin {
        let input = json!({ "session": session, "claims": own });
        claims.extend(ask(room, tokenizer.hook, (plugin, name), live, &input).await?);
    }
    claims.retain(|name, _| !RESERVED.contains(&name.as_str()));
    claims.extend(own);
    Ok(tokenizer.signer.sign(TokenType::Jwt, &claims).await?)
}

/// What we say.
fn own_claims(
    room: Room<'_>,
    issuer: &str,
    template: &TokenTemplate,
    live: &LiveSession,
) -> Result<Map<String, Value>, TokenizeError> {
    let (session, identity) = (live.session(), live.identity());
    let sub = match template.subject_source {
        SubjectSource::Id => identity.id.to_string(),
        SubjectSource::ExternalId => identity.external_id.clone().ok_or(TokenizeError::NoExternalId)?,
    };
    let expires_at = room.now.after(template.ttl()).min(session.expires_at);
    let mut claims = Map::from_iter([
        ("iss".to_owned(), issuer.into()),
        ("sub".to_owned(), sub.into()),
        ("sid".to_owned(), json!(session.id)),
        ("iat".to_owned(), room.now.seconds().into()),
        // By it the authorization server tells it from an ID token, whatever else a template says (`oauth2/src/own_token.rs`).
        ("nbf".to_owned(), room.now.seconds().into()),
        ("exp".to_owned(), expires_at.seconds().into()),
        ("jti".to_owned(), room.rng.uuid().to_string().into()),
    ]);
    if let Some(actor) = &session.actor {
        claims.insert("act".to_owned(), json!(actor));
    }
    Ok(claims)
}

async fn ask(
    room: Room<'_>,
    hook: &dyn TransformHook,
    (plugin, template): (&str, &str),
    live: &LiveSession,
    input: &Value,
) -> Result<Map<String, Value>, TokenizeError> {
    let identity = live.identity();
    let context = room.hook_context(Actor::Subject(identity.id), Some(identity));
    let empty = Map::new();
    let request = TransformRequest {
        place: TransformPlace::SessionToken,
        template: template.to_owned(),
        subject: Some(identity.id.to_string()),
        input: HookDocument::check(input.as_object().unwrap_or(&empty))?,
    };
    let decision = hook.transform(&context, plugin, &request).await.map_err(TokenizeError::Hook)?;
    match decision.document().map_err(TokenizeError::Hook)? {
        Value::Object(mut document) => match document.remove("claims") {
            Some(Value::Object(claims)) => Ok(claims),
            Some(_) | None => Err(no_claims(plugin)),
        },
        _ => Err(no_claims(plugin)),
    }
}

fn no_claims(plugin: &str) -> TokenizeError {
    let detail = format!("`{plugin}` answers a session's token with no object `claims`");
    // Without a name: whoever runs plugins took this for an answer, and logged nothing.
    TokenizeError::Hook(HookFailure { plugin: String::new(), kind: HookFailureKind::BadAnswer, detail })
}

/// What a text of a template stands for: members of the session's document, one in the other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source<'a>(Vec<&'a str>);

/// It stands for nothing that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownSource;

impl<'a> Source<'a> {
    /// Reads a text in braces; `None` if it stands for itself.
    pub(crate) fn of(text: &'a str) -> Option<Result<Self, UnknownSource>> {
        let path: Vec<&str> = text.strip_prefix('{')?.strip_suffix('}')?.split('.').collect();
        Some(match path.as_slice() {
            ["session", rest @ ..] if !rest.is_empty() => Ok(Self(rest.to_vec())),
            ["identity", rest @ ..] if !rest.is_empty() => Ok(Self(path)),
            _ => Err(UnknownSource),
        })
    }

    fn find(&self, session: &Value) -> Option<Value> {
        let found = self.0.iter().try_fold(session, |value, name| value.get(name))?;
        (!found.is_null()).then(|| found.clone())
    }
}

/// A template's value with what it stands for.
fn fill(value: &Value, session: &Value) -> Option<Value> {
    Some(match value {
        Value::String(text) => match Source::of(text) {
            Some(source) => source.ok()?.find(session)?,
            None => value.clone(),
        },
        Value::Array(values) => values.iter().filter_map(|value| fill(value, session)).collect(),
        Value::Object(members) => {
            let filled =
                members.iter().filter_map(|(name, value)| Some((name.clone(), fill(value, session)?)));
            Value::Object(filled.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &Value, expect: &Value) {
        let session = json!({
            "id": "s",
            "portcullis_claims": { "plan": "gold" },
            "identity": { "traits": { "email": "ada@example.com", "age": 36, "nick": null } },
        });
        assert_eq!(fill(value, &session).unwrap_or(Value::Null), *expect, "{value}");
    }

    #[test]
    fn text_in_braces_stands_for_a_member_and_all_else_for_itself() {
        check(&json!("{session.id}"), &json!("s"));
        check(&json!("{identity.traits.email}"), &json!("ada@example.com"));
        check(&json!("{identity.traits.age}"), &json!(36));
        check(&json!("{session.portcullis_claims}"), &json!({ "plan": "gold" }));
        check(&json!("mail {identity.traits.email}"), &json!("mail {identity.traits.email}"));
        check(&json!(["{session.id}", "{session.none}", 1]), &json!(["s", 1]));
        check(&json!({ "a": { "b": "{session.id}", "c": "{session.x}" } }), &json!({ "a": { "b": "s" } }));
        for none in [
            "{identity.traits.nick}",
            "{identity.traits.x.y}",
            "{session.id.x}",
            "{}",
            "{other.id}",
            "{session}",
        ] {
            check(&json!(none), &Value::Null);
        }
    }
}
