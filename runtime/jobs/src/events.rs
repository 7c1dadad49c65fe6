//! Tells plugins of what happened in their tenants: audit records, in their order, at least once.
//!
//! Each plugin has a place of its own in its tenant's records, and a time at which it is told next. One that fails is
//! told again later and later; the others go on meanwhile.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use primitives::Timestamp;
use storage::{AuditRecord, EventCursor, Storage};
use tenancy::plugin::{Consumed, EventHook, PluginEvent};

use crate::job::{Job, JobError, JobName};
use crate::outbox::back_off;
use crate::turn::Turn;

/// Events that are offered at once.
const BATCH: u32 = 64;
/// Plugins that are looked at at once.
const PAGE: u32 = 64;
/// How old a record is before it is told: whoever writes one with an earlier time has written it by then, so that none
/// is passed over.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Events {
    storage: Storage,
    hook: Arc<dyn EventHook>,
    settings: config::jobs::Outbox,
}

impl Events {
    pub(crate) fn new(storage: Storage, hook: Arc<dyn EventHook>, settings: config::jobs::Outbox) -> Self {
        Self { storage, hook, settings }
    }

    /// Claims a plugin's place, offers what comes next, and writes what became of it; how many events it took.
    async fn offer(&self, cursor: EventCursor, turn: &Turn) -> Result<u64, JobError> {
        turn.go_on().await?;
        let settled = turn.now().before(SETTLED_AFTER);
        let next = turn.now().after(back_off(&self.settings, cursor.attempts + 1));
        let Some(cursor) = self.storage.claim_plugin_events(cursor, next).await? else { return Ok(0) };
        let records = self.storage.list_plugin_events(&cursor, settled, BATCH).await?;
        let Some(last) = records.last().map(AuditRecord::position) else { return Ok(0) };
        let events: Vec<PluginEvent> = records.into_iter().map(told).collect();
        let (tenant, plugin, attempts) = (&cursor.tenant, &*cursor.plugin, cursor.attempts);
        match self.hook.consume(tenant, plugin, &events).await {
            Ok(Consumed::Taken) => {
                self.storage.advance_plugin_events(&cursor, last, turn.now()).await?;
                Ok(events.len() as u64)
            }
            Ok(Consumed::NotBound) => {
                self.storage.end_plugin_events(&cursor).await?;
                Ok(0)
            }
            // The cause is in the log of whoever runs plugins.
            Err(_) if attempts >= self.settings.attempts => {
                let (events, first) = (events.len(), events.first().map(|event| event.id));
                tracing::error!(%tenant, plugin, attempts, events, ?first, "a plugin takes no events; they are passed over");
                self.storage.advance_plugin_events(&cursor, last, turn.now()).await?;
                Ok(0)
            }
            Err(_) => Ok(0),
        }
    }
}

fn told(record: AuditRecord) -> PluginEvent {
    PluginEvent {
        id: record.id,
        at: record.at,
        action: record.action,
        actor: record.actor,
        target_kind: record.target_kind,
        target_id: record.target_id,
        organisation: record.organisation,
        details: record.details,
    }
}

impl Job for Events {
    fn name(&self) -> JobName {
        JobName::Events
    }

    fn every(&self) -> Duration {
        self.settings.every.0
    }

    /// A read: an idle node writes nothing.
    fn is_due(&self, now: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async move {
            let due = self.storage.take_due_plugin_events(now, now.before(SETTLED_AFTER), 1).await?;
            Ok(!due.is_empty())
        })
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            loop {
                turn.go_on().await?;
                let settled = turn.now().before(SETTLED_AFTER);
                let due = self.storage.take_due_plugin_events(turn.now(), settled, PAGE).await?;
                if due.is_empty() {
                    return Ok(());
                }
                let concurrent = usize::try_from(self.settings.concurrent).unwrap_or(usize::MAX).max(1);
                let offers = stream::iter(due).map(|cursor| self.offer(cursor, turn));
                let outcomes: Vec<_> = offers.buffer_unordered(concurrent).collect().await;
                turn.did(outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).sum());
                outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        })
    }
}

#[cfg(test)]
mod tests;
