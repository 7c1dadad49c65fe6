//! Table `webhook_messages`, as messages are kept and as operators see them.

use ::tenancy::ports::ReadError;
use ::tenancy::webhook::{NewWebhookMessage, WebhookFilter, WebhookMessage, WebhookMessages};
use futures_util::future::BoxFuture;
use primitives::{SealContext, Sealer, TenantId};

use super::read_error;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// The columns that [`webhook_message_at`] reads.
macro_rules! select_webhook_messages {
    ($which:literal) => {
        concat!(
            "SELECT tenant, webhook, id, topic, body, attempts, next_attempt_at, error, created_at, updated_at,
             subject ",
            $which
        )
    };
}
pub(crate) use select_webhook_messages;

/// What a body is sealed for. Neither name holds a slash.
fn row_of(webhook: &str, id: &str) -> String {
    format!("{webhook}/{id}")
}

const fn context<'a>(tenant: &'a TenantId, row: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: "webhook_messages", row }
}

/// No guard: of an event that is offered again nothing is kept twice.
pub(super) fn queue(tenant: &TenantId, sealer: &Sealer, message: &NewWebhookMessage) -> Statement {
    let id = message.id.to_string();
    let row = row_of(&message.webhook, &id);
    let sealed = sealer.seal(context(tenant, &row), message.body.as_bytes());
    Statement::any(
        "INSERT INTO webhook_messages
             (tenant, webhook, id, topic, body, attempts, next_attempt_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6, $6, $6) ON CONFLICT DO NOTHING",
        values![tenant, message.webhook.as_str(), id, message.topic.as_str(), sealed, message.at],
    )
}

/// Reads a message.
pub(crate) fn webhook_message_at(sealer: &Sealer, row: &Row) -> Result<WebhookMessage, StorageError> {
    let inconsistent = |column, detail: &str| StorageError::Inconsistent {
        table: "webhook_messages",
        column,
        detail: detail.to_owned(),
    };
    let tenant: TenantId = row.parse(0, "tenant")?;
    let (webhook, id) = (row.text(1)?, row.text(2)?);
    let body = if let Some(subject) = row.opt_text(10)? {
        // What waits for an app: ids alone, which nobody sealed.
        subject
    } else {
        let place = row_of(&webhook, &id);
        let broken = |_| inconsistent("body", "the seal is broken");
        let plain = sealer.open(context(&tenant, &place), &row.blob(4)?).map_err(broken)?;
        std::str::from_utf8(&plain).map_err(|_| inconsistent("body", "is not text"))?.to_owned()
    };
    Ok(WebhookMessage {
        id: id.parse().map_err(|_| inconsistent("id", "is no UUID"))?,
        tenant,
        webhook,
        topic: row.text(3)?,
        body,
        attempts: u32::try_from(row.int(5)?).map_err(|_| inconsistent("attempts", "is not a count"))?,
        next_attempt_at: row.opt_time(6)?,
        error: row.opt_text(7)?,
        created_at: row.time(8)?,
        updated_at: row.time(9)?,
    })
}

impl WebhookMessages for Storage {
    fn list_webhook_messages<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a WebhookFilter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<WebhookMessage>, ReadError>> {
        Box::pin(async move {
            let sql = select_webhook_messages!(
                "FROM webhook_messages WHERE tenant = $1 AND ($2 = '' OR webhook = $2)
                     AND ($3 < 0 OR (next_attempt_at IS NULL AND $3 = 1) OR (next_attempt_at IS NOT NULL AND $3 = 0))
                     AND ($4 < 0 OR (created_at, id) < ($4, $5))
                 ORDER BY created_at DESC, id DESC LIMIT $6"
            );
            let given_up = filter.given_up.map_or(-1, i64::from);
            let (at, id) =
                filter.before.map_or((-1, String::new()), |(at, id)| (at.micros(), id.to_string()));
            let webhook = filter.webhook.clone().unwrap_or_default();
            let args = values![tenant, webhook, given_up, at, id, i64::from(limit)];
            let rows = self.list(sql, args).await.map_err(read_error)?;
            let messages = rows.iter().map(|row| webhook_message_at(self.sealer(), row));
            messages.collect::<Result<_, _>>().map_err(read_error)
        })
    }
}
