//! The change log as this node sees it: who wants to know, and whether we are up to date.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
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
    /// A listener panicked, so that nobody knows what it still believes.
    deaf: AtomicBool,
}

impl fmt::Debug for ChangeFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeFeed").field("seen_at", &self.seen_at).finish_non_exhaustive()
    }
}

impl ChangeFeed {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, listeners: RwLock::default(), seen_at: AtomicI64::new(0), deaf: AtomicBool::new(false) }
    }

    pub(crate) fn subscribe(&self, listener: ChangeListener) {
        self.listeners.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(listener);
    }

    /// Attack: a listener's panic ends whoever tells it, the thread that writes; or it passes unseen, and what
    /// the listener did not forget is believed for as long as the node runs. So the others are told, and
    /// from then on every cache is read through.
    pub(crate) fn publish(&self, record: &ChangeRecord) {
        let listeners = self.listeners.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        for listener in &*listeners {
            if catch_unwind(AssertUnwindSafe(|| listener(record))).is_err() {
                tracing::error!(
                    kind = record.kind,
                    "a change was not taken note of: caches are read through"
                );
                self.deaf.store(true, Ordering::Release);
            }
        }
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
        !self.deaf.load(Ordering::Acquire)
            && self.seen_at.load(Ordering::Acquire) >= self.clock.now().before(FRESH_FOR).micros()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use primitives::time::FixedClock;

    use super::*;

    #[test]
    fn a_listener_that_panics_keeps_nobody_from_being_told_and_no_cache_is_believed_afterwards() {
        let feed = ChangeFeed::new(Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000))));
        feed.follows_itself();
        let heard = Arc::new(Mutex::new(Vec::new()));
        feed.subscribe(Box::new(|record| assert_ne!(record.kind, "fatal")));
        let hears = heard.clone();
        feed.subscribe(Box::new(move |record| hears.lock().unwrap().push(record.kind.clone())));
        let change = |kind: &str| ChangeRecord {
            tenant: TenantId::default_tenant(),
            kind: kind.to_owned(),
            key: "1".to_owned(),
        };
        feed.publish(&change("harmless"));
        assert!(feed.is_caught_up());
        feed.publish(&change("fatal"));
        feed.saw_everything(feed.now());
        assert!(!feed.is_caught_up());
        assert_eq!(*heard.lock().unwrap(), ["harmless", "fatal"]);
    }
}
