//! Rich authorization requests (RFC 9396): what a client asks for that no scope says, e.g. one payment.
//!
//! A tenant registers the types (`oauth2.authorization_details_types`), each with a schema and with words for the person who is
//! asked; a client may use those of its own `authorization_details_types`. Details are asked for at the authorization
//! endpoint, in pushed and signed requests, by devices, and by a client for itself at the token endpoint.
//!
//! | attack | what stops it |
//! |---|---|
//! | a client makes up a type, or a member that resource servers read and nobody checked (section 12) | types and their top-level members are registered; the schema says the rest |
//! | a huge or deep value | `MOST_BYTES`, `MOST` and `MOST_DEPTH`, before anything is walked |
//! | the person allows something else than they read | every member is on the page, in the type's words or beside them: `sentence` |
//! | a member's text becomes a link, or reads as ours | it is a part of its own, that pages escape and set apart; control and direction characters are left out |
//! | more is asked for at the token endpoint than was granted | `remaining`: each one asked for is within one that was granted, which stands for no second |
//! | the same payment twice, by naming it twice | repetition is refused |
//! | a consent that was given once covers another payment | it covers equal details alone; types with `always_ask` none |
//! | a type or a client's leave is taken away, and its tokens go on | they are looked up at every token |
//! | what a schema cannot say is taken because nobody was there to ask | types with `validate = "plugin"` are good only if a plugin says so, at every request: `client_policy::check_details` |
//!
//! **What is narrower** is known of the common members alone that list what a token may do (`locations`, `actions`, `datatypes`,
//! `privileges`; section 2.2): fewer of them are less. Of any other member nobody can tell without knowing its type: a list of
//! exceptions that is shorter is more. They must be equal therefore.

mod sentence;
mod settings;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use sentence::{DetailWords, Part};
pub use settings::{DetailsType, Validation, in_language};

use crate::client::Client;
use crate::grant::Grant;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::token::TokenError;

/// The parameter, the claim and the member of answers.
pub const AUTHORIZATION_DETAILS: &str = "authorization_details";

/// The longest parameter, in bytes: it travels sealed through the browser.
const MOST_BYTES: usize = 4 * 1_024;
const MOST: usize = 8;
/// Objects and lists within each other, a detail itself being the first.
const MOST_DEPTH: usize = 8;

/// Lists of what a token may do (section 2.2).
const LISTS: [&str; 4] = ["locations", "actions", "datatypes", "privileges"];

/// The compiled schemas of a tenant's types.
pub trait DetailSchemas: Send + Sync + fmt::Debug {
    /// What of a detail does not fit the schema of a type, in words for the client's developer; nothing where it fits. Nothing
    /// fits a type that is not there.
    fn misfit(&self, name: &str, detail: &Value) -> Option<String>;
}

/// For a tenant without types.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDetailSchemas;

impl DetailSchemas for NoDetailSchemas {
    fn misfit(&self, _: &str, _: &Value) -> Option<String> {
        Some("there is no such type".to_owned())
    }
}

/// Details that were checked, as they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Map<String, Value>>);

impl AuthorizationDetails {
    /// What a text asks for, of types that `find` has and as their schemas are (section 2), each once and within the bounds; or
    /// what is wrong with it, in words for the client's developer.
    pub fn parse<'a>(
        text: &str,
        find: impl Fn(&Map<String, Value>) -> Option<&'a DetailsType>,
        schemas: &dyn DetailSchemas,
    ) -> Result<Self, String> {
        if text.len() > MOST_BYTES {
            return Err("authorization_details are too long".to_owned());
        }
        let details: Vec<Map<String, Value>> = serde_json::from_str(text)
            .map_err(|_| "authorization_details must be a JSON array of objects".to_owned())?;
        if details.len() > MOST {
            return Err("authorization_details are too many".to_owned());
        }
        for (index, detail) in details.iter().enumerate() {
            if details.iter().take(index).any(|other| other == detail) {
                return Err("authorization_details hold one twice".to_owned());
            }
            check_one(find(detail), detail, schemas)
                .map_err(|wrong| format!("authorization_details: number {index} {wrong}"))?;
        }
        Ok(Self(details))
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, with its type.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
        self.0.iter().map(|detail| (name_of(detail).unwrap_or_default(), detail))
    }

    /// Whether every one of `other` is one of these, as it is.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.0.iter().all(|detail| self.0.contains(detail))
    }

    /// Adds those of others that are not among these.
    pub(crate) fn extend_with(&mut self, others: Self) {
        for detail in others.0 {
            if !self.0.contains(&detail) {
                self.0.push(detail);
            }
        }
    }

    /// These and those of `other`, each once; the newest are kept of more than anybody needs.
    pub(crate) fn merged(mut self, other: &Self) -> Self {
        self.0.retain(|detail| !other.0.contains(detail));
        self.0.extend_from_slice(&other.0);
        let surplus = self.0.len().saturating_sub(MOST_REMEMBERED);
        self.0.drain(..surplus);
        self
    }

    /// Whether each of these is within one of `granted` that no other of these is within.
    pub(crate) fn is_within(&self, granted: &Self) -> bool {
        let mut unused: Vec<_> = granted.0.iter().collect();
        self.0.iter().all(|asked| {
            let equal = unused.iter().position(|granted| *granted == asked);
            let place = equal.or_else(|| unused.iter().position(|granted| is_part(asked, granted)));
            place.map(|place| unused.swap_remove(place)).is_some()
        })
    }

    /// Whether the tenant has every type, and the client may use it.
    pub(crate) fn are_allowed(&self, server: &AuthorizationServer, client: &Client) -> bool {
        self.0.iter().all(|detail| find_type(server, client, detail).is_some())
    }

    /// Whether one is of a type for which the person is asked each time.
    pub(crate) fn always_ask(&self, server: &AuthorizationServer) -> bool {
        let types = &server.settings.authorization_details_types;
        self.iter().any(|(name, _)| types.iter().any(|one| one.name == name && one.always_ask))
    }

    /// Those about which the tenant's plugins have a say.
    pub(crate) fn for_plugins(&self, server: &AuthorizationServer) -> Self {
        let types = &server.settings.authorization_details_types;
        let judged: Vec<_> = types.iter().filter(|one| one.validate == Validation::Plugin).collect();
        let is_judged = |detail: &&Map<String, Value>| {
            judged.iter().any(|one| name_of(detail) == Some(one.name.as_str()))
        };
        if judged.is_empty() {
            Self::default()
        } else {
            Self(self.0.iter().filter(is_judged).cloned().collect())
        }
    }

    /// Takes JSON that an app of the tenant's own has sent, and checks it as a client's.
    pub(crate) fn check_value(
        server: &AuthorizationServer,
        client: &Client,
        value: Vec<Value>,
    ) -> Result<Self, TokenError> {
        check_text(server, client, &Value::Array(value).to_string())
    }
}

/// As many are remembered of one client's.
const MOST_REMEMBERED: usize = 32;

/// What a request asks for, checked against what its client may have.
pub(crate) fn check(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
) -> Result<AuthorizationDetails, TokenError> {
    match parameters.find(AUTHORIZATION_DETAILS) {
        None => Ok(AuthorizationDetails::default()),
        Some(text) => check_text(server, client, text),
    }
}

/// What an access token is for: what is named, within what was granted (section 6); all of it if nothing is named. What the
/// tenant or the client does not have any more is left out.
pub(crate) fn remaining(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
    grant: &Grant,
) -> Result<AuthorizationDetails, TokenError> {
    if parameters.find(AUTHORIZATION_DETAILS).is_some() {
        let asked = check(server, client, parameters)?;
        return if asked.is_within(&grant.details) {
            Ok(asked)
        } else {
            Err(invalid("authorization_details hold more than was granted"))
        };
    }
    let is_left = |detail: &&Map<String, Value>| find_type(server, client, detail).is_some();
    Ok(AuthorizationDetails(grant.details.0.iter().filter(is_left).cloned().collect()))
}

/// For a grant that gives none.
pub(crate) fn check_none(parameters: &Parameters<'_>) -> Result<AuthorizationDetails, TokenError> {
    match parameters.find(AUTHORIZATION_DETAILS) {
        None => Ok(AuthorizationDetails::default()),
        Some(_) => Err(invalid("this grant gives no authorization_details")),
    }
}

fn check_text(
    server: &AuthorizationServer,
    client: &Client,
    text: &str,
) -> Result<AuthorizationDetails, TokenError> {
    let schemas = server.detail_schemas.as_ref();
    AuthorizationDetails::parse(text, |detail| find_type(server, client, detail), schemas)
        .map_err(|wrong| invalid(&wrong))
}

fn check_one(
    known: Option<&DetailsType>,
    detail: &Map<String, Value>,
    schemas: &dyn DetailSchemas,
) -> Result<(), String> {
    let known = known.ok_or_else(|| "is of no type, or of one that the client may not use".to_owned())?;
    let value = Value::Object(detail.clone());
    if is_deeper(&value, MOST_DEPTH) {
        return Err("is nested too deeply".to_owned());
    }
    if let Some(name) = detail.keys().find(|name| *name != "type" && !known.has(name)) {
        return Err(format!("has a member that its type does not have: {name}"));
    }
    schemas.misfit(&known.name, &value).map_or(Ok(()), Err)
}

/// The type of a detail, if the tenant has it and the client may use it.
fn find_type<'a>(
    server: &'a AuthorizationServer,
    client: &Client,
    detail: &Map<String, Value>,
) -> Option<&'a DetailsType> {
    let name = name_of(detail)?;
    let mut allowed = client.record.document.authorization_details_types.iter().flatten();
    if !allowed.any(|allowed| allowed == name) {
        return None;
    }
    server.settings.authorization_details_types.iter().find(|known| known.name == name)
}

fn name_of(detail: &Map<String, Value>) -> Option<&str> {
    detail.get("type")?.as_str()
}

fn is_part(asked: &Map<String, Value>, granted: &Map<String, Value>) -> bool {
    // A member that is left out may have been a bound.
    asked.len() == granted.len()
        && granted.iter().all(|(name, granted)| match (asked.get(name), granted) {
            (Some(Value::Array(few)), Value::Array(all)) if LISTS.contains(&name.as_str()) => {
                // Of what nothing is listed, everything may be meant.
                few == all || (!few.is_empty() && few.iter().all(|one| all.contains(one)))
            }
            (Some(asked), granted) => asked == granted,
            (None, _) => false,
        })
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let below = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(below),
        Value::Object(fields) => levels == 0 || fields.values().any(below),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The words may hold a client's own: what no error may hold is left out (RFC 6749 section 5.2).
fn invalid(text: &str) -> TokenError {
    let is_plain = |c: &char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
    TokenError::InvalidAuthorizationDetails(
        text.chars().filter(is_plain).take(200).collect::<String>().into(),
    )
}
