//! Deletes what is left of deleted tenants and organisations, in batches that keep nobody waiting.

use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::Timestamp;
use storage::{DeletedOrganisation, DeletedTenant, OrganisationSweep, Storage, TenantSweep};

use crate::job::{Job, JobError, JobName};
use crate::turn::Turn;

const EVERY: Duration = Duration::from_mins(1);
/// How long after its deletion a tenant or an organisation may still have requests under way: longer than any lasts.
const REQUESTS_LAST: Duration = Duration::from_hours(1);
/// Deleted tenants at a time.
const AT_ONCE: u32 = 100;

#[derive(Debug)]
pub(crate) struct Tenants {
    storage: Storage,
    settings: config::Jobs,
}

impl Tenants {
    pub(crate) fn new(storage: Storage, settings: &config::Jobs) -> Self {
        Self { storage, settings: settings.clone() }
    }

    /// Deletes every row of a tenant; its id is free when nothing was found long enough after the deletion.
    async fn sweep(&self, deleted: DeletedTenant, turn: &Turn) -> Result<(), JobError> {
        let DeletedTenant { tenant, deleted_at } = deleted;
        let is_late = deleted_at <= turn.now().before(REQUESTS_LAST);
        let (mut sweep, mut found) = (TenantSweep::of(tenant.clone()), 0);
        loop {
            turn.go_on().await?;
            let Some(rows) = sweep.step(&self.storage, self.settings.expiry_batch).await? else { break };
            turn.did(rows);
            found += rows;
            if rows > 0 {
                turn.pause(self.settings.expiry_pause.0).await;
            }
        }
        if is_late && found == 0 {
            self.storage.end_deletion(&tenant).await?;
            tracing::info!(%tenant, "nothing is left of a deleted tenant");
        }
        Ok(())
    }

    /// The same of an organisation, whose people stay.
    async fn sweep_organisation(&self, deleted: DeletedOrganisation, turn: &Turn) -> Result<(), JobError> {
        let DeletedOrganisation { tenant, organisation, deleted_at } = deleted;
        let is_late = deleted_at <= turn.now().before(REQUESTS_LAST);
        let (mut sweep, mut found) = (OrganisationSweep::of(tenant.clone(), organisation), 0);
        loop {
            turn.go_on().await?;
            let Some(rows) = sweep.step(&self.storage, self.settings.expiry_batch).await? else { break };
            turn.did(rows);
            found += rows;
            if rows > 0 {
                turn.pause(self.settings.expiry_pause.0).await;
            }
        }
        if is_late && found == 0 {
            self.storage.end_organisation_deletion(&tenant, organisation).await?;
            tracing::info!(%tenant, %organisation, "nothing is left of a deleted organisation");
        }
        Ok(())
    }
}

impl Job for Tenants {
    fn name(&self) -> JobName {
        JobName::Tenants
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn is_due(&self, _now: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async {
            Ok(!self.storage.list_deleted_tenants(1).await?.is_empty()
                || !self.storage.list_deleted_organisations(1).await?.is_empty())
        })
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            for deleted in self.storage.list_deleted_tenants(AT_ONCE).await? {
                self.sweep(deleted, turn).await?;
            }
            for deleted in self.storage.list_deleted_organisations(AT_ONCE).await? {
                self.sweep_organisation(deleted, turn).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;
    use primitives::{Actor, AuditEvent, Change, TenantId};
    use tenancy::{ManagedBy, Tenant, Tenants as _};

    use super::*;
    use crate::runner::{Outcome, Runner};
    use crate::testing::World;

    fn tenants(world: &World) -> Runner {
        let settings = config::Jobs {
            expiry_batch: 2,
            expiry_pause: config::Span::seconds(0),
            ..config::Jobs::default()
        };
        world.runner("one", Tenants::new(world.storage.clone(), &settings))
    }

    async fn make(world: &World, id: &str) -> bool {
        let tenant = Tenant::new(id.parse().unwrap(), ManagedBy::Api, world.now());
        world.storage.apply(tenant.create(Actor::System)).await.is_ok()
    }

    async fn delete(world: &World, id: &str) {
        let tenant = world.storage.find_tenant(id.parse().unwrap()).await.unwrap().unwrap();
        let deleted = tenant.delete(Actor::System, world.now(), &SeededRng::new(5)).unwrap();
        world.storage.apply(deleted).await.unwrap();
    }

    /// Writes records of a tenant, as a request does that is under way.
    async fn record(world: &World, tenant: &str, count: u32) {
        for number in 0..count {
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &number.to_string());
            let change = Change::<tenancy::Write>::new(tenant.parse().unwrap()).audit(event);
            world.storage.apply(change).await.unwrap();
        }
    }

    async fn records(world: &World, tenant: &str) -> usize {
        let tenant: TenantId = tenant.parse().unwrap();
        world.storage.list_audit_records(&tenant, None, 100).await.unwrap().len()
    }

    /// Attack: a request that was under way writes after the sweep, and the next tenant of this id has its rows.
    #[tokio::test]
    async fn id_is_free_when_nothing_was_left_for_longer_than_requests_last() {
        let world = World::open().await;
        let runner = tenants(&world);
        for id in ["acme", "other"] {
            assert!(make(&world, id).await, "{id}");
            record(&world, id, 4).await;
        }
        assert_eq!(world.run(&runner).await, Outcome::NotDue);
        delete(&world, "acme").await;
        // Four, and that it was made.
        assert_eq!(world.run(&runner).await, Outcome::Done(5));
        assert_eq!((records(&world, "acme").await, records(&world, "other").await), (0, 5));
        record(&world, "acme", 1).await;
        world.clock.advance(REQUESTS_LAST);
        assert_eq!(world.run(&runner).await, Outcome::Done(1));
        assert!(!make(&world, "acme").await, "there was something left");
        world.clock.advance(EVERY);
        assert_eq!(world.run(&runner).await, Outcome::Done(0));
        assert!(make(&world, "acme").await);
        assert_eq!(world.run(&runner).await, Outcome::NotDue);
        assert_eq!(records(&world, "acme").await, 1, "that it was made");
    }

    #[tokio::test]
    async fn id_is_nobodys_while_requests_may_last() {
        let world = World::open().await;
        let runner = tenants(&world);
        assert!(make(&world, "acme").await);
        delete(&world, "acme").await;
        assert_eq!(world.run(&runner).await, Outcome::Done(1));
        world.clock.advance(REQUESTS_LAST.saturating_sub(Duration::from_micros(1)));
        assert_eq!(world.run(&runner).await, Outcome::Done(0));
        assert!(!make(&world, "acme").await);
        world.clock.advance(EVERY);
        assert_eq!(world.run(&runner).await, Outcome::Done(0));
        assert!(make(&world, "acme").await);
    }
}
