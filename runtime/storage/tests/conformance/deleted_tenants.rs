//! A deleted tenant is found by nobody at once; its rows leave, and no other tenant's do.

use futures_util::future::join_all;
use portcullis_storage::{ApplyError, Location, TenantSweep};
use primitives::{Actor, AdminKeyId, TenantId};
use tenancy::tenant::TenantUpdate;
use tenancy::{AdminKey, AdminKeys as _, KeyOwner, ManagedBy, Scope, Tenant, Tenants as _, Write};

use crate::cross_tenant::{Rows, is_empty};
use crate::world::World;

impl World {
    async fn make(&self, id: &str, host: Option<&str>) -> Option<usize> {
        let mut tenant = Tenant::new(id.parse().unwrap(), ManagedBy::Api, self.now());
        tenant.host = host.map(str::to_owned);
        missed(self.storage.apply(tenant.create(Actor::System)).await)
    }

    async fn find(&self, id: &str) -> Option<Tenant> {
        self.storage.find_tenant(id.parse().unwrap()).await.unwrap()
    }

    async fn delete(&self, tenant: &Tenant) -> Option<usize> {
        let deleted = tenant.delete(Actor::System, self.now(), &*self.rng).unwrap();
        missed(self.storage.apply(deleted).await)
    }

    /// Walks through all tables with batches of two; how many rows left, and in how many steps.
    async fn sweep(&self, tenant: &TenantId) -> (u64, usize) {
        let (mut sweep, mut rows, mut steps) = (TenantSweep::of(tenant.clone()), 0, 0);
        while let Some(deleted) = sweep.step(&self.storage, 2).await.unwrap() {
            assert!(deleted <= 2, "{deleted} at once");
            rows += deleted;
            steps += 1;
        }
        (rows, steps)
    }

    async fn admin_key(&self, owner: KeyOwner) -> AdminKeyId {
        let id = AdminKeyId::generate(&*self.rng);
        let key = AdminKey {
            id,
            owner,
            name: "key".to_owned(),
            scopes: vec![Scope::All],
            created_at: self.now(),
            expires_at: None,
            last_used_at: None,
            uses_left: None,
        };
        assert_eq!(self.apply([Write::InsertAdminKey { key, hash: self.hash("key") }]).await, None);
        id
    }
}

fn missed(applied: Result<(), ApplyError>) -> Option<usize> {
    match applied {
        Ok(()) => None,
        Err(ApplyError::Missed { write }) => Some(write),
        Err(ApplyError::Storage(error)) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_deleted_tenant_leaves_and_none_of_another() {
    for mut world in World::each().await {
        let mut rows = Vec::new();
        for id in ["acme", "rival"] {
            assert_eq!(world.make(id, Some(&format!("{id}.example"))).await, None);
            world.tenant = id.parse().unwrap();
            let of_tenant = Rows::of(&world);
            of_tenant.insert(&world).await;
            rows.push(of_tenant);
        }
        let (acme, rival): (TenantId, TenantId) = ("acme".parse().unwrap(), "rival".parse().unwrap());
        let before = rows[1].looked_up(&world, &rival).await;

        assert_eq!(world.delete(&world.find("acme").await.unwrap()).await, None);
        let (left, steps) = world.sweep(&acme).await;
        assert!(left > 20 && steps > TenantSweep::tables().count(), "{left} rows in {steps} steps");
        for (name, found) in rows[0].looked_up(&world, &acme).await {
            assert!(is_empty(&found), "{name} finds {found}");
        }
        for table in TenantSweep::tables() {
            let sql = format!("SELECT tenant FROM {table} WHERE tenant = 'acme'");
            assert_eq!(world.raw_texts(&sql).await, [""; 0], "{table}");
        }
        assert_eq!(world.sweep(&acme).await.0, 0);
        assert_eq!(rows[1].looked_up(&world, &rival).await, before, "another tenant's");
    }
}

/// A table that a migration adds is one more that a tenant leaves something in.
#[tokio::test(flavor = "multi_thread")]
async fn sweep_goes_through_every_table_of_tenants() {
    for world in World::each().await {
        let sql = match world.location {
            Location::Sqlite(_) => {
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND c.name = 'tenant'"
            }
            Location::Postgres { .. } => {
                "SELECT table_name::text FROM information_schema.columns
                 WHERE column_name = 'tenant' AND table_schema = current_schema()"
            }
        };
        // The row itself, what says that it is deleted, and the change log.
        let apart = ["tenants", "deleted_tenants", "changes"];
        let mut tables: Vec<&str> = TenantSweep::tables().chain(apart).collect();
        tables.sort_unstable();
        assert_eq!(world.raw_texts(sql).await, tables);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_tenant_is_found_by_nobody_and_its_id_is_free_when_that_is_said() {
    for mut world in World::each().await {
        world.tenant = "acme".parse().unwrap();
        assert_eq!(world.make("acme", Some("id.acme.example")).await, None);
        let own = world.admin_key(KeyOwner::Tenant(world.tenant.clone())).await;
        let tenant = world.find("acme").await.unwrap();
        assert!(!world.storage.is_deleted_tenant(&tenant.id).await.unwrap());
        assert_eq!(world.delete(&tenant).await, None);

        assert_eq!(world.find("acme").await, None);
        assert_eq!(world.storage.find_tenant_by_host("id.acme.example".to_owned()).await.unwrap(), None);
        assert_eq!(world.storage.find_admin_key(own).await.unwrap(), None);
        let at_host = async || world.storage.find_deleted_tenant_by_host("id.acme.example").await.unwrap();
        assert_eq!(at_host().await, Some(tenant.id.clone()));
        let deleted = world.storage.list_deleted_tenants(10).await.unwrap();
        assert_eq!((deleted.len(), deleted[0].deleted_at), (1, world.now()));
        let default = TenantId::default_tenant();
        let told = world.storage.list_audit_records(&default, None, 10).await.unwrap();
        assert!(format!("{told:?}").contains("tenant.deleted"), "{told:?}");

        assert_eq!(world.delete(&tenant).await, Some(0), "it is gone");
        let (_, late) = tenant.clone().update(TenantUpdate::default(), Actor::System, world.now()).unwrap();
        assert_eq!(missed(world.storage.apply(late).await), Some(0));
        assert_eq!(world.make("acme", None).await, Some(0), "its rows may be there");
        assert_eq!(world.make("other", Some("id.acme.example")).await, None, "its host is free");
        world.storage.end_deletion(&tenant.id).await.unwrap();
        assert_eq!(at_host().await, None);
        assert_eq!(world.make("acme", None).await, None);
    }
}

/// Attack: a tenant is made anew while it is being deleted, and takes over what is left.
#[tokio::test(flavor = "multi_thread")]
async fn of_deletions_and_makings_at_once_none_leaves_a_tenant_that_is_deleted() {
    for world in World::each().await {
        for _ in 0..8 {
            assert_eq!(world.make("acme", None).await, None);
            let tenant = world.find("acme").await.unwrap();
            let (deleted, made) = futures_util::join!(
                join_all((0..4).map(|_| world.delete(&tenant))),
                join_all((0..4).map(|_| world.make("acme", None))),
            );
            assert_eq!(deleted.iter().filter(|missed| missed.is_none()).count(), 1, "{deleted:?}");
            assert!(made.iter().all(Option::is_some), "{made:?}");
            assert_eq!(world.find("acme").await, None);
            world.storage.end_deletion(&tenant.id).await.unwrap();
        }
    }
}
