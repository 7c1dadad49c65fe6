//! The `credential-import` hook: verify a password that was set elsewhere, once.

use crate::bindings::credential_import::exports::portcullis::credential_import::hook as wit;
pub use crate::call::{Actor, CallContext, HookError, Origin, Person};
pub use wit::{ImportAttempt, Verdict};

/// A plugin on the `credential-import` hook.
///
/// If the function returns an error or panics, nobody is signed in: the hook fails closed. Nothing that is logged
/// while it runs is kept, since its input is a password.
pub trait Hook {
    /// Called when somebody signs in to an account that has no password of the server's own yet; and alike, without
    /// a person, when another sign-in fails: take as long as for somebody then.
    fn verify(call: CallContext, attempt: ImportAttempt) -> Result<Verdict, HookError>;
}

impl Verdict {
    /// Whether it is the password.
    pub fn correct_if(is_correct: bool) -> Self {
        if is_correct { Self::Correct } else { Self::Wrong }
    }
}

/// Exports a type that implements [`credential_import::Hook`](crate::credential_import::Hook) as this component's
/// `credential-import` hook.
#[macro_export]
macro_rules! export_credential_import {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::credential_import::exports::portcullis::credential_import::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn verify(
                    call: wit::CallContext,
                    attempt: wit::ImportAttempt,
                ) -> Result<wit::Verdict, wit::HookError> {
                    Ok(<$plugin as $crate::credential_import::Hook>::verify(call, attempt)?)
                }
            }

            $crate::bindings::credential_import::__export_credential_import_component!(
                Component with_types_in $crate::bindings::credential_import
            );
        };
    };
}
