//! The `login` hook: let people sign in, or do not.

use crate::bindings::login::exports::portcullis::login::hook as wit;
use crate::call::refusal;
pub use crate::call::{Actor, CallContext, HookError, Origin, Person};
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
    fn after(call: CallContext, attempt: LoginAttempt, person: Person) -> Result<Decision, HookError> {
        let _ = (call, attempt, person);
        Ok(Decision::Allow)
    }
}

/// What a plugin answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Do not sign in; the person sees why.
    Deny(String),
}

impl Decision {
    /// Do not sign in. `message` is shown to the person, as text.
    pub fn deny(message: impl Into<String>) -> Self {
        Self::Deny(message.into())
    }
}

impl From<Decision> for wit::LoginDecision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => Self::Allow,
            Decision::Deny(message) => Self::Deny(refusal(message)),
        }
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
                ) -> Result<wit::LoginDecision, wit::HookError> {
                    Ok(<$plugin as $crate::login::Hook>::after(call, attempt, person)?.into())
                }
            }

    $crate::bindings::login::__export_login_component!(Component with_types_in $crate::bindings::login);
        };
    };
}
