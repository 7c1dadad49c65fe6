//! The `account` hook: be told what people did with their accounts.

use crate::bindings::account::exports::portcullis::account::hook as wit;
pub use crate::call::{Actor, CallContext, HookError, Origin, Person};
pub use wit::{AccountEvent, Happening};

/// A plugin on the `account` hook.
///
/// If the function returns an error or panics, that is logged and audited; what happened stays: the hook fails open.
pub trait Hook {
    /// Called when something has happened and is durable.
    fn after(call: CallContext, event: AccountEvent) -> Result<(), HookError>;
}

/// Exports a type that implements [`account::Hook`](crate::account::Hook) as this component's `account` hook.
#[macro_export]
macro_rules! export_account {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::account::exports::portcullis::account::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn after(call: wit::CallContext, event: wit::AccountEvent) -> Result<(), wit::HookError> {
                    Ok(<$plugin as $crate::account::Hook>::after(call, event)?)
                }
            }

    $crate::bindings::account::__export_account_component!(Component with_types_in $crate::bindings::account);
        };
    };
}
