//! A plugin that says what is wrong with its settings, before it is called with them.

use crate::call::HookError;

/// A plugin of any hook whose settings can be wrong in ways that no JSON Schema tells. Export it beside the hook.
pub trait Settings {
    /// Called once when the plugin is given settings, on an instance that serves nothing else. With an error it does not run
    /// with them, and what ran before goes on; the operator is told the error.
    fn check() -> Result<(), HookError>;
}

/// Exports a type that implements [`Settings`](crate::settings::Settings), beside the macro of the hook.
#[macro_export]
macro_rules! export_settings {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::settings::exports::portcullis::plugin::settings as wit;

            struct Component;

            impl wit::Guest for Component {
                fn check() -> Result<(), String> {
                    <$plugin as $crate::settings::Settings>::check().map_err(String::from)
                }
            }

            $crate::bindings::settings::__export_settings_component!(
                Component with_types_in $crate::bindings::settings
            );
        };
    };
}
