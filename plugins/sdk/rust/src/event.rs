//! The `event` hook: be told what happened in the tenant, afterwards.

use serde::de::DeserializeOwned;

use crate::bindings::event::exports::portcullis::event::hook as wit;
use crate::call::parsed;
pub use crate::call::{Actor, CallContext, HookError};
pub use wit::Event;

/// A plugin on the `event` hook.
///
/// If the function returns an error or panics, the events are offered again, later: the hook fails open.
pub trait Hook {
    /// Called with events in the order in which they happened, each at least once.
    fn consume(call: CallContext, events: Vec<Event>) -> Result<(), HookError>;
}

impl Event {
    /// Parses the details into a type of the plugin's own.
    pub fn details<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("details", &self.details)
    }
}

/// Exports a type that implements [`event::Hook`](crate::event::Hook) as this component's `event` hook.
#[macro_export]
macro_rules! export_event {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::event::exports::portcullis::event::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn consume(call: wit::CallContext, events: Vec<wit::Event>) -> Result<(), wit::HookError> {
                    Ok(<$plugin as $crate::event::Hook>::consume(call, events)?)
                }
            }

    $crate::bindings::event::__export_event_component!(Component with_types_in $crate::bindings::event);
        };
    };
}
