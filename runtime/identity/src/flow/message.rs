//! What forms say: messages with the numeric ids that user interfaces translate by.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::password::PolicyViolation;
use crate::schema::{TraitProblem, TraitViolation};

/// A message of a form or of one of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its stable id. Ids below 8,000,000 are those of the flow API; ours begin there.
    pub id: u32,
    /// Its text in English.
    pub text: String,
    /// How it is meant.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// The values in its text, for translations.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
}

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// A label or a hint.
    Info,
    /// Something is wrong.
    Error,
    /// Something was done.
    Success,
}

impl Message {
    pub(super) fn new(id: u32, kind: MessageKind, text: impl Into<String>) -> Self {
        Self { id, text: text.into(), kind, context: Map::new() }
    }

    pub(super) fn info(id: u32, text: impl Into<String>) -> Self {
        Self::new(id, MessageKind::Info, text)
    }

    pub(super) fn error(id: u32, text: impl Into<String>) -> Self {
        Self::new(id, MessageKind::Error, text)
    }

    pub(super) fn success(id: u32, text: impl Into<String>) -> Self {
        Self::new(id, MessageKind::Success, text)
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.context.insert(name.to_owned(), value.into());
        self
    }

    /// Label of the button that signs in.
    pub fn sign_in_with_password() -> Self {
        Self::info(1_010_022, "Sign in with password")
    }

    /// Asks to prove again who one is.
    pub fn confirm_it_is_you() -> Self {
        Self::info(1_010_003, "Please confirm this action by verifying that it is you.")
    }

    /// Label of the button that signs up.
    pub fn sign_up() -> Self {
        Self::info(1_040_001, "Sign up")
    }

    /// Changes were saved.
    pub fn saved() -> Self {
        Self::new(1_050_001, MessageKind::Success, "Your changes have been saved!")
    }

    /// Label of a password field.
    pub fn password_label() -> Self {
        Self::info(1_070_001, "Password")
    }

    /// Label of a field that a schema names.
    pub fn generated_label(title: &str, name: &str) -> Self {
        Self::info(1_070_002, title).with("title", title).with("name", name)
    }

    /// Label of a button that saves.
    pub fn save() -> Self {
        Self::info(1_070_003, "Save")
    }

    /// Label of an identifier that the schema does not name.
    pub fn id_label() -> Self {
        Self::info(1_070_004, "ID")
    }

    /// A field must be given.
    pub fn missing(property: &str) -> Self {
        Self::error(4_000_002, format!("Property {property} is missing.")).with("property", property)
    }

    /// Wrong password or no such account; the two are one message.
    pub fn invalid_credentials() -> Self {
        Self::error(
            4_000_006,
            "The provided credentials are invalid, check for spelling mistakes in your password or username, \
             email address, or phone number.",
        )
    }

    /// The identifier, or one that looks like it, is taken.
    pub fn duplicate_credentials() -> Self {
        Self::error(
            4_000_007,
            "An account with the same identifier (email, phone, username, ...) exists already.",
        )
    }

    /// Says only that the input cannot be used.
    pub fn generic(reason: &str) -> Self {
        Self::error(4_000_001, reason).with("reason", reason)
    }

    /// What a server of the tenant's says, under an id that it has chosen.
    pub fn of_webhook(id: u32, text: &str, kind: MessageKind, context: Map<String, Value>) -> Self {
        Self { context, ..Self::new(id, kind, text) }
    }

    /// The traits hold nothing to sign in with.
    pub fn identifier_missing() -> Self {
        Self::error(
            4_000_009,
            "Could not find any login identifiers. Did you forget to set them? This could also be caused by a \
             server misconfiguration.",
        )
    }

    /// The form named no method that we know.
    pub fn no_strategy(kind: &str) -> Self {
        let (id, what) = match kind {
            "login" => (4_010_002, "log you in"),
            "registration" => (4_010_003, "sign you up"),
            "recovery" => (4_010_005, "recover your account"),
            "verification" => (4_010_006, "verify your account"),
            _ => (4_010_004, "update your settings"),
        };
        Self::error(
            id,
            format!("Could not find any strategy to {what} with. Did you fill out the form correctly?"),
        )
    }

    /// The form was open for too long; a new one takes its place.
    pub fn flow_expired(kind: &str, minutes: u64) -> Self {
        let id = match kind {
            "login" => 4_010_001,
            "registration" => 4_040_001,
            "recovery" => 4_060_005,
            "verification" => 4_070_005,
            _ => 4_050_001,
        };
        Self::error(id, format!("The {kind} flow expired {minutes}.00 minutes ago, please try again."))
            .with("expired_minutes_ago", minutes)
    }

    /// A plugin asks for a second factor, and the account has none (ours).
    pub fn second_factor_required() -> Self {
        Self::error(
            8_000_003,
            "You can only sign in here with a second factor, and your account has none. Please ask whoever runs \
             this service.",
        )
    }

    /// Too many attempts (ours).
    pub fn too_many_attempts(seconds: u64) -> Self {
        Self::error(8_000_001, format!("Too many attempts. Please try again in {seconds} seconds."))
            .with("retry_after_seconds", seconds)
            // As people say it.
            .with("retry_after_minutes", seconds.div_ceil(60))
    }

    /// The server is busy (ours).
    pub fn busy() -> Self {
        Self::error(8_000_002, "The server is busy. Please try again in a moment.")
    }
}

impl From<&PolicyViolation> for Message {
    fn from(violation: &PolicyViolation) -> Self {
        match violation {
            PolicyViolation::TooShort { min, actual } => Self::error(
                4_000_032,
                format!("The password must be at least {min} characters long, but got {actual}."),
            )
            .with("min_length", *min)
            .with("actual_length", *actual),
            PolicyViolation::TooLong { max, actual } => Self::error(
                4_000_033,
                format!("The password must be at most {max} characters long, but got {actual}."),
            )
            .with("max_length", *max)
            .with("actual_length", *actual),
            PolicyViolation::SimilarToIdentifier => Self::error(
                4_000_031,
                "The password can not be used because it is too similar to the identifier.",
            ),
            PolicyViolation::Breached { times } => Self::password_breached(*times),
            PolicyViolation::Unchecked => Self::password_unchecked(),
        }
    }
}

impl From<&TraitViolation> for Message {
    fn from(violation: &TraitViolation) -> Self {
        match &violation.problem {
            TraitProblem::Missing { property } => Self::missing(property),
            TraitProblem::TooShort { min, actual } => {
                Self::error(4_000_003, format!("length must be >= {min}, but got {actual}"))
                    .with("min_length", *min)
                    .with("actual_length", *actual)
            }
            TraitProblem::TooLong { max, actual } => {
                Self::error(4_000_017, format!("length must be <= {max}, but got {actual}"))
                    .with("max_length", *max)
                    .with("actual_length", *actual)
            }
            TraitProblem::Pattern { pattern } => {
                Self::error(4_000_004, format!("does not match pattern {pattern:?}"))
                    .with("pattern", pattern.as_str())
            }
            TraitProblem::Format { format } => Self::generic(&format!("is not valid {format:?}")),
            TraitProblem::WrongType { expected, actual } => {
                Self::error(4_000_026, format!("expected {expected}, but got {actual}"))
                    .with("allowed_types", json!([expected]))
                    .with("actual_type", *actual)
            }
            TraitProblem::TooSmall { min } => {
                Self::error(4_000_018, format!("must be >= {min}")).with("minimum", min.clone())
            }
            TraitProblem::TooLarge { max } => {
                Self::error(4_000_020, format!("must be <= {max}")).with("maximum", max.clone())
            }
            TraitProblem::Other { keyword } => Self::generic(&format!("is not allowed by {keyword:?}")),
            TraitProblem::NoIdentifier => Self::generic("cannot be used to sign in"),
        }
    }
}
