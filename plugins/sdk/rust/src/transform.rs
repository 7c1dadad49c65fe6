//! The `transform` hook: make one JSON document of another.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::transform::exports::portcullis::transform::hook as wit;
pub use crate::call::{Actor, CallContext, HookError};
use crate::call::{parsed, text};
pub use wit::TransformRequest;

/// A plugin on the `transform` hook.
///
/// What an error or a panic means, the place says that asks: the hook fails with its caller.
pub trait Hook {
    /// Called where the tenant's settings name the plugin for a template.
    fn transform(call: CallContext, request: TransformRequest) -> Result<Decision, HookError>;
}

/// What a plugin answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This document: the text of a JSON value.
    Output(String),
    /// None, and what it is for is left out.
    Cancel,
}

impl Decision {
    /// This document.
    pub fn output(document: &impl Serialize) -> Result<Self, HookError> {
        Ok(Self::Output(text("document", document)?))
    }
}

impl TransformRequest {
    /// Parses the input into a type of the plugin's own.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("input", &self.input)
    }
}

impl From<Decision> for wit::TransformDecision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Output(document) => Self::Output(wit::Output { document, extensions: Vec::new() }),
            Decision::Cancel => Self::Cancel,
        }
    }
}

/// Exports a type that implements [`transform::Hook`](crate::transform::Hook) as this component's `transform` hook.
#[macro_export]
macro_rules! export_transform {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::transform::exports::portcullis::transform::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn transform(
                    call: wit::CallContext,
                    request: wit::TransformRequest,
                ) -> Result<wit::TransformDecision, wit::HookError> {
                    Ok(<$plugin as $crate::transform::Hook>::transform(call, request)?.into())
                }
            }

            $crate::bindings::transform::__export_transform_component!(
                Component with_types_in $crate::bindings::transform
            );
        };
    };
}
