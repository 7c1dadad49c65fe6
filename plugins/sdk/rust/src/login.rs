//! The `login` hook: let people sign in, send them elsewhere, or do not.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::bindings::login::exports::portcullis::login::hook as wit;
pub use crate::call::{Actor, CallContext, HookError, Origin, Person};
use crate::call::{refusal, text};
pub use wit::LoginAttempt;

/// A plugin on the `login` hook. What it does not implement lets people in.
///
/// If a function returns an error or panics, nobody is signed in: the hook fails closed.
pub trait Hook {
    /// Called before the account is looked up. The answer must not depend on whether there is one.
    fn before(call: CallContext, attempt: LoginAttempt) -> Result<Decision, HookError> {
        let _ = (call, attempt);
        Ok(Decision::Allow)
    }

    /// Called when the proof was right, before the session begins.
    fn after(call: CallContext, attempt: LoginAttempt, person: Person) -> Result<Outcome, HookError> {
        let _ = (call, attempt, person);
        Ok(Outcome::allow())
    }
}

/// What a plugin answers to [`Hook::before`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Do not sign in; the person sees why.
    Deny(String),
    /// Sign in elsewhere: at an address that the tenant's settings list.
    Redirect(String),
}

impl Decision {
    /// Do not sign in. `message` is shown to the person, as text.
    pub fn deny(message: impl Into<String>) -> Self {
        Self::Deny(message.into())
    }

    /// Sign in elsewhere.
    pub fn redirect(url: impl Into<String>) -> Self {
        Self::Redirect(url.into())
    }
}

/// What a plugin answers to [`Hook::after`].
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Sign in, with these claims of the session.
    Allow(Map<String, Value>),
    /// Do not sign in; the person sees why.
    Deny(String),
    /// Do not sign in without a second factor.
    RequireSecondFactor,
}

impl Outcome {
    /// Sign in.
    pub fn allow() -> Self {
        Self::Allow(Map::new())
    }

    /// Do not sign in. `message` is shown to the person, as text.
    pub fn deny(message: impl Into<String>) -> Self {
        Self::Deny(message.into())
    }

    /// Adds a claim to the session. The hook `token` is told of it, and the person can read it.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        if let Self::Allow(claims) = &mut self {
            let value = serde_json::to_value(value);
            let value = value.map_err(|error| HookError::new(format!("claim {name}: {error}")))?;
            claims.insert(name.to_owned(), value);
        }
        Ok(self)
    }
}

impl From<Decision> for wit::LoginDecision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => Self::Allow,
            Decision::Deny(message) => Self::Deny(refusal(message)),
            Decision::Redirect(url) => Self::Redirect(wit::Redirection { url, extensions: Vec::new() }),
        }
    }
}

impl TryFrom<Outcome> for wit::LoginOutcome {
    type Error = HookError;

    fn try_from(outcome: Outcome) -> Result<Self, HookError> {
        Ok(match outcome {
            Outcome::Allow(claims) => {
                let claims = if claims.is_empty() { String::new() } else { text("claims", &claims)? };
                Self::Allow(wit::SessionAdditions { claims, extensions: Vec::new() })
            }
            Outcome::Deny(message) => Self::Deny(refusal(message)),
            Outcome::RequireSecondFactor => Self::RequireSecondFactor,
        })
    }
}

/// Exports a type that implements [`login::Hook`](crate::login::Hook) as this component's `login` hook.
#[macro_export]
macro_rules! export_login {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::login::exports::portcullis::login::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn before(
                    call: wit::CallContext,
                    attempt: wit::LoginAttempt,
                ) -> Result<wit::LoginDecision, wit::HookError> {
                    Ok(<$plugin as $crate::login::Hook>::before(call, attempt)?.into())
                }

                fn after(
                    call: wit::CallContext,
                    attempt: wit::LoginAttempt,
                    person: wit::Person,
                ) -> Result<wit::LoginOutcome, wit::HookError> {
                    let outcome = <$plugin as $crate::login::Hook>::after(call, attempt, person)?;
                    Ok(outcome.try_into()?)
                }
            }

    $crate::bindings::login::__export_login_component!(Component with_types_in $crate::bindings::login);
        };
    };
}
