//! How the forms to sign in and up are laid out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Signing in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoginSettings {
    /// Whether everything is asked for at once.
    pub style: LoginStyle,
}

/// What a form to sign in asks for first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginStyle {
    /// Everything on one page.
    #[default]
    Unified,
    /// Who it is, and on the next page how they prove it.
    IdentifierFirst,
}

/// Signing up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrationSettings {
    /// Whether everything is asked for at once.
    pub style: RegistrationStyle,
}

/// What a form to sign up asks for first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationStyle {
    /// Everything on one page.
    #[default]
    Unified,
    /// The profile, and on the next page what it is signed in with.
    ProfileFirst,
}
