//! The `message` hook: [`MessageHook`] by way of `portcullis:message/hook`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::message::{MessageChannel, MessageContent, MessageDecision, MessageHook, OutgoingMessage};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::message::exports::portcullis::message::hook as wit;
use crate::bindings::message::portcullis::call::types;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::check_description;
use crate::hooks::context::{ContextInput, bad, call_context, check_extensions};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

/// How many bytes a subject has at most: a line of an e-mail (RFC 5322 section 2.1.1).
const SUBJECT_BYTES: usize = 998;

impl MessageHook for PluginHost {
    fn send<'a>(
        &'a self,
        context: &'a HookContext,
        message: &'a OutgoingMessage,
    ) -> BoxFuture<'a, Result<MessageDecision, HookFailure>> {
        Box::pin(self.offer_message(context, message))
    }
}

impl PluginHost {
    /// Asks every plugin that is bound, in order, each with what the one before it wrote, until one has delivered.
    async fn offer_message(
        &self,
        context: &HookContext,
        message: &OutgoingMessage,
    ) -> Result<MessageDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let caller = Caller { gate: &tenant.gate, context, subject: &message.recipient };
        let mut content = message.content.clone();
        for slot in tenant.matching(HookName::Message, context) {
            let call = MessageCall(Arc::new(Input {
                context: ContextInput::new(self.clock.now().micros(), context),
                id: message.id.to_string(),
                message: OutgoingMessage { content: content.clone(), ..message.clone() },
            }));
            match self.call(caller, slot, call, check).await? {
                Checked::AsIs => {}
                Checked::Rewritten(rewritten) => content = rewritten,
                Checked::Delivered { reference } => return Ok(MessageDecision::Delivered { reference }),
            }
        }
        Ok(MessageDecision::Send(content))
    }
}

/// `send` of an instance.
pub(crate) type Send = TypedFunc<(types::CallContext<'static>, wit::Message<'static>), (Answer,)>;

type Answer = Result<wit::MessageDecision, types::HookError>;

/// What a guest is told.
struct Input {
    context: ContextInput,
    id: String,
    message: OutgoingMessage,
}

/// One call of one plugin.
#[derive(Clone)]
struct MessageCall(Arc<Input>);

impl GuestCall for MessageCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Message;

    fn carries_secrets(&self) -> bool {
        true
    }

    fn function(&self) -> FunctionName {
        FunctionName::SendMessage
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::SendMessage(send) = function else { return Err(other_function()) };
        let Input { context, id, message } = &*self.0;
        let told = wit::Message {
            id,
            attempt: message.attempt,
            channel: match message.channel {
                MessageChannel::Email => wit::Channel::Email,
                MessageChannel::Sms => wit::Channel::Sms,
            },
            recipient: &message.recipient,
            template: &message.template,
            subject: &message.content.subject,
            text: &message.content.text,
            html: message.content.html.as_deref(),
            locale: message.locale.as_deref(),
            data: message.data.as_str(),
            extensions: &[],
        };
        Ok(send.call_async(store, (call_context!(types, context), told)).await?.0)
    }
}

/// What one plugin made of a message.
#[derive(Debug, Clone, PartialEq)]
enum Checked {
    AsIs,
    Rewritten(MessageContent),
    Delivered { reference: String },
}

fn check(_: &Plugin, answer: Answer) -> Result<Checked, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::MessageDecision::AsIs => Ok(Checked::AsIs),
        wit::MessageDecision::Rewritten(rewriting) => {
            check_extensions(&rewriting.extensions)?;
            let wit::Rewriting { subject, text, html, .. } = rewriting;
            check_content(MessageContent { subject, text, html }).map(Checked::Rewritten)
        }
        wit::MessageDecision::Delivered(delivery) => {
            check_extensions(&delivery.extensions)?;
            Ok(Checked::Delivered { reference: check_description(&delivery.reference) })
        }
    }
}

/// Attack: a subject that somebody's name is part of ends its line and begins the next header, and the code goes to whom
/// that names. So a subject is one line.
fn check_content(content: MessageContent) -> Result<MessageContent, Failure> {
    let MessageContent { subject, text, .. } = &content;
    if subject.chars().any(char::is_control) {
        return Err(bad("the subject has a control character"));
    }
    if subject.len() > SUBJECT_BYTES {
        return Err(bad(format!("the subject has more than {SUBJECT_BYTES} bytes")));
    }
    if text.is_empty() {
        return Err(bad("the text is empty"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_is_one_line_and_the_text_is_not_empty() {
        for (subject, text, expect) in [
            ("Hello", "Your code", None),
            ("", "Your code", None),
            ("Gr\u{fc}ezi", "two\nlines", None),
            ("Hello\r\nBcc: eve@rival.example", "Your code", Some("control character")),
            ("Hello\u{85}", "Your code", Some("control character")),
            (&"x".repeat(SUBJECT_BYTES), "Your code", None),
            (&"x".repeat(SUBJECT_BYTES + 1), "Your code", Some("more than 998 bytes")),
            ("Hello", "", Some("text is empty")),
        ] {
            let content = MessageContent { subject: subject.to_owned(), text: text.to_owned(), html: None };
            let wrong = check_content(content).err().map(|(_, words)| words);
            assert_eq!(wrong.is_some(), expect.is_some(), "{subject:?} {text:?}: {wrong:?}");
            assert!(wrong.unwrap_or_default().contains(expect.unwrap_or_default()), "{subject:?} {text:?}");
        }
    }
}
