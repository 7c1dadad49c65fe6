//! What a plugin of the `token` hook says when a token is introspected.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::introspection::exports::portcullis::token::introspection as wit;
pub use crate::call::{Actor, CallContext, HookError};
use crate::call::{parsed, text};
pub use wit::{IntrospectedSubject, IntrospectedToken};

/// A plugin of the `token` hook with something to say of introspection. Export both: a plugin that does not export this is
/// not asked.
///
/// If the function returns an error or panics, whoever asks does not learn that the token is live: it fails closed.
pub trait Introspection {
    /// Called when a live access token is introspected, each time.
    fn shape_introspection(call: CallContext, token: IntrospectedToken) -> Result<Decision, HookError>;
}

/// What a plugin answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Answer, with these claims added to `ext`.
    Answer(Map<String, Value>),
    /// For whoever asks the token is not live.
    Inactive,
}

impl Decision {
    /// Answer.
    pub fn answer() -> Self {
        Self::Answer(Map::new())
    }

    /// Adds a claim.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        if let Self::Answer(claims) = &mut self {
            let value = serde_json::to_value(value);
            let value = value.map_err(|error| HookError::new(format!("claim {name}: {error}")))?;
            claims.insert(name.to_owned(), value);
        }
        Ok(self)
    }
}

impl IntrospectedToken {
    /// Parses what `ext` has already into a type of the plugin's own.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("claims", &self.claims)
    }
}

impl IntrospectedSubject {
    /// Parses the traits into a type of the plugin's own.
    pub fn traits<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("traits", &self.traits)
    }
}

impl TryFrom<Decision> for wit::IntrospectionDecision {
    type Error = HookError;

    fn try_from(decision: Decision) -> Result<Self, HookError> {
        Ok(match decision {
            Decision::Inactive => Self::Inactive,
            Decision::Answer(claims) => {
                let claims = if claims.is_empty() { String::new() } else { text("claims", &claims)? };
                Self::Answer(wit::IntrospectionClaims { claims, extensions: Vec::new() })
            }
        })
    }
}

/// Exports a type that implements [`Introspection`](crate::introspection::Introspection), beside `export_token!`.
#[macro_export]
macro_rules! export_introspection {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::introspection::exports::portcullis::token::introspection as wit;

            struct Component;

            impl wit::Guest for Component {
                fn shape_introspection(
                    call: wit::CallContext,
                    token: wit::IntrospectedToken,
                ) -> Result<wit::IntrospectionDecision, wit::HookError> {
                    let plugin = <$plugin as $crate::introspection::Introspection>::shape_introspection;
                    Ok(plugin(call, token)?.try_into()?)
                }
            }

            $crate::bindings::introspection::__export_introspection_component!(
                Component with_types_in $crate::bindings::introspection
            );
        };
    };
}
