//! The `registration` hook: let accounts be made, with what traits and metadata.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::registration::exports::portcullis::registration::hook as wit;
pub use crate::call::{Actor, CallContext, HookError, Origin, Person};
use crate::call::{parsed, refusal, text};
pub use wit::{RegistrationForm, Source};

/// A plugin on the `registration` hook. What it does not implement allows and adds nothing.
///
/// If a function returns an error or panics, no account is made: the hook fails closed.
pub trait Hook {
    /// Called when an account is about to be made.
    fn before(call: CallContext, form: RegistrationForm) -> Result<Decision, HookError> {
        let _ = (call, form);
        Ok(Decision::Allow)
    }

    /// Called when it is decided on, before it is written.
    fn after(call: CallContext, person: Person) -> Result<Additions, HookError> {
        let _ = (call, person);
        Ok(Additions::default())
    }
}

/// What a plugin answers to [`Hook::before`].
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Go on with other traits, which must fit the schema.
    Replace(Map<String, Value>),
    /// Do not make it; the person sees why.
    Deny(Denial),
}

/// Why an account is not made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denial {
    form: Option<String>,
    fields: Vec<(String, String)>,
}

impl Decision {
    /// Do not make it. `message` is shown to the person, as text.
    pub fn deny(message: impl Into<String>) -> Self {
        Self::Deny(Denial { form: Some(message.into()), fields: Vec::new() })
    }

    /// Do not make it, since something is wrong with a field, e.g. `traits.email`.
    pub fn deny_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Deny(Denial::default().field(field, message))
    }
}

impl Denial {
    /// Says what is wrong with one more field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push((field.into(), message.into()));
        self
    }
}

/// What a plugin adds to a new account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Additions {
    public: Map<String, Value>,
    admin: Map<String, Value>,
}

impl Additions {
    /// Sets a member of the public metadata, which the person can read.
    pub fn public(mut self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        self.public.insert(name.to_owned(), to_value(name, value)?);
        Ok(self)
    }

    /// Sets a member of the administrators' metadata.
    pub fn admin(mut self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        self.admin.insert(name.to_owned(), to_value(name, value)?);
        Ok(self)
    }
}

impl RegistrationForm {
    /// Parses the traits into a type of the plugin's own.
    pub fn traits<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("traits", &self.traits)
    }
}

fn to_value(name: &str, value: impl Serialize) -> Result<Value, HookError> {
    serde_json::to_value(value).map_err(|error| HookError::new(format!("{name}: {error}")))
}

impl TryFrom<Decision> for wit::RegistrationDecision {
    type Error = HookError;

    fn try_from(decision: Decision) -> Result<Self, HookError> {
        let allow = |traits| Self::Allow(wit::Allowance { traits, extensions: Vec::new() });
        Ok(match decision {
            Decision::Allow => allow(None),
            Decision::Replace(traits) => allow(Some(text("traits", &traits)?)),
            Decision::Deny(Denial { form, fields }) => {
                Self::Deny(wit::Denial { form: form.map(refusal), fields, extensions: Vec::new() })
            }
        })
    }
}

impl TryFrom<Additions> for wit::Additions {
    type Error = HookError;

    fn try_from(additions: Additions) -> Result<Self, HookError> {
        let metadata = |what, metadata: Map<String, Value>| match metadata.is_empty() {
            true => Ok(String::new()),
            false => text(what, &metadata),
        };
        Ok(Self {
            metadata_public: metadata("metadata_public", additions.public)?,
            metadata_admin: metadata("metadata_admin", additions.admin)?,
            extensions: Vec::new(),
        })
    }
}

/// Exports a type that implements [`registration::Hook`](crate::registration::Hook) as this component's
/// `registration` hook.
#[macro_export]
macro_rules! export_registration {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::registration::exports::portcullis::registration::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn before(
                    call: wit::CallContext,
                    form: wit::RegistrationForm,
                ) -> Result<wit::RegistrationDecision, wit::HookError> {
                    let decision = <$plugin as $crate::registration::Hook>::before(call, form)?;
                    Ok(decision.try_into()?)
                }

                fn after(
                    call: wit::CallContext,
                    person: wit::Person,
                ) -> Result<wit::Additions, wit::HookError> {
                    Ok(<$plugin as $crate::registration::Hook>::after(call, person)?.try_into()?)
                }
            }

    $crate::bindings::registration::__export_registration_component!(Component with_types_in $crate::bindings::registration);
        };
    };
}
