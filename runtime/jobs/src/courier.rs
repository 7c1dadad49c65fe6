//! Sends messages to people, at least once, each by one worker at a time.
//!
//! A message is claimed before it is handed over: the attempt is counted, and until when it may take. So a message that
//! takes the process down with it is not tried for ever, and a node that ends in the middle leaves it to be tried again.
//! The tenant's plugins are asked before anything is sent; one that fails is asked again with the next attempt, and at
//! the last of them the message goes as it stands.
//!
//! A way of the node's own that is not there counts against no message (`away`): they wait for it, and are given up only when
//! somebody refuses them, or when they alone are not answered.
//!
//! A tenant's own server is served beside everything else, one message after the other (`own`): one that is down or slow
//! holds up nobody else's mail, and is asked once until its time has come again.

mod away;
mod http;
mod node;
mod own;
mod smtp;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use identity::courier::{Carried, CourierMessage, MailSender, NotCarried, TenantCarriers};
use identity::identity::AddressKind;
use primitives::hook_document::HookDocument;
use primitives::hooks::HookContext;
use primitives::message::{MessageChannel, MessageContent, MessageDecision, MessageHook, OutgoingMessage};
use primitives::{Actor, RequestId, Rng, TenantId, Timestamp};
use storage::{Storage, StorageError};

pub use http::{Channels, HttpChannel};
use node::NodesWays;
use smtp::NotHandedOver;
pub use smtp::{SmtpError, SmtpMailer};

use crate::job::{Job, JobError, JobName};
use crate::outbox::DeliveryError;
use crate::turn::Turn;

/// Messages that are read at once.
const PAGE: u32 = 64;

/// A message ready to be handed over.
#[derive(Debug, Clone)]
pub struct Parcel<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// Its identifier, the same at each attempt.
    pub id: uuid::Uuid,
    /// To whom.
    pub recipient: &'a str,
    /// What it says.
    pub content: MessageContent,
    /// From whom it is, where it is not from the node.
    pub from: Option<&'a MailSender>,
}

/// Hands e-mail over to whoever carries it further.
pub trait Mailer: Send + Sync + fmt::Debug {
    /// Hands a message over. It may have been handed over before, by a node that could not say so any more.
    fn send<'a>(&'a self, parcel: &'a Parcel<'a>) -> BoxFuture<'a, Result<(), DeliveryError>>;
}

/// By which ways messages go.
#[derive(Debug, Clone)]
pub struct Ways {
    /// Carries e-mail; without it only plugins deliver.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Take messages by HTTP.
    pub channels: Channels,
    /// The tenants' plugins.
    pub hook: Arc<dyn MessageHook>,
    /// The tenants' own services, which come before those of the node.
    pub tenants: Arc<dyn TenantCarriers>,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// It was taken.
    Taken,
    /// It was not, which says nothing of the next one.
    Passed,
    /// Whoever takes the tenant's messages is not there, and asked again at `until`.
    NobodyThere { until: Timestamp },
    /// The node's own way is not there for anybody, and asked again at `until`. Nothing counts as tried.
    NodeCutOff { until: Timestamp },
}

#[derive(Debug)]
pub(crate) struct Courier {
    storage: Storage,
    ways: Ways,
    rng: Arc<dyn Rng>,
    settings: config::Courier,
    nodes: NodesWays,
}

impl Courier {
    pub(crate) fn new(storage: Storage, ways: Ways, rng: Arc<dyn Rng>, settings: config::Courier) -> Self {
        Self { storage, ways, rng, settings, nodes: NodesWays::default() }
    }

    /// Claims a message, hands it over and writes what became of it.
    async fn deliver(&self, message: CourierMessage, turn: &Turn) -> Result<Sent, JobError> {
        turn.go_on().await?;
        let now = turn.now();
        // Not before the attempt has certainly ended: until then nobody else may begin one.
        let wait = self.back_off(message.send_count + 1).max(self.settings.timeout.0 * 2);
        let claimed = self.storage.claim_courier_message(message, now.after(wait), now).await?;
        let Some(message) = claimed else { return Ok(Sent::Passed) };
        let (message, error, sent) = match self.hand_over(&message, turn.now()).await {
            Ok(()) => {
                let held = self.storage.finish_courier_message(message, turn.now()).await?;
                return Ok(if held { Sent::Taken } else { Sent::Passed });
            }
            Err(NotHandedOver::Message(error)) => (message, error, Sent::Passed),
            Err(NotHandedOver::NodesServer(words)) => match self.not_reached(message, &words, turn).await? {
                Ok(sent) => return Ok(sent),
                Err(message) => (message, DeliveryError::Temporary(words), Sent::Passed),
            },
            Err(NotHandedOver::Waits { until }) => {
                return self.wait(message, (until, until), turn.now()).await;
            }
            Err(NotHandedOver::Server(error)) => {
                let until = turn.now().after(self.back_off(message.send_count));
                (message, error, Sent::NobodyThere { until })
            }
        };
        self.give_up_or_wait(message, error, turn.now()).await?;
        Ok(sent)
    }

    /// Within its time; what panics has failed.
    async fn hand_over(&self, message: &CourierMessage, now: Timestamp) -> Result<(), NotHandedOver> {
        let attempt = AssertUnwindSafe(self.attempt(message, now)).catch_unwind();
        match tokio::time::timeout(self.settings.timeout.0, attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(DeliveryError::Temporary("the attempt panicked".to_owned()).into()),
            Err(_) => Err(NotHandedOver::Server(DeliveryError::Temporary("it took too long".to_owned()))),
        }
    }

    async fn attempt(&self, message: &CourierMessage, now: Timestamp) -> Result<(), NotHandedOver> {
        let context = HookContext {
            tenant: message.tenant.clone(),
            organisation: message.organisation,
            client: None,
            actor: Actor::System,
            request: RequestId::generate(self.rng.as_ref()),
        };
        let outgoing = outgoing(message)?;
        let content = match self.ways.hook.send(&context, &outgoing).await {
            Ok(MessageDecision::Delivered { .. }) => return Ok(()),
            Ok(MessageDecision::Send(content)) => content,
            // Whoever runs plugins has logged why. Nothing here drops a message: somebody waits for it.
            Err(_) if self.is_last(message) => outgoing.content.clone(),
            Err(failure) => {
                let words = format!("a plugin failed: {}", failure.kind.as_str());
                return Err(DeliveryError::Temporary(words).into());
            }
        };
        let own_server = match self.ways.tenants.carry(message, &content).await {
            Ok(Carried::Taken) => return Ok(()),
            Ok(Carried::NotHere) => None,
            Ok(Carried::ByMail(server)) => Some(server),
            Err(NotCarried::Yet(words)) => return Err(DeliveryError::Temporary(words).into()),
            Err(NotCarried::Unreachable(words)) => {
                return Err(NotHandedOver::Server(DeliveryError::Temporary(words)));
            }
            Err(NotCarried::Ever(words)) => return Err(DeliveryError::Permanent(words).into()),
        };
        match own_server {
            Some(server) => {
                smtp::hand_over(&server, &parcel(message, content), self.settings.timeout.0).await
            }
            None => self.hand_over_by_node(message, content, now).await,
        }
    }

    const fn is_last(&self, message: &CourierMessage) -> bool {
        message.send_count >= self.settings.message_retries
    }

    async fn give_up_or_wait(
        &self,
        message: CourierMessage,
        error: DeliveryError,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let hopeless = match &error {
            DeliveryError::Permanent(_) => true,
            DeliveryError::Temporary(_) | DeliveryError::Unreachable(_) => self.is_last(&message),
        };
        let (tenant, id, attempts) = (&message.tenant, message.id, message.send_count);
        if hopeless {
            tracing::error!(%tenant, %id, attempts, %error, "a message to somebody was given up");
        } else {
            tracing::warn!(%tenant, %id, attempts, %error, "a message to somebody was not sent yet");
        }
        let next = (!hopeless).then(|| now.after(self.back_off(attempts)));
        self.storage.fail_courier_message(message, error.to_string(), next, now).await.map(|_| ())
    }

    /// How long after an attempt the next one is made: twice as long each time.
    fn back_off(&self, attempt: u32) -> Duration {
        let times = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.settings.first_retry.0.saturating_mul(times).min(self.settings.longest_retry.0)
    }
}

/// As whoever carries mail is given it.
fn parcel(message: &CourierMessage, content: MessageContent) -> Parcel<'_> {
    Parcel {
        tenant: &message.tenant,
        id: message.id,
        recipient: &message.recipient,
        content,
        from: message.mail.from.as_ref(),
    }
}

/// As plugins see it.
fn outgoing(message: &CourierMessage) -> Result<OutgoingMessage, DeliveryError> {
    let mail = &message.mail;
    let data =
        HookDocument::check(&mail.data).map_err(|error| DeliveryError::Permanent(error.to_string()))?;
    Ok(OutgoingMessage {
        id: message.id,
        attempt: message.send_count,
        channel: match message.via {
            AddressKind::Email => MessageChannel::Email,
            AddressKind::Sms => MessageChannel::Sms,
        },
        recipient: message.recipient.clone(),
        template: message.template.as_str().to_owned(),
        content: MessageContent {
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            html: Some(mail.html.clone()),
        },
        locale: Some(mail.locale.clone()),
        data,
    })
}

impl Job for Courier {
    fn name(&self) -> JobName {
        JobName::Courier
    }

    fn every(&self) -> Duration {
        self.settings.every.0
    }

    /// A read: an idle node writes nothing.
    fn is_due(&self, now: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async move { Ok(!self.storage.take_due_courier_messages(now, 1).await?.is_empty()) })
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.send_all(turn))
    }
}

#[cfg(test)]
mod tests;
