//! The `message` hook: rewrite the e-mails and SMS of a tenant, or deliver them.

use serde::de::DeserializeOwned;

use crate::bindings::message::exports::portcullis::message::hook as wit;
use crate::call::parsed;
pub use crate::call::{Actor, CallContext, HookError};
pub use wit::{Channel, Message};

/// A plugin on the `message` hook.
///
/// If the function returns an error or panics, the message is offered again: the hook fails open, and is retried. Nothing
/// that is logged while it runs is kept, since messages bring codes.
pub trait Hook {
    /// Called with a message that is about to be sent, at least once.
    fn send(call: CallContext, message: Message) -> Result<Decision, HookError>;
}

/// What a plugin answers.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Send it as it stands.
    AsIs,
    /// Send it with this in it instead.
    Rewritten(Content),
    /// It is delivered, and whoever took it names it so.
    Delivered(String),
}

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The subject of an e-mail, one line; empty for SMS.
    pub subject: String,
    /// The text, not empty.
    pub text: String,
    /// The same in HTML; without it the text alone is sent.
    pub html: Option<String>,
}

impl Decision {
    /// It is delivered; `reference` is what the service that took it calls it.
    pub fn delivered(reference: impl Into<String>) -> Self {
        Self::Delivered(reference.into())
    }
}

impl Message {
    /// What it says.
    pub fn content(&self) -> Content {
        Content { subject: self.subject.clone(), text: self.text.clone(), html: self.html.clone() }
    }

    /// Parses what the template was filled with into a type of the plugin's own.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("data", &self.data)
    }
}

impl From<Decision> for wit::MessageDecision {
    fn from(decision: Decision) -> Self {
        let extensions = Vec::new();
        match decision {
            Decision::AsIs => Self::AsIs,
            Decision::Rewritten(Content { subject, text, html }) => {
                Self::Rewritten(wit::Rewriting { subject, text, html, extensions })
            }
            Decision::Delivered(reference) => Self::Delivered(wit::Delivery { reference, extensions }),
        }
    }
}

/// Exports a type that implements [`message::Hook`](crate::message::Hook) as this component's `message` hook.
#[macro_export]
macro_rules! export_message {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::message::exports::portcullis::message::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn send(
                    call: wit::CallContext,
                    message: wit::Message,
                ) -> Result<wit::MessageDecision, wit::HookError> {
                    Ok(<$plugin as $crate::message::Hook>::send(call, message)?.into())
                }
            }

            $crate::bindings::message::__export_message_component!(
                Component with_types_in $crate::bindings::message
            );
        };
    };
}
