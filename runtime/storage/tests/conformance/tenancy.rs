//! Tenants and admin keys: what is read is what was written, and guards hold.

use portcullis_storage::StorageError;
use primitives::{AdminKeyId, KeyedHash, Rng as _, TenantId};
use tenancy::ports::{AdminKeys as _, Page, Tenants as _};
use tenancy::{AdminKey, KeyOwner, ManagedBy, Scope, Tenant, TenantState, Write};

use crate::world::World;

impl World {
    fn some_tenant(&self, id: &str, managed_by: ManagedBy) -> Tenant {
        let mut tenant = Tenant::new(id.parse().unwrap(), managed_by, self.now());
        tenant.host = Some(format!("{id}.example"));
        tenant
    }

    fn some_key(&self, owner: KeyOwner) -> AdminKey {
        AdminKey {
            id: AdminKeyId(self.rng.uuid()),
            name: "ci".to_owned(),
            owner,
            scopes: Scope::EVERY.to_vec(),
            created_at: self.now(),
            expires_at: Some(self.in_seconds(60)),
            last_used_at: None,
            uses_left: None,
        }
    }
}

fn page(after: Option<&str>, limit: u32) -> Page {
    Page { after: after.map(str::to_owned), limit }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_is_read_as_it_was_written() {
    for world in World::each().await {
        let mut tenant = world.some_tenant("acme", ManagedBy::Api);
        tenant.issuer = Some("https://id.acme.example/".parse().unwrap());
        tenant.settings.document.insert("theme".to_owned(), serde_json::json!({"dark": true}));
        assert_eq!(world.apply([Write::InsertTenant(tenant.clone())]).await, None);
        assert_eq!(world.apply([Write::InsertTenant(tenant.clone())]).await, Some(0), "its id is taken");
        let mut same_host = world.some_tenant("other", ManagedBy::Api);
        same_host.host.clone_from(&tenant.host);
        assert_eq!(world.apply([Write::InsertTenant(same_host)]).await, Some(0), "its host is taken");

        let by_id = |id: &str| world.storage.find_tenant(id.parse().unwrap());
        let by_host = |host: &str| world.storage.find_tenant_by_host(host.to_owned());
        assert_eq!(by_id("acme").await.unwrap().as_ref(), Some(&tenant));
        assert_eq!(by_host("acme.example").await.unwrap(), Some(tenant));
        assert_eq!(by_id("other").await.unwrap(), None);
        assert_eq!(by_host("other.example").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_of_a_tenant_one_is_told() {
    for world in World::each().await {
        let old = world.some_tenant("acme", ManagedBy::Api);
        let other = world.some_tenant("other", ManagedBy::Api);
        let inserts = [Write::InsertTenant(old.clone()), Write::InsertTenant(other.clone())];
        assert_eq!(world.apply(inserts).await, None);
        let mut new = old.clone();
        (new.host, new.state, new.updated_at) = (None, TenantState::Suspended, world.in_seconds(1));
        new.settings.version = 2;
        let replace =
            |tenant: &Tenant, read_version| Write::ReplaceTenant { tenant: tenant.clone(), read_version };
        assert_eq!(world.apply([replace(&new, 1)]).await, None);
        assert_eq!(world.apply([replace(&new, 1)]).await, Some(0), "decided on an older version");
        assert_eq!(world.storage.find_tenant(new.id.clone()).await.unwrap().as_ref(), Some(&new));

        let mut grabs = new.clone();
        (grabs.host, grabs.settings.version) = (other.host, 3);
        assert_eq!(world.apply([replace(&grabs, 2)]).await, Some(0), "the host is another's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_listed_in_pages_and_by_owner() {
    for world in World::each().await {
        let tenants = [("a", ManagedBy::File), ("b", ManagedBy::Api), ("c-1", ManagedBy::File)];
        let writes = tenants.map(|(id, owner)| Write::InsertTenant(world.some_tenant(id, owner)));
        assert_eq!(world.apply(writes).await, None);
        let ids = |tenants: Vec<Tenant>| tenants.into_iter().map(|t| t.id.to_string()).collect::<Vec<_>>();
        for (after, limit, expected) in
            [(None, 2, &["a", "b"][..]), (Some("b"), 2, &["c-1"]), (Some("c-1"), 2, &[])]
        {
            let listed = world.storage.list_tenants(page(after, limit)).await.unwrap();
            assert_eq!(ids(listed), expected, "{after:?}");
        }
        assert_eq!(ids(world.storage.list_file_tenants().await.unwrap()), ["a", "c-1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_key_is_found_listed_touched_and_deleted_for_its_owner_only() {
    for mut world in World::each().await {
        let acme: TenantId = "acme".parse().unwrap();
        let of_operator = world.some_key(KeyOwner::Operator);
        let of_tenant = world.some_key(KeyOwner::Tenant(acme.clone()));
        let of_default = world.some_key(KeyOwner::Tenant(world.tenant.clone()));
        let insert =
            |key: &AdminKey| Write::InsertAdminKey { key: key.clone(), hash: KeyedHash(b"hash".to_vec()) };
        assert_eq!(world.apply([insert(&of_operator), insert(&of_default)]).await, None);
        assert_eq!(world.apply([insert(&of_operator)]).await, Some(0), "its id is taken");
        world.tenant = acme.clone();
        assert_eq!(world.apply([insert(&of_tenant)]).await, None);

        let find = async |id| world.storage.find_admin_key(id).await.unwrap();
        for key in [&of_operator, &of_tenant, &of_default] {
            assert_eq!(find(key.id).await, Some((key.clone(), KeyedHash(b"hash".to_vec()))));
            let listed = world.storage.list_admin_keys(key.owner.clone(), page(None, 10)).await.unwrap();
            assert_eq!(listed, std::slice::from_ref(key), "an owner sees its own");
            let next = page(Some(&key.id.to_string()), 10);
            assert_eq!(world.storage.list_admin_keys(key.owner.clone(), next).await.unwrap(), []);
        }

        let touch = |id| Write::TouchAdminKey { id, used_at: world.in_seconds(1) };
        assert_eq!(world.apply([touch(of_tenant.id), touch(of_operator.id)]).await, None);
        assert_eq!(find(of_tenant.id).await.unwrap().0.last_used_at, Some(world.in_seconds(1)));
        assert_eq!(find(of_operator.id).await.unwrap().0.last_used_at, None, "another's key");

        assert_eq!(world.apply([Write::DeleteAdminKey(of_operator.id)]).await, Some(0), "another's key");
        assert_eq!(world.apply([Write::DeleteAdminKey(of_tenant.id)]).await, None);
        assert_eq!(find(of_tenant.id).await, None);
        assert_eq!(world.apply([Write::DeleteAdminKey(of_tenant.id)]).await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_guard_of_a_tenant_is_no_failure_of_the_database() {
    for world in World::each().await {
        let tenant = world.some_tenant("acme", ManagedBy::Api);
        world.race(Write::InsertTenant(tenant)).await;
        let found: Result<_, StorageError> = world.storage.ping().await;
        assert!(found.is_ok(), "forty-nine collisions leave every connection usable");
    }
}

/// Attack: an initial access token for seven registrations is used fifty times at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_uses_of_a_counted_key_as_many_are_made_as_are_left() {
    for world in World::each().await {
        let owner = KeyOwner::Tenant(world.tenant.clone());
        let key = AdminKey { uses_left: Some(7), ..world.some_key(owner.clone()) };
        let endless = world.some_key(owner);
        let insert =
            |key: &AdminKey| Write::InsertAdminKey { key: key.clone(), hash: KeyedHash(b"hash".to_vec()) };
        assert_eq!(world.apply([insert(&key), insert(&endless)]).await, None);
        let spend = |key: AdminKeyId| [oauth2::write::Write::UseInitialAccessToken { key }];
        let outcomes = futures_util::future::join_all((0..50).map(|_| world.apply(spend(key.id)))).await;
        let made = outcomes.iter().filter(|outcome| outcome.is_none()).count();
        assert_eq!((made, outcomes.len()), (7, 50), "on {}", world.storage.kind());
        let (left, _) = world.storage.find_admin_key(key.id).await.unwrap().unwrap();
        assert_eq!(left, AdminKey { uses_left: Some(0), ..key });
        assert_eq!(world.apply(spend(endless.id)).await, Some(0), "what nobody counts is not counted down");
        assert_eq!(world.apply(spend(AdminKeyId(world.rng.uuid()))).await, Some(0));
    }
}
