use jose::{KeyState, TenantKeys};
use oauth2::client::{ClientDocument, ClientRecord};
use primitives::rng::SeededRng;
use primitives::{Actor, Sealer};
use storage::{Statement, Stored, values};
use tenancy::{ManagedBy, Tenant};

use super::*;
use crate::runner::{Outcome, Runner};
use crate::testing::World;

const DAY: Duration = Duration::from_hours(24);

fn id(name: &str) -> TenantId {
    name.parse().unwrap()
}

impl World {
    fn rotation(&self, node: &str) -> Runner {
        let rng = Arc::new(SeededRng::new(11));
        let job = Rotation { page: 2, ..Rotation::new(self.storage.clone(), rng, Duration::from_mins(10)) };
        self.runner(node, job)
    }

    /// Makes a tenant with settings.
    async fn with_tenant(&self, tenant: &str, settings: &serde_json::Value) {
        let mut tenant = Tenant::new(id(tenant), ManagedBy::Api, self.now());
        tenant.settings.document = settings.as_object().unwrap().clone();
        self.storage.apply(tenant.create(Actor::System)).await.unwrap();
    }

    /// Makes a client of a tenant.
    async fn with_client(&self, tenant: &str, document: &serde_json::Value) {
        let document: ClientDocument = serde_json::from_value(document.clone()).unwrap();
        let client = ClientRecord {
            document: document.with_defaults(),
            secrets: Vec::new(),
            managed_by: oauth2::client::ManagedBy::Api,
            enabled: true,
            created_at: self.now(),
            updated_at: self.now(),
            not_before: primitives::Timestamp::from_seconds(0),
            version: 1,
            registration: None,
        };
        let insert = oauth2::write::Write::InsertClient(Box::new(client));
        self.storage.apply(Change::new(id(tenant)).write(insert)).await.unwrap();
    }

    /// Gives a tenant its first key.
    async fn with_key(&self, tenant: &str, seed: u64) {
        let (schedule, rng) = (RotationSchedule::default(), SeededRng::new(seed));
        let change =
            jose::ensure_keys(&id(tenant), &[SigningAlgorithm::Es256], &[], &schedule, self.now(), &rng);
        self.storage.apply(change.unwrap().unwrap()).await.unwrap();
    }

    async fn keys(&self, tenant: &str) -> Vec<SigningKey> {
        self.storage.list_signing_keys(&id(tenant)).await.unwrap()
    }

    /// What a tenant's keys sign with, oldest first.
    async fn algorithms(&self, tenant: &str) -> Vec<&'static str> {
        self.keys(tenant).await.into_iter().map(|key| key.algorithm.as_str()).collect()
    }

    /// What a tenant's keys do, oldest first.
    async fn states(&self, tenant: &str) -> Vec<&'static str> {
        let word = |key: SigningKey| match key.state {
            KeyState::Pending { .. } => "pending",
            KeyState::Active { .. } => "active",
            KeyState::Retired { .. } => "retired",
            KeyState::Revoked { .. } => "revoked",
        };
        self.keys(tenant).await.into_iter().map(word).collect()
    }

    /// Moves on and runs the job as a node of that name.
    async fn later(&self, by: Duration, node: &str) -> Outcome {
        self.clock.advance(by);
        self.run(&self.rotation(node)).await
    }
}

#[tokio::test]
async fn tenants_key_lives_its_life_whichever_node_has_the_job() {
    let world = World::open().await;
    world.with_key("default", 1).await;
    assert_eq!(world.later(Duration::ZERO, "one").await, Outcome::Done(0));
    assert_eq!(world.later(DAY * 89, "two").await, Outcome::Done(1));
    assert_eq!(world.states("default").await, ["active", "pending"]);
    assert_eq!(world.later(DAY / 2, "one").await, Outcome::Done(0), "it is due, and waits for its successor");
    let token = {
        let keys = TenantKeys::new(&world.keys("default").await, world.now()).unwrap();
        keys.signer(SigningAlgorithm::Es256).unwrap().sign(jose::TokenType::Jwt, &1).await.unwrap()
    };
    assert_eq!(world.later(DAY / 2, "two").await, Outcome::Done(1));
    assert_eq!(world.states("default").await, ["retired", "active"]);
    let keys = TenantKeys::new(&world.keys("default").await, world.now()).unwrap();
    assert!(jose::UnverifiedJws::parse(&token).unwrap().verify_with(keys.verifying()).is_ok());
    assert_eq!(world.later(DAY * 31, "one").await, Outcome::Done(1));
    assert_eq!(world.states("default").await, ["active"]);
}

#[tokio::test]
async fn every_due_tenant_is_reached_over_all_pages() {
    let world = World::open().await;
    let names = ["a", "b", "c", "d", "e"];
    for (seed, name) in names.iter().enumerate() {
        world.with_key(name, seed as u64).await;
    }
    assert_eq!(world.later(DAY * 89, "one").await, Outcome::Done(5));
    for name in names {
        assert_eq!(world.states(name).await, ["active", "pending"], "{name}");
    }
}

#[tokio::test]
async fn tenants_own_schedule_counts_and_its_longest_token_and_those_of_its_clients() {
    let check = async |client: Option<(&str, &str)>, kept: Duration| {
        let world = World::open().await;
        let document = serde_json::json!({
            "keys": { "rotation": {
                "rotate_every_seconds": 1200, "publish_ahead_seconds": 300, "keep_retired_seconds": 1,
            } },
            "oauth2": { "access_token_lifespan": "2h", "id_token_lifespan": "5h" },
        });
        world.with_tenant("quick", &document).await;
        world.with_key("quick", 1).await;
        if let Some((lifespan, span)) = client {
            let document = serde_json::json!({ "client_id": "app", lifespan: span });
            world.with_client("quick", &document).await;
        }
        assert_eq!(world.later(DAY * 89, "one").await, Outcome::Done(1));
        assert_eq!(world.later(Duration::from_mins(10), "one").await, Outcome::Done(1));
        let keys = world.keys("quick").await;
        let now = world.now();
        let [retired, active] = keys.as_slice() else { panic!("{keys:?}") };
        assert_eq!(active.state, KeyState::Active { rotate_at: now.after(Duration::from_mins(15)) });
        let until = now.after(kept + Duration::from_mins(1));
        assert_eq!(retired.state, KeyState::Retired { until }, "{client:?}");
    };
    let hours = Duration::from_hours;
    check(None, hours(5)).await;
    check(Some(("authorization_code_grant_id_token_lifespan", "4h")), hours(5)).await;
    check(Some(("client_credentials_grant_access_token_lifespan", "1000h")), hours(1000)).await;
    check(Some(("refresh_token_grant_id_token_lifespan", "6h")), hours(6)).await;
    check(Some(("refresh_token_grant_refresh_token_lifespan", "1000h")), hours(5)).await;
}

#[tokio::test]
async fn algorithm_that_is_no_longer_wanted_signs_until_the_wanted_one_does_and_gets_no_successor() {
    let world = World::open().await;
    let named = serde_json::json!({
        "keys": { "algorithms": ["EdDSA"] },
        "oauth2": { "id_token_signing_algorithm": "EdDSA", "access_token_signing_algorithm": "EdDSA" },
    });
    world.with_tenant("moved", &named).await;
    // Its tokens are signed with it, though it is not named.
    world.with_tenant("half", &serde_json::json!({ "keys": { "algorithms": ["EdDSA"] } })).await;
    for (seed, name) in ["moved", "half", "unknown"].into_iter().enumerate() {
        world.with_key(name, seed as u64).await;
    }
    assert_eq!(world.later(DAY * 89, "one").await, Outcome::Done(3));
    let check = async |expect: [(&str, &[&str]); 3]| {
        for (name, expect) in expect {
            assert_eq!(world.states(name).await, expect, "{name}");
        }
    };
    check([
        ("moved", &["active", "pending"]),
        ("half", &["active", "pending", "pending"]),
        ("unknown", &["active", "pending"]),
    ])
    .await;
    assert_eq!(world.algorithms("moved").await, ["ES256", "EdDSA"], "the wanted one is published first");
    assert_eq!(world.later(DAY, "one").await, Outcome::Done(3));
    check([
        ("moved", &["retired", "active"]),
        ("half", &["retired", "active", "active"]),
        ("unknown", &["retired", "active"]),
    ])
    .await;
    assert_eq!(world.later(DAY * 31, "one").await, Outcome::Done(3));
    assert_eq!(world.algorithms("moved").await, ["EdDSA"], "what the other signed has expired");
}

/// Damages the sealed keys of a tenant.
struct Damage;

impl Stored for Damage {
    fn statements(self, tenant: &TenantId, _: &Sealer) -> Result<Vec<Statement>, StorageError> {
        let sql = "UPDATE signing_keys SET private_jwk = $2 WHERE tenant = $1";
        Ok(vec![Statement::one(sql, values![tenant, vec![0_u8; 40]])])
    }
}

#[tokio::test]
async fn one_tenants_damaged_row_keeps_nobody_else_from_rotating() {
    let world = World::open().await;
    for (seed, name) in ["a", "b", "c"].iter().enumerate() {
        world.with_key(name, seed as u64).await;
    }
    world.storage.apply(Change::new(id("b")).write(Damage)).await.unwrap();
    assert_eq!(world.later(DAY * 89, "one").await, Outcome::Failed);
    for name in ["a", "c"] {
        assert_eq!(world.states(name).await, ["active", "pending"], "{name}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_read_leave_the_default_schedule() {
    let world = World::open().await;
    let document = serde_json::json!({ "keys": { "algorithms": "all of them" } });
    world.with_tenant("odd", &document).await;
    world.with_key("odd", 1).await;
    assert_eq!(world.later(DAY * 89, "one").await, Outcome::Done(1));
    assert_eq!(world.states("odd").await, ["active", "pending"]);
}
