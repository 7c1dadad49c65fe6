//! Cases of the hook `message`: `wit/message/message.wit` in TOML and JSON, with the texts of JSON objects as objects.

use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use primitives::message::{
    MessageChannel, MessageContent, MessageDecision, MessageHook as _, OutgoingMessage,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::HookCases;
use super::claim_mapper::document;

/// The hook.
pub(super) struct Message;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Send,
}

/// `message`. What is left out is empty, and the first attempt.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    id: Uuid,
    attempt: Option<u32>,
    channel: Channel,
    recipient: String,
    template: String,
    subject: String,
    text: String,
    html: Option<String>,
    locale: Option<String>,
    data: Map<String, Value>,
}

/// `channel`.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Channel {
    #[default]
    Email,
    Sms,
}

/// What is sent.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Content {
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

/// What becomes of the message: one that the plugin leaves as it is is sent with what it says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Decision {
    Send(Content),
    Delivered { reference: String },
}

impl HookCases for Message {
    type Function = Function;
    type Request = Request;
    type Answer = Decision;

    async fn ask(
        host: &PluginHost,
        Function::Send: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Decision, HookFailure> {
        let message = OutgoingMessage {
            id: request.id,
            attempt: request.attempt.unwrap_or(1),
            channel: match request.channel {
                Channel::Email => MessageChannel::Email,
                Channel::Sms => MessageChannel::Sms,
            },
            recipient: request.recipient.clone(),
            template: request.template.clone(),
            content: MessageContent {
                subject: request.subject.clone(),
                text: request.text.clone(),
                html: request.html.clone(),
            },
            locale: request.locale.clone(),
            data: document(&request.data)?,
        };
        Ok(match host.send(context, &message).await? {
            MessageDecision::Send(MessageContent { subject, text, html }) => {
                Decision::Send(Content { subject, text, html })
            }
            MessageDecision::Delivered { reference } => Decision::Delivered { reference },
        })
    }
}
