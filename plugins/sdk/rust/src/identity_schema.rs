//! The `identity-schema` hook: validate traits against more than JSON Schema can say.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::identity_schema::exports::portcullis::identity_schema::hook as wit;
pub use crate::call::{Actor, CallContext, HookError};
use crate::call::{parsed, text};
pub use wit::Candidate;

/// A plugin on the `identity-schema` hook.
///
/// If the function returns an error or panics, the traits are not written: the hook fails closed.
pub trait Hook {
    /// Called before traits are written, whoever writes them. They fit their JSON Schema already.
    fn validate(call: CallContext, candidate: Candidate) -> Result<Verdict, HookError>;
}

/// What a plugin answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// They may be written.
    Valid,
    /// These may be written in their place; they must fit the schema.
    Replace(Map<String, Value>),
    /// They may not, for these fields: the name, e.g. `traits.email`, and what is wrong with it.
    Invalid(Vec<(String, String)>),
}

impl Verdict {
    /// They may not, since something is wrong with a field, e.g. `traits.email`.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![(field.into(), message.into())])
    }
}

impl Candidate {
    /// Parses the traits into a type of the plugin's own.
    pub fn traits<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("traits", &self.traits)
    }
}

impl TryFrom<Verdict> for wit::Verdict {
    type Error = HookError;

    fn try_from(verdict: Verdict) -> Result<Self, HookError> {
        Ok(match verdict {
            Verdict::Valid => Self::Valid(None),
            Verdict::Replace(traits) => Self::Valid(Some(text("traits", &traits)?)),
            Verdict::Invalid(fields) => Self::Invalid(fields),
        })
    }
}

/// Exports a type that implements [`identity_schema::Hook`](crate::identity_schema::Hook) as this component's
/// `identity-schema` hook.
#[macro_export]
macro_rules! export_identity_schema {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::identity_schema::exports::portcullis::identity_schema::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn validate(
                    call: wit::CallContext,
                    candidate: wit::Candidate,
                ) -> Result<wit::Verdict, wit::HookError> {
                    let verdict = <$plugin as $crate::identity_schema::Hook>::validate(call, candidate)?;
                    Ok(verdict.try_into()?)
                }
            }

            $crate::bindings::identity_schema::__export_identity_schema_component!(
                Component with_types_in $crate::bindings::identity_schema
            );
        };
    };
}
