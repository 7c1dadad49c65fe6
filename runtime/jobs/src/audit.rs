//! Deletes audit records that are older than they are kept, each tenant's oldest first.
//!
//! It is a job of its own, and comes less often than `expiry.rs`: a look for each tenant, where that one's
//! batches take whatever tenant's rows are due.

use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::{TenantId, Timestamp};
use storage::Storage;

use crate::job::{Job, JobError, JobName};
use crate::turn::Turn;

#[derive(Debug)]
pub(crate) struct Audit {
    storage: Storage,
    settings: config::Jobs,
}

impl Audit {
    pub(crate) fn new(storage: Storage, settings: &config::Jobs) -> Self {
        Self { storage, settings: settings.clone() }
    }

    /// Whether records ever leave.
    fn is_limited(&self) -> bool {
        !self.settings.audit_kept.0.is_zero()
    }

    /// Deletes a tenant's records from before `before`, in batches that keep nobody waiting.
    async fn trim(&self, tenant: &TenantId, before: Timestamp, turn: &Turn) -> Result<(), JobError> {
        let limit = self.settings.expiry_batch;
        loop {
            turn.go_on().await?;
            let deleted = self.storage.trim_audit(tenant, before, limit).await?;
            turn.did(deleted);
            if deleted < u64::from(limit) {
                return Ok(());
            }
            turn.pause(self.settings.expiry_pause.0).await;
        }
    }
}

impl Job for Audit {
    fn name(&self) -> JobName {
        JobName::Audit
    }

    fn every(&self) -> Duration {
        self.settings.audit_every.0
    }

    fn is_due(&self, _: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async { Ok(self.is_limited()) })
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let before = turn.now().before(self.settings.audit_kept.0);
            let mut after = None;
            loop {
                turn.go_on().await?;
                let found = self.storage.find_oldest_audit_record(after.as_ref()).await?;
                let Some((tenant, oldest)) = found else { return Ok(()) };
                if oldest < before {
                    self.trim(&tenant, before, turn).await?;
                }
                after = Some(tenant);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use primitives::{Actor, AuditEvent, Change};

    use super::*;
    use crate::runner::{Outcome, Runner};
    use crate::testing::World;

    const HOUR: Duration = Duration::from_hours(1);

    fn audit(world: &World, kept_hours: u64) -> Runner {
        let settings = config::Jobs {
            expiry_batch: 2,
            expiry_pause: config::Span::seconds(0),
            audit_kept: config::Span::seconds(kept_hours * 3600),
            ..config::Jobs::default()
        };
        world.runner("one", Audit::new(world.storage.clone(), &settings))
    }

    /// Writes records of a tenant, of now.
    async fn record(world: &World, tenant: &str, count: u32) {
        for number in 0..count {
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &number.to_string());
            let change = Change::<tenancy::Write>::new(tenant.parse().unwrap()).audit(event);
            world.storage.apply(change).await.unwrap();
        }
    }

    async fn left(world: &World) -> [usize; 3] {
        let mut left = [0; 3];
        for (count, tenant) in left.iter_mut().zip(["a", "b", "c"]) {
            let records = world.storage.list_audit_records(&tenant.parse().unwrap(), None, 100).await;
            *count = records.unwrap().len();
        }
        left
    }

    #[tokio::test]
    async fn records_of_every_tenant_leave_by_age_in_batches() {
        let world = World::open().await;
        let runner = audit(&world, 10);
        record(&world, "a", 5).await;
        record(&world, "b", 1).await;
        world.clock.advance(HOUR);
        record(&world, "a", 1).await;
        record(&world, "c", 4).await;
        world.clock.advance(HOUR * 9);
        // What is exactly as old as records are kept is kept.
        assert_eq!((world.run(&runner).await, left(&world).await), (Outcome::Done(0), [6, 1, 4]));
        world.clock.advance(HOUR + Duration::from_micros(1));
        assert_eq!((world.run(&runner).await, left(&world).await), (Outcome::Done(11), [0, 0, 0]));
    }

    #[tokio::test]
    async fn younger_records_stay_beside_older_ones() {
        let world = World::open().await;
        let runner = audit(&world, 10);
        record(&world, "a", 3).await;
        world.clock.advance(HOUR * 5);
        record(&world, "a", 2).await;
        record(&world, "b", 1).await;
        world.clock.advance(HOUR * 6);
        assert_eq!((world.run(&runner).await, left(&world).await), (Outcome::Done(3), [2, 1, 0]));
    }

    #[tokio::test]
    async fn records_that_are_kept_for_ever_never_leave() {
        let world = World::open().await;
        let runner = audit(&world, 0);
        record(&world, "a", 3).await;
        world.clock.advance(HOUR * 24 * 365 * 100);
        assert_eq!((world.run(&runner).await, left(&world).await), (Outcome::NotDue, [3, 0, 0]));
    }

    #[tokio::test]
    async fn node_that_ends_begins_no_further_batch() {
        let world = World::open().await;
        let runner = audit(&world, 1);
        record(&world, "a", 3).await;
        world.clock.advance(HOUR * 2);
        world.stop.send_replace(true);
        assert_eq!((world.run(&runner).await, left(&world).await), (Outcome::Stopped, [3, 0, 0]));
    }
}
