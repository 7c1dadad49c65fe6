//! The audit log: read from its oldest record on, and changed by nobody, whatever statement they send.

use portcullis_storage::{AuditRecord, Location};
use primitives::{Actor, AuditEvent, Change, OrganisationId};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::world::World;

impl World {
    /// Sends statements past storage, and says whether the database took them.
    async fn takes(&self, sql: &str) -> bool {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match &self.location {
            Location::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path);
                let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                sql.execute(&mut connection).await.is_ok()
            }
            Location::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url.expose()).await.unwrap();
                sql.execute(&mut connection).await.is_ok()
            }
        }
    }

    async fn records(&self, count: u32, organisation: Option<OrganisationId>) {
        for number in 0..count {
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &number);
            let event = AuditEvent { organisation, ..event };
            let change = Change::<identity::Write>::new(self.tenant.clone()).audit(event);
            self.storage.apply(change).await.unwrap();
            self.clock.advance(std::time::Duration::from_secs(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flush_is_done_when_what_another_took_before_it_is_written() {
    for world in World::each().await {
        const EVENTS: u32 = 3_000;
        for number in 0..EVENTS {
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &number);
            world.storage.audit_stateless(&world.tenant, event);
        }
        let second = async {
            world.storage.flush_audit().await.unwrap();
            world.storage.list_audit_records(&world.tenant, None, 2 * EVENTS).await.unwrap().len()
        };
        let (first, written) = tokio::join!(world.storage.flush_audit(), second);
        first.unwrap();
        assert_eq!(written, usize::try_from(EVENTS).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_read_to_their_end_from_the_oldest_on() {
    for world in World::each().await {
        let acme = OrganisationId(Uuid::from_u128(7));
        world.records(5, None).await;
        world.records(3, Some(acme)).await;
        let read = async |organisation| {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let storage = &world.storage;
                let page =
                    storage.list_audit_records_after(&world.tenant, organisation, after, 2).await.unwrap();
                after = page.last().map(AuditRecord::position).or(after);
                if page.is_empty() {
                    return seen;
                }
                seen.extend(page);
            }
        };
        let all = read(None).await;
        assert_eq!(all.len(), 8);
        assert!(all.windows(2).all(|pair| pair[0].at < pair[1].at), "the oldest first");
        assert_eq!(read(Some(acme)).await, all[5..], "of one organisation");
        let other = "other".parse().unwrap();
        assert_eq!(world.storage.list_audit_records_after(&other, None, None, 10).await.unwrap(), []);
    }
}

/// Attack: whoever has the database takes out what they did, or writes it anew.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_or_deletes_a_record_before_its_time() {
    for world in World::each().await {
        world.records(4, None).await;
        let before = world.storage.list_audit_records(&world.tenant, None, 10).await.unwrap();
        let second = before[2].at.micros();
        let trim = |instant: i64| format!("UPDATE audit_horizon SET trimmed_before = {instant}");
        for sql in [
            "UPDATE audit_records SET actor = 'system'",
            "UPDATE audit_records SET at = 0",
            "DELETE FROM audit_records",
            &format!("DELETE FROM audit_records WHERE at < {second}"),
        ] {
            assert!(!world.takes(sql).await, "{sql}");
        }
        let trimmed = world.storage.trim_audit(&world.tenant, before[2].at, 10).await.unwrap();
        assert_eq!(trimmed, 1, "the oldest one leaves by age");
        for sql in ["DELETE FROM audit_records", "DELETE FROM audit_horizon", &trim(second - 1)] {
            assert!(!world.takes(sql).await, "{sql}");
        }
        let after = world.storage.list_audit_records(&world.tenant, None, 10).await.unwrap();
        assert_eq!(after, before[..3]);
    }
}
