//! Table `webhook_messages`, as it is delivered.
//!
//! A message is claimed before it is sent, by counting the attempt and naming when it counts as failed; whatever is said
//! of the attempt afterwards is guarded by that claim. Webhooks are looked at one by one, so that one whose receiver is
//! down delays no other.

use ::tenancy::webhook::WebhookMessage;
use primitives::{Actor, AuditEvent, Change, Sealer, TenantId, Timestamp};
use uuid::Uuid;

use super::held;
use crate::apply::Stored;
use crate::statement::Statement;
use crate::tenancy::{select_webhook_messages, webhook_message_at};
use crate::{Storage, StorageError, values};

/// What delivery writes.
#[derive(Debug)]
enum Write {
    Claim { message: WebhookMessage, until: Timestamp, now: Timestamp },
    Finish { message: WebhookMessage },
    Fail { message: WebhookMessage, error: String, next: Option<Timestamp>, now: Timestamp },
    Postpone { webhook: String, until: Timestamp, now: Timestamp },
    Resend { webhook: String, id: Option<Uuid>, now: Timestamp },
}

impl Stored for Write {
    fn statements(self, tenant: &TenantId, _: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(vec![match self {
            Self::Claim { message, until, now } => Statement::one(
                "UPDATE webhook_messages
                 SET attempts = attempts + 1, next_attempt_at = $5, updated_at = $6
                 WHERE tenant = $1 AND webhook = $2 AND id = $3 AND attempts = $4 AND next_attempt_at <= $6",
                values![
                    tenant,
                    message.webhook,
                    message.id.to_string(),
                    i64::from(message.attempts),
                    until,
                    now
                ],
            ),
            Self::Finish { message } => Statement::one(
                "DELETE FROM webhook_messages
                 WHERE tenant = $1 AND webhook = $2 AND id = $3 AND attempts = $4 AND next_attempt_at = $5",
                values![
                    tenant,
                    message.webhook,
                    message.id.to_string(),
                    i64::from(message.attempts),
                    message.next_attempt_at
                ],
            ),
            Self::Fail { message, error, next, now } => Statement::one(
                "UPDATE webhook_messages SET next_attempt_at = $6, error = $7, updated_at = $8, done_at = $9
                 WHERE tenant = $1 AND webhook = $2 AND id = $3 AND attempts = $4 AND next_attempt_at = $5",
                values![
                    tenant,
                    message.webhook,
                    message.id.to_string(),
                    i64::from(message.attempts),
                    message.next_attempt_at,
                    next,
                    error,
                    now,
                    next.is_none().then_some(now),
                ],
            ),
            Self::Postpone { webhook, until, now } => Statement::any(
                "UPDATE webhook_messages SET next_attempt_at = $3
                 WHERE tenant = $1 AND webhook = $2 AND next_attempt_at <= $4",
                values![tenant, webhook, until, now],
            ),
            Self::Resend { webhook, id: Some(id), now } => Statement::one(
                "UPDATE webhook_messages SET attempts = 0, next_attempt_at = $4, updated_at = $4, done_at = NULL
                 WHERE tenant = $1 AND webhook = $2 AND id = $3 AND done_at IS NOT NULL",
                values![tenant, webhook, id.to_string(), now],
            ),
            Self::Resend { webhook, id: None, now } => Statement::any(
                "UPDATE webhook_messages SET attempts = 0, next_attempt_at = $3, updated_at = $3, done_at = NULL
                 WHERE tenant = $1 AND webhook = $2 AND done_at IS NOT NULL",
                values![tenant, webhook, now],
            ),
        }])
    }
}

impl Storage {
    /// At most `limit` webhooks that have a message whose time has come, beginning after one: whoever goes on from the last
    /// one comes to all of them.
    pub async fn list_due_webhooks(
        &self,
        now: Timestamp,
        after: Option<&(TenantId, String)>,
        limit: u32,
    ) -> Result<Vec<(TenantId, String)>, StorageError> {
        let sql = "SELECT DISTINCT tenant, webhook FROM webhook_messages
             WHERE next_attempt_at <= $1 AND (tenant, webhook) > ($2, $3)
             ORDER BY tenant, webhook LIMIT $4";
        let (tenant, webhook) =
            after.map_or_else(Default::default, |(tenant, webhook)| (tenant.to_string(), webhook.clone()));
        let rows = self.list(sql, values![now, tenant, webhook, i64::from(limit)]).await?;
        rows.iter().map(|row| Ok((row.parse(0, "tenant")?, row.text(1)?))).collect()
    }

    /// At most `limit` messages of a webhook whose time has come, the one that waits longest first.
    pub async fn take_due_webhook_messages(
        &self,
        (tenant, webhook): &(TenantId, String),
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<WebhookMessage>, StorageError> {
        let sql = select_webhook_messages!(
            "FROM webhook_messages WHERE tenant = $1 AND webhook = $2 AND next_attempt_at <= $3
             ORDER BY next_attempt_at, id LIMIT $4"
        );
        let rows = self.list(sql, values![tenant, webhook.as_str(), now, i64::from(limit)]).await?;
        rows.iter().map(|row| webhook_message_at(self.sealer(), row)).collect()
    }

    /// Claims a message for one attempt, which counts as failed at `until`; `None` if somebody else has it.
    pub async fn claim_webhook_message(
        &self,
        message: WebhookMessage,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<WebhookMessage>, StorageError> {
        let write = Write::Claim { message: message.clone(), until, now };
        let claimed = held(self.apply(Change::new(message.tenant.clone()).write(write)).await)?;
        Ok(claimed.then(|| WebhookMessage {
            attempts: message.attempts + 1,
            next_attempt_at: Some(until),
            ..message
        }))
    }

    /// Removes a claimed message that was taken; whether the claim still held.
    pub async fn finish_webhook_message(&self, message: WebhookMessage) -> Result<bool, StorageError> {
        let change = Change::new(message.tenant.clone());
        held(self.apply(change.write(Write::Finish { message })).await)
    }

    /// Says that an attempt failed, and when the next one is; without that the message is given up, which is in the
    /// tenant's audit records. Whether the claim still held.
    pub async fn fail_webhook_message(
        &self,
        message: WebhookMessage,
        error: String,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut change = Change::new(message.tenant.clone());
        if next.is_none() {
            let given_up = AuditEvent::new("webhook.given_up", Actor::System, "webhook", &message.webhook)
                .with("message", &message.id)
                .with("topic", &message.topic);
            change = change.audit(given_up);
        }
        held(self.apply(change.write(Write::Fail { message, error, next, now })).await)
    }

    /// Lets whatever else of a webhook is due wait, since its receiver is not there. Nothing counts as tried by it.
    pub async fn postpone_webhook_messages(
        &self,
        (tenant, webhook): &(TenantId, String),
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let write = Write::Postpone { webhook: webhook.clone(), until, now };
        held(self.apply(Change::new(tenant.clone()).write(write)).await).map(|_| ())
    }

    /// Sends a message on its way again that was given up, or all of a webhook; whether the one was there.
    pub async fn resend_webhook_messages(
        &self,
        tenant: &TenantId,
        (webhook, id): (&str, Option<Uuid>),
        (actor, now): (Actor, Timestamp),
    ) -> Result<bool, StorageError> {
        let which = id.map_or_else(|| "all".to_owned(), |id| id.to_string());
        let audit = AuditEvent::new("webhook.resent", actor, "webhook", &webhook).with("message", &which);
        let write = Write::Resend { webhook: webhook.to_owned(), id, now };
        held(self.apply(Change::new(tenant.clone()).write(write).audit(audit)).await)
    }
}
