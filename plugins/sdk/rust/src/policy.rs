//! The `policy` hook: decide whether somebody may do something.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::policy::exports::portcullis::policy::hook as wit;
pub use crate::call::{Actor, CallContext, HookError};
use crate::call::{parsed, text};
pub use wit::{Obligation, PolicyRequest};

/// A plugin on the `policy` hook.
///
/// If the function returns an error or panics, it is not done: the hook fails closed.
pub trait Hook {
    /// Called before something is done.
    fn decide(call: CallContext, request: PolicyRequest) -> Result<Decision, HookError>;
}

/// What a plugin answers.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It may be done, on these terms.
    Permit(Permission),
    /// It may not; whoever asked sees why.
    Deny(String),
}

/// On what terms it may be done.
#[derive(Debug, Clone, Default)]
pub struct Permission {
    obligations: Vec<Obligation>,
    headers: Vec<(String, String)>,
}

impl Decision {
    /// It may be done.
    pub fn permit() -> Self {
        Self::Permit(Permission::default())
    }

    /// It may not. `reason` is shown to whoever asked: plain ASCII.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny(reason.into())
    }
}

impl Permission {
    /// Adds something to do besides.
    pub fn oblige(mut self, name: impl Into<String>, parameters: &impl Serialize) -> Result<Self, HookError> {
        let parameters = text("parameters", parameters)?;
        self.obligations.push(Obligation { name: name.into(), parameters });
        Ok(self)
    }

    /// Adds a header to go on with.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl PolicyRequest {
    /// Parses what is known besides into a type of the plugin's own.
    pub fn context<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("context", &self.context)
    }
}

impl From<Decision> for wit::Decision {
    fn from(decision: Decision) -> Self {
        let extensions = Vec::new();
        match decision {
            Decision::Permit(Permission { obligations, headers }) => {
                Self::Permit(wit::Permission { obligations, headers, extensions })
            }
            Decision::Deny(reason) => Self::Deny(wit::Denial { reason, extensions }),
        }
    }
}

/// Exports a type that implements [`policy::Hook`](crate::policy::Hook) as this component's `policy` hook.
#[macro_export]
macro_rules! export_policy {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::policy::exports::portcullis::policy::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn decide(
                    call: wit::CallContext,
                    request: wit::PolicyRequest,
                ) -> Result<wit::Decision, wit::HookError> {
                    Ok(<$plugin as $crate::policy::Hook>::decide(call, request)?.into())
                }
            }

    $crate::bindings::policy::__export_policy_component!(Component with_types_in $crate::bindings::policy);
        };
    };
}
