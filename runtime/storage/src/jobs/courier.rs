//! Table `courier_messages`, as it is delivered.
//!
//! A message is claimed before it is handed over, by counting the attempt and naming when it counts as failed. Whatever
//! is said of the attempt afterwards is guarded by that claim: of several workers and nodes one has a message at a time,
//! and one that ends in the middle leaves it to the next.

use ::identity::courier::{CourierMessage, Dispatch, MessageStatus};
use ::identity::identity::AddressKind;
use primitives::{Actor, AuditEvent, Change, Sealer, TenantId, Timestamp};
use uuid::Uuid;

use super::held;
use crate::apply::{Prepared, Stored, audit_statement};
use crate::identity::{message_at, select_messages, via};
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

/// What delivery writes.
#[derive(Debug)]
enum Write {
    Claim { message: CourierMessage, until: Timestamp, now: Timestamp },
    End { message: CourierMessage, status: MessageStatus, next: Option<Timestamp>, now: Timestamp },
    Release { message: CourierMessage, until: Timestamp, now: Timestamp },
    Postpone { channel: AddressKind, until: Timestamp, now: Timestamp },
    Resend { id: Uuid, now: Timestamp },
}

impl Stored for Write {
    fn statements(self, tenant: &TenantId, _: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(vec![match self {
            Self::Claim { message, until, now } => Statement::one(
                "UPDATE courier_messages
                 SET status = 'processing', send_count = send_count + 1, next_attempt_at = $4, updated_at = $5
                 WHERE tenant = $1 AND id = $2 AND send_count = $3 AND next_attempt_at <= $5",
                values![tenant, message.id.to_string(), i64::from(message.send_count), until, now],
            ),
            Self::End { message, status, next, now } => Statement::one(
                "UPDATE courier_messages
                 SET status = $5, next_attempt_at = $6, dispatches = $7, updated_at = $8, done_at = $9
                 WHERE tenant = $1 AND id = $2 AND send_count = $3 AND next_attempt_at = $4 AND status = 'processing'",
                values![
                    tenant,
                    message.id.to_string(),
                    i64::from(message.send_count),
                    message.next_attempt_at,
                    status.as_str(),
                    next,
                    json(&message.dispatches),
                    now,
                    next.is_none().then_some(now),
                ],
            ),
            Self::Release { message, until, now } => Statement::one(
                "UPDATE courier_messages
                 SET status = 'queued', send_count = send_count - 1, next_attempt_at = $5, updated_at = $6
                 WHERE tenant = $1 AND id = $2 AND send_count = $3 AND next_attempt_at = $4 AND status = 'processing'",
                values![
                    tenant,
                    message.id.to_string(),
                    i64::from(message.send_count),
                    message.next_attempt_at,
                    until,
                    now,
                ],
            ),
            Self::Postpone { channel, until, now } => Statement::any(
                "UPDATE courier_messages SET next_attempt_at = $3
                 WHERE tenant = $1 AND channel = $2 AND next_attempt_at <= $4",
                values![tenant, via(channel), until, now],
            ),
            Self::Resend { id, now } => Statement::one(
                "UPDATE courier_messages
                 SET status = 'queued', send_count = 0, next_attempt_at = $3, updated_at = $3, done_at = NULL
                 WHERE tenant = $1 AND id = $2 AND done_at IS NOT NULL",
                values![tenant, id.to_string(), now],
            ),
        }])
    }
}

impl Storage {
    /// At most `limit` messages whose time has come. Tenants take turns, so that one tenant's flood delays nobody else's
    /// message by more than one look.
    pub async fn take_due_courier_messages(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<CourierMessage>, StorageError> {
        let sql = select_messages!(
            "FROM (SELECT m.*, ROW_NUMBER() OVER (PARTITION BY tenant ORDER BY next_attempt_at, id) AS turn
                 FROM courier_messages m WHERE next_attempt_at <= $1) AS due
             ORDER BY turn, next_attempt_at, tenant, id LIMIT $2"
        );
        let rows = self.list(sql, values![now, i64::from(limit)]).await?;
        rows.iter().map(|row| message_at(self.sealer(), row)).collect()
    }

    /// Claims a message for one attempt, which counts as failed at `until`; `None` if somebody else has it.
    pub async fn claim_courier_message(
        &self,
        message: CourierMessage,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<CourierMessage>, StorageError> {
        let change = Change::new(message.tenant.clone());
        let write = Write::Claim { message: message.clone(), until, now };
        let claimed = held(self.apply(change.write(write)).await)?;
        Ok(claimed.then(|| CourierMessage {
            status: MessageStatus::Processing,
            send_count: message.send_count + 1,
            next_attempt_at: Some(until),
            ..message
        }))
    }

    /// Says that a claimed message was handed over; whether the claim still held.
    pub async fn finish_courier_message(
        &self,
        message: CourierMessage,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.end_attempt(message, None, (MessageStatus::Sent, None), now).await
    }

    /// Says that an attempt failed, and when the next one is; without that the message is given up.
    pub async fn fail_courier_message(
        &self,
        message: CourierMessage,
        error: String,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let status = if next.is_some() { MessageStatus::Queued } else { MessageStatus::Abandoned };
        self.end_attempt(message, Some(error), (status, next), now).await
    }

    async fn end_attempt(
        &self,
        mut message: CourierMessage,
        error: Option<String>,
        (status, next): (MessageStatus, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        message.dispatches.push(Dispatch { id: self.inner.rng.uuid(), at: now, error });
        let change = Change::new(message.tenant.clone());
        held(self.apply(change.write(Write::End { message, status, next, now })).await)
    }

    /// Gives a claimed message back as it was before: nobody was there to take it. It is due again at `until`.
    pub async fn release_courier_message(
        &self,
        message: CourierMessage,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let change = Change::new(message.tenant.clone());
        held(self.apply(change.write(Write::Release { message, until, now })).await)
    }

    /// Lets whatever else of a tenant is due by a channel wait, since its own server is not there. Nothing counts as tried by
    /// it.
    pub async fn postpone_courier_messages(
        &self,
        tenant: &TenantId,
        channel: AddressKind,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let write = Write::Postpone { channel, until, now };
        held(self.apply(Change::new(tenant.clone()).write(write)).await).map(|_| ())
    }

    /// Sends messages once more that were given up, at most `limit` of those that were caused at `since` or later, the oldest
    /// first; how many.
    ///
    /// Attack: where it must not show who has an account, a message to nobody is kept that was never to be sent, as one
    /// that was given up. So only what was tried is sent.
    pub async fn resend_abandoned_messages(
        &self,
        tenant: &TenantId,
        (since, limit): (Timestamp, u32),
        (actor, now): (Actor, Timestamp),
    ) -> Result<u64, StorageError> {
        let resend = Statement::any(
            "UPDATE courier_messages
             SET status = 'queued', send_count = 0, next_attempt_at = $2, updated_at = $2, done_at = NULL
             WHERE tenant = $1 AND id IN (
                 SELECT id FROM courier_messages
                 WHERE tenant = $1 AND created_at >= $3 AND status = 'abandoned' AND send_count > 0
                 ORDER BY created_at, id LIMIT $4)",
            values![tenant, now, since, i64::from(limit)],
        );
        let audit = AuditEvent::new("courier_messages.resent", actor, "tenant", tenant);
        let audit = audit_statement(tenant, &audit, now, self.inner.rng.as_ref());
        let written = self.swept(Prepared::of_tenant(tenant.clone(), vec![resend, audit])).await?;
        Ok(written.saturating_sub(1))
    }

    /// Sends a message once more that was sent or given up; whether there was one.
    pub async fn resend_courier_message(
        &self,
        tenant: &TenantId,
        id: Uuid,
        actor: Actor,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let audit = AuditEvent::new("courier_message.resent", actor, "courier_message", &id);
        let change = Change::new(tenant.clone()).write(Write::Resend { id, now }).audit(audit);
        held(self.apply(change).await)
    }
}
