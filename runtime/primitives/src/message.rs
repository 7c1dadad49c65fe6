//! A message to somebody, as a tenant's plugins see it before it is sent: what the courier asks.

use std::fmt;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::hook_document::HookDocument;
use crate::hooks::{FailurePolicy, HookContext, HookFailure};

/// What happens when a plugin gives no usable answer: the message is offered again, and sent as it stands at last.
pub const MESSAGE_FAILURE_POLICY: FailurePolicy = FailurePolicy::Open;

/// A message that is about to be sent.
#[derive(Debug, Clone)]
pub struct OutgoingMessage {
    /// Its own identifier, the same at each attempt.
    pub id: Uuid,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// By which way it goes.
    pub channel: MessageChannel,
    /// To whom.
    pub recipient: String,
    /// What kind of message it is.
    pub template: String,
    /// What it says.
    pub content: MessageContent,
    /// The language of the person, where it is known.
    pub locale: Option<String>,
    /// What the template was filled with.
    pub data: HookDocument,
}

/// By which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageChannel {
    /// By e-mail.
    Email,
    /// By SMS.
    Sms,
}

/// What a message says. It may bring a code or a link, so that it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageContent {
    /// The subject of an e-mail, one line; empty for SMS.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: Option<String>,
}

impl fmt::Debug for MessageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageContent").finish_non_exhaustive()
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "what was delivered must not be sent again"]
pub enum MessageDecision {
    /// It is sent, with this in it.
    Send(MessageContent),
    /// A plugin has delivered it.
    Delivered {
        /// How whoever took it names it.
        reference: String,
    },
}

/// Asks nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMessageHook;

impl MessageHook for NoMessageHook {
    fn send<'a>(
        &'a self,
        _: &'a HookContext,
        message: &'a OutgoingMessage,
    ) -> BoxFuture<'a, Result<MessageDecision, HookFailure>> {
        Box::pin(async { Ok(MessageDecision::Send(message.content.clone())) })
    }
}

/// Rewrites or delivers messages. Where a tenant has no plugin on the hook, they are sent as they stand.
pub trait MessageHook: Send + Sync + fmt::Debug {
    /// Called before a message is sent, at least once.
    fn send<'a>(
        &'a self,
        context: &'a HookContext,
        message: &'a OutgoingMessage,
    ) -> BoxFuture<'a, Result<MessageDecision, HookFailure>>;
}
