//! The `token` hook: shape tokens, or deny them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::token::exports::portcullis::token::hook as wit;
use crate::call::parsed;
pub use crate::call::{Actor, CallContext, HookError};
pub use wit::{Subject, TokenRequest};

/// A plugin on the `token` hook. What it does not implement adds nothing.
///
/// If a function returns an error or panics, no token is issued: the hook fails closed.
pub trait Hook {
    /// Called after the grant was verified and before anything is signed or stored.
    fn shape_tokens(call: CallContext, request: TokenRequest) -> Result<Decision, HookError> {
        let _ = (call, request);
        Ok(Decision::issue())
    }

    /// Called at the userinfo endpoint.
    fn shape_userinfo(call: CallContext, request: TokenRequest) -> Result<UserinfoDecision, HookError> {
        let _ = (call, request);
        Ok(UserinfoDecision::answer())
    }
}

/// What a plugin answers to [`Hook::shape_tokens`].
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Issue, with these claims added.
    Issue {
        /// For the ID token.
        id_token: Map<String, Value>,
        /// For the access token and its introspection.
        access_token: Map<String, Value>,
    },
    /// Do not issue; the client and the person see why.
    Deny(String),
}

impl Decision {
    /// Issue.
    pub fn issue() -> Self {
        Self::Issue { id_token: Map::new(), access_token: Map::new() }
    }

    /// Do not issue. `description` is shown to the client and the person: plain ASCII.
    pub fn deny(description: impl Into<String>) -> Self {
        Self::Deny(description.into())
    }

    /// Adds a claim to both tokens.
    pub fn claim(self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        let value = to_value(name, value)?;
        Ok(self.in_id_token(name, value.clone()).in_access_token(name, value))
    }

    /// Adds a claim to the ID token.
    pub fn id_token_claim(self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        Ok(self.in_id_token(name, to_value(name, value)?))
    }

    /// Adds a claim to the access token and its introspection.
    pub fn access_token_claim(self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        Ok(self.in_access_token(name, to_value(name, value)?))
    }

    fn in_id_token(mut self, name: &str, value: Value) -> Self {
        if let Self::Issue { id_token, .. } = &mut self {
            id_token.insert(name.to_owned(), value);
        }
        self
    }

    fn in_access_token(mut self, name: &str, value: Value) -> Self {
        if let Self::Issue { access_token, .. } = &mut self {
            access_token.insert(name.to_owned(), value);
        }
        self
    }
}

/// What a plugin answers to [`Hook::shape_userinfo`].
#[derive(Debug, Clone, PartialEq)]
pub enum UserinfoDecision {
    /// Answer, with these claims added.
    Answer(Map<String, Value>),
    /// Do not answer; the client sees why.
    Deny(String),
}

impl UserinfoDecision {
    /// Answer.
    pub fn answer() -> Self {
        Self::Answer(Map::new())
    }

    /// Do not answer. `description` is shown to the client: plain ASCII.
    pub fn deny(description: impl Into<String>) -> Self {
        Self::Deny(description.into())
    }

    /// Adds a claim.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        if let Self::Answer(claims) = &mut self {
            claims.insert(name.to_owned(), to_value(name, value)?);
        }
        Ok(self)
    }
}

impl Subject {
    /// Parses the traits into a type of the plugin's own.
    pub fn traits<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("traits", &self.traits)
    }

    /// Parses the public metadata into a type of the plugin's own.
    pub fn metadata<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("metadata", &self.metadata)
    }

    /// Parses what the hook `login` said of the session into a type of the plugin's own.
    pub fn session_claims<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("session_claims", &self.session_claims)
    }
}

fn to_value(name: &str, value: impl Serialize) -> Result<Value, HookError> {
    serde_json::to_value(value).map_err(|error| HookError::new(format!("claim {name}: {error}")))
}

fn to_text(claims: &Map<String, Value>) -> Result<String, HookError> {
    if claims.is_empty() {
        return Ok(String::new());
    }
    serde_json::to_string(claims).map_err(|error| HookError::new(error.to_string()))
}

fn denial(description: String) -> wit::Denial {
    wit::Denial { description, extensions: Vec::new() }
}

/// Carries a [`Hook`] across the component boundary.
#[doc(hidden)]
pub struct Adapter<T>(core::marker::PhantomData<T>);

impl<T: Hook> Adapter<T> {
    #[doc(hidden)]
    pub fn shape_tokens(
        call: wit::CallContext,
        request: wit::TokenRequest,
    ) -> Result<wit::TokenDecision, wit::HookError> {
        Ok(match T::shape_tokens(call, request)? {
            Decision::Issue { id_token, access_token } => wit::TokenDecision::Issue(wit::TokenClaims {
                id_token: to_text(&id_token)?,
                access_token: to_text(&access_token)?,
                extensions: Vec::new(),
            }),
            Decision::Deny(description) => wit::TokenDecision::Deny(denial(description)),
        })
    }

    #[doc(hidden)]
    pub fn shape_userinfo(
        call: wit::CallContext,
        request: wit::TokenRequest,
    ) -> Result<wit::UserinfoDecision, wit::HookError> {
        Ok(match T::shape_userinfo(call, request)? {
            UserinfoDecision::Answer(claims) => wit::UserinfoDecision::Answer(wit::UserinfoClaims {
                claims: to_text(&claims)?,
                extensions: Vec::new(),
            }),
            UserinfoDecision::Deny(description) => wit::UserinfoDecision::Deny(denial(description)),
        })
    }
}

/// Exports a type that implements [`token::Hook`](crate::token::Hook) as this component's `token` hook.
#[macro_export]
macro_rules! export_token {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::token::exports::portcullis::token::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn shape_tokens(
                    call: wit::CallContext,
                    request: wit::TokenRequest,
                ) -> Result<wit::TokenDecision, wit::HookError> {
                    $crate::token::Adapter::<$plugin>::shape_tokens(call, request)
                }

                fn shape_userinfo(
                    call: wit::CallContext,
                    request: wit::TokenRequest,
                ) -> Result<wit::UserinfoDecision, wit::HookError> {
                    $crate::token::Adapter::<$plugin>::shape_userinfo(call, request)
                }
            }

    $crate::bindings::token::__export_token_component!(Component with_types_in $crate::bindings::token);
        };
    };
}
