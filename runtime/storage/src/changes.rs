//! The change log as this node sees it: who wants to know, and whether we are up to date.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use primitives::{Clock, TenantId, Timestamp};

use crate::apply::Prepared;

/// How old the last look at the log may be before caches are read through.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Kind of a change of which nothing is known but that anything of any tenant may have changed: this node
/// was away for so long that the log no longer tells. Whoever keeps something forgets all of it.
pub const EVERYTHING_CHANGED: &str = "*";

/// Something is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRecord {
    /// Whose.
    pub tenant: TenantId,
    /// What kind of thing, e.g. `"session"`.
    pub kind: String,
    /// Which one.
    pub key: String,
}

/// Called for every change, on the thread that learned of it: must be quick and must not block.
pub type ChangeListener = Box<dyn Fn(&ChangeRecord) + Send + Sync>;

pub(crate) struct ChangeFeed {
    clock: Arc<dyn Clock>,
    listeners: RwLock<Vec<ChangeListener>>,
    /// When the log was last read to its end; `i64::MAX` where there is nobody else to follow.
    seen_at: AtomicI64,
}

impl fmt::Debug for ChangeFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeFeed").field("seen_at", &self.seen_at).finish_non_exhaustive()
    }
}

impl ChangeFeed {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, listeners: RwLock::default(), seen_at: AtomicI64::new(0) }
    }

    pub(crate) fn subscribe(&self, listener: ChangeListener) {
        self.listeners.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(listener);
    }

    pub(crate) fn publish(&self, record: &ChangeRecord) {
        let listeners = self.listeners.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(record));
    }

    /// Tells of what this node has just committed.
    pub(crate) fn publish_own(&self, prepared: &Prepared) {
        for (_, statement) in &prepared.statements {
            if let Some((kind, key)) = &statement.change {
                self.publish(&ChangeRecord {
                    tenant: prepared.tenant.clone(),
                    kind: (*kind).to_owned(),
                    key: key.clone(),
                });
            }
        }
    }

    pub(crate) fn follows_itself(&self) {
        self.seen_at.store(i64::MAX, Ordering::Release);
    }

    /// A look at the log that began at `began` saw all of it.
    pub(crate) fn saw_everything(&self, began: Timestamp) {
        self.seen_at.store(began.micros(), Ordering::Release);
    }

    /// Tells every cache to forget all that it has.
    pub(crate) fn forget_everything(&self) {
        let (tenant, kind) = (TenantId::default_tenant(), EVERYTHING_CHANGED.to_owned());
        self.publish(&ChangeRecord { tenant, kind, key: "*".to_owned() });
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.seen_at.load(Ordering::Acquire) >= self.clock.now().before(FRESH_FOR).micros()
    }
}
