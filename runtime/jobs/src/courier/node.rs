//! The node's own ways: a mail server, and services that take messages by HTTP.

use std::time::Duration;

use identity::courier::CourierMessage;
use identity::identity::AddressKind;
use primitives::Timestamp;
use primitives::message::MessageContent;

use super::away::{Away, Missed};
use super::smtp::NotHandedOver;
use super::{Courier, Sent, parcel};
use crate::job::JobError;
use crate::outbox::DeliveryError;
use crate::turn::Turn;

/// So much later than others that waited with it is a message due that found nobody: they come first.
const BEHIND: Duration = Duration::from_secs(1);

/// What is known of the node's ways.
#[derive(Debug, Default)]
pub(super) struct NodesWays {
    mail: Away,
    texts: Away,
}

impl NodesWays {
    pub(super) fn of(&self, via: AddressKind) -> &Away {
        match via {
            AddressKind::Email => &self.mail,
            AddressKind::Sms => &self.texts,
        }
    }
}

impl Courier {
    /// Sends a message whose tenant has no server of its own. What waits behind one that found nobody waits with it.
    pub(super) async fn deliver_by_node(
        &self,
        message: CourierMessage,
        turn: &Turn,
    ) -> Result<Sent, JobError> {
        let (tenant, via) = (message.tenant.clone(), message.via);
        let sent = match self.nodes.of(via).waits(&tenant, turn.now()) {
            Some(until) => Sent::NodeCutOff { until },
            None => self.deliver(message, turn).await?,
        };
        if let Sent::NodeCutOff { until } = sent {
            self.storage.postpone_courier_messages(&tenant, via, until, turn.now()).await?;
        }
        Ok(sent)
    }

    /// Hands a message over by the node's way. While nobody was there a moment ago, nobody is asked.
    pub(super) async fn hand_over_by_node(
        &self,
        message: &CourierMessage,
        content: MessageContent,
        now: Timestamp,
    ) -> Result<(), NotHandedOver> {
        let way = self.nodes.of(message.via);
        if let Some(until) = way.until(now) {
            return Err(NotHandedOver::Waits { until });
        }
        // Half of the attempt's time, so that it is the way that took too long and not what came before it.
        let time = self.settings.timeout.0 / 2;
        let sent = tokio::time::timeout(time, self.give(message, content)).await;
        let sent = sent.unwrap_or_else(|_| Err(DeliveryError::Unreachable("it took too long".to_owned())));
        match sent {
            Err(DeliveryError::Unreachable(words)) => Err(NotHandedOver::NodesServer(words)),
            answered => {
                way.answered(message.id, now);
                Ok(answered?)
            }
        }
    }

    async fn give(&self, message: &CourierMessage, content: MessageContent) -> Result<(), DeliveryError> {
        let ways = &self.ways;
        let channel = match message.via {
            AddressKind::Email => &ways.channels.email,
            AddressKind::Sms => &ways.channels.sms,
        };
        match (channel, message.via, &ways.mailer) {
            (Some(channel), ..) => channel.send(message, &content).await,
            (None, AddressKind::Sms, _) => {
                Err(DeliveryError::Permanent("no service for text messages is configured".to_owned()))
            }
            (None, AddressKind::Email, Some(mailer)) => mailer.send(&parcel(message, content)).await,
            (None, AddressKind::Email, None) => {
                Err(DeliveryError::Temporary("no mail server is configured".to_owned()))
            }
        }
    }

    /// The node's way was not reached with a claimed message. It counts as untried, unless it is to blame: then it is
    /// given back.
    pub(super) async fn not_reached(
        &self,
        message: CourierMessage,
        words: &str,
        turn: &Turn,
    ) -> Result<Result<Sent, CourierMessage>, JobError> {
        let (now, way) = (turn.now(), self.nodes.of(message.via));
        let (tenant, id) = (&message.tenant, message.id);
        let released = match way.not_reached(id, now, |times| self.back_off(times)) {
            Missed::Blamed => return Ok(Err(message)),
            Missed::Alone { until } => {
                tracing::warn!(%tenant, %id, error = words, "a message alone was not taken");
                self.storage.release_courier_message(message, until, now).await?;
                Sent::Passed
            }
            Missed::All { until } => {
                tracing::warn!(%tenant, %id, error = words, "a message waits for a way out of the node");
                self.wait(message, (until.after(BEHIND), until), now).await?
            }
        };
        Ok(Ok(released))
    }

    /// A claimed message waits for the node's way until it is asked again, and all others of its tenant with it.
    pub(super) async fn wait(
        &self,
        message: CourierMessage,
        (due, until): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Sent, JobError> {
        self.nodes.of(message.via).wait(&message.tenant, until);
        self.storage.release_courier_message(message, due, now).await?;
        Ok(Sent::NodeCutOff { until })
    }
}

#[cfg(test)]
mod tests;
