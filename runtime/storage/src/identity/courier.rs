//! Table `courier_messages`: messages to people, as they are caused and as operators see them.

use ::identity::courier::{CourierMessage, CourierMessages, MessageFilter, MessageStatus, NewMessage};
use ::identity::identity::AddressKind;
use ::identity::ports::StoreUnavailable;
use futures_util::future::BoxFuture;
use primitives::{SealContext, Sealer, TenantId};
use uuid::Uuid;

use super::addresses::via;
use super::{sealed_json, unavailable};
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

const PURPOSE: &str = "courier_messages";

/// A statement that reads what [`message_at`] takes.
macro_rules! select_messages {
    ($which:literal) => {
        concat!(
            "SELECT tenant, id, status, channel, template, recipient, content, organisation, send_count, dispatches,
                 next_attempt_at, created_at, updated_at ",
            $which
        )
    };
}

pub(crate) use select_messages;

pub(super) fn insert(sealer: &Sealer, tenant: &TenantId, message: &NewMessage) -> Statement {
    let id = message.id.to_string();
    let context = SealContext { tenant, purpose: PURPOSE, row: &id };
    let status = if message.is_sent { MessageStatus::Queued } else { MessageStatus::Abandoned };
    Statement::one(
        "INSERT INTO courier_messages (tenant, id, status, channel, template, recipient, content, organisation,
             send_count, dispatches, next_attempt_at, created_at, updated_at, done_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '[]', $9, $10, $10, $11) ON CONFLICT DO NOTHING",
        values![
            tenant,
            id.as_str(),
            status.as_str(),
            via(message.via),
            message.template.as_str(),
            message.recipient.as_str(),
            sealed_json(sealer, context, &message.mail),
            message.organisation.as_ref(),
            message.is_sent.then_some(message.at),
            message.at,
            (!message.is_sent).then_some(message.at),
        ],
    )
}

/// Reads a message from the columns that [`select_messages`] names.
pub(crate) fn message_at(sealer: &Sealer, row: &Row) -> Result<CourierMessage, StorageError> {
    let broken = |column, detail: &str| StorageError::Inconsistent {
        table: "courier_messages",
        column,
        detail: detail.to_owned(),
    };
    let tenant: TenantId = row.parse(0, "tenant")?;
    let key = row.text(1)?;
    let context = SealContext { tenant: &tenant, purpose: PURPOSE, row: &key };
    let plain = sealer.open(context, &row.blob(6)?).map_err(|_| broken("content", "the seal is broken"))?;
    Ok(CourierMessage {
        id: row.parse(1, "id")?,
        status: row.parse(2, "status")?,
        via: match row.text(3)?.as_str() {
            "email" => AddressKind::Email,
            "sms" => AddressKind::Sms,
            _ => return Err(broken("channel", "no such channel")),
        },
        template: row.parse(4, "template")?,
        recipient: row.text(5)?,
        mail: serde_json::from_slice(&plain).map_err(|_| broken("content", "not a message"))?,
        organisation: row.opt_parse(7, "organisation")?,
        send_count: u32::try_from(row.int(8)?).map_err(|_| broken("send_count", "is not a count"))?,
        dispatches: row.json(9, "dispatches")?,
        next_attempt_at: row.opt_time(10)?,
        created_at: row.time(11)?,
        updated_at: row.time(12)?,
        tenant,
    })
}

impl CourierMessages for Storage {
    fn list_messages<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a MessageFilter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<CourierMessage>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select_messages!(
                "FROM courier_messages WHERE tenant = $1 AND (created_at, id) < ($2, $3)
                 AND ($4 = '' OR status = $4) AND ($5 = '' OR recipient = $5)
                 ORDER BY created_at DESC, id DESC LIMIT $6"
            );
            let (at, id) =
                filter.before.map_or((i64::MAX, String::new()), |(at, id)| (at.micros(), id.to_string()));
            let args = values![
                tenant,
                at,
                id,
                filter.status.map(MessageStatus::as_str).unwrap_or_default(),
                filter.recipient.clone().unwrap_or_default(),
                i64::from(limit),
            ];
            let rows = self.list(sql, args).await.map_err(unavailable)?;
            let read = |row| message_at(self.sealer(), row);
            rows.iter().map(read).collect::<Result<_, _>>().map_err(unavailable)
        })
    }

    fn find_message<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: Uuid,
    ) -> BoxFuture<'a, Result<Option<CourierMessage>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select_messages!("FROM courier_messages WHERE tenant = $1 AND id = $2");
            let row = self.find_one(sql, values![tenant, id.to_string()]).await.map_err(unavailable)?;
            row.map(|row| message_at(self.sealer(), &row)).transpose().map_err(unavailable)
        })
    }
}
