//! Webhooks: what a tenant has its own servers told over HTTP, and where it lets them have a say.
//!
//! One is called where a form of the flow API begins or ends ([`Place`]), as Kratos' `web_hook` is, or it is told of events
//! (audit records) afterwards, at least once, signed. This room says what a webhook is and which are called where; whoever
//! sends requests is behind [`WebhookSender`].

mod channel;
mod check;
mod message;
mod place;
mod settings;
mod signature;

pub use channel::Channel;
pub use check::check_all;
pub use message::{
    NewWebhookMessage, NoWebhooks, SendError, WebhookFilter, WebhookMessage, WebhookMessages, WebhookSender,
};
pub use place::{FlowName, Place, Stage, at_place};
pub use settings::{
    ApiKeyPlace, BodyTemplate, ResponseSettings, Webhook, WebhookAuth, WebhookMethod, event_matches,
};
pub use signature::{SIGNING_KEY_BYTES, SigningKey, UnusableSigningKey};

/// What stands before a webhook's name where plugins and webhooks share a table: no plugin's name has a slash.
pub const WEBHOOK_PREFIX: &str = "webhook/";

/// What stands before a client's id where its logout tokens wait among the messages of webhooks: no webhook's name has a
/// colon. Such a message is named by the session that ended, and its body is the id of who had signed in.
pub const LOGOUT_PREFIX: &str = "logout:";
