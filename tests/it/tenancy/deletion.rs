//! A tenant that is deleted: nobody finds it from then on, its neighbour notices nothing, and its id comes back empty.

use std::time::Duration;

use jobs::{JobName, Outcome};
use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use crate::browser::{Browser, Response};
use crate::plugins::people::{set, sign_up};
use crate::world::{World, guest};

const TENANTS: &str = "/admin/portcullis/v1/tenants";
const IDENTITIES: &str = "/admin/identities";
const JWKS: &str = "/.well-known/jwks.json";

impl World {
    async fn tenants(&self, key: &str, method: &str, path: &str, body: Value) -> Response {
        self.operate(key, (method, &format!("{TENANTS}{path}")), "default", &body).await
    }

    async fn delete_acme(&self, key: &str) -> u16 {
        self.tenants(key, "DELETE", "/acme", Value::Null).await.status
    }

    /// Asks at a host name.
    async fn at_host(&self, host: &str) -> u16 {
        let headers = [("host", host.to_owned())];
        Browser::default().send("GET", &format!("{}{JWKS}", self.base), &headers, String::new()).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_tenant_answers_nobody_and_its_id_comes_back_empty() {
    let world = World::start().await;
    let owner = KeyOwner::Tenant("acme".parse().unwrap());
    let own_key = world.admin_key(owner, vec![Scope::All]).await;
    let (status, signed_up) = sign_up(&world, "ada@acme.example", "Ada").await;
    assert_eq!(status, 200, "{signed_up}");
    for id in ["acme", "rival"] {
        let host = json!({ "host": format!("id.{id}.example") });
        assert_eq!(world.tenants(&world.key, "PATCH", &format!("/{id}"), host).await.status, 200);
    }
    let session = format!("Bearer {}", signed_up["session_token"].as_str().unwrap());
    let whoami = async || {
        let url = format!("{}/sessions/whoami", world.tenant("acme"));
        let headers = [("authorization", session.clone())];
        Browser::default().send("GET", &url, &headers, String::new()).await.status
    };
    let listed = async |key: &str, tenant: &str| {
        world.operate(key, ("GET", IDENTITIES), tenant, &Value::Null).await.status
    };
    assert_eq!((whoami().await, world.at_host("id.acme.example").await), (200, 200));
    assert_eq!(listed(&own_key, "acme").await, 200);

    assert_eq!(world.delete_acme(&world.key).await, 204);
    assert_eq!(whoami().await, 404);
    // Attack on its users: somebody else's pages at the address that they know.
    assert_eq!(world.at_host("id.acme.example").await, 404, "the default answers there instead");
    assert_eq!((listed(&own_key, "default").await, listed(&world.key, "acme").await), (401, 404));
    assert_eq!(world.tenants(&world.key, "GET", "/acme", Value::Null).await.status, 404);
    assert_eq!(world.delete_acme(&world.key).await, 404);
    assert_eq!((world.at_host("id.rival.example").await, listed(&world.key, "rival").await), (200, 200));

    let make = async || world.tenants(&world.key, "POST", "", json!({ "id": "acme" })).await.status;
    assert_eq!(make().await, 409);
    assert!(matches!(world.run_job(JobName::Tenants).await, Outcome::Done(1..)));
    assert_eq!(make().await, 409, "requests may be under way");
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(world.run_job(JobName::Tenants).await, Outcome::Done(0));
    assert_eq!(make().await, 201);
    let people = world.operate(&world.key, ("GET", IDENTITIES), "acme", &Value::Null).await;
    assert_eq!((people.json(), whoami().await), (json!([]), 401));
    assert_eq!(listed(&own_key, "acme").await, 401);
    assert_eq!(world.at_host("id.acme.example").await, 200, "which is nobody's: the default answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_deleted_by_the_operator_alone() {
    let world = World::start().await;
    for (owner, scope) in [
        (KeyOwner::Tenant("acme".parse().unwrap()), Scope::All),
        (KeyOwner::Tenant("rival".parse().unwrap()), Scope::All),
        (KeyOwner::Operator, Scope::TenantsRead),
    ] {
        let key = world.admin_key(owner.clone(), vec![scope]).await;
        assert_eq!(world.delete_acme(&key).await, 403, "{owner:?}");
    }
    let answer = world.tenants(&world.key, "DELETE", "/default", Value::Null).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(world.tenants(&world.key, "DELETE", "/nobody", Value::Null).await.status, 404);
    assert_eq!(world.delete_acme(&world.key).await, 204);
}

/// Attack: a request is under way when its tenant is deleted; without plugins it would be issued what they deny.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_of_a_deleted_tenant_are_unloaded_and_its_hooks_fail() {
    let world = World::start().await;
    let plugin =
        json!({ "name": "shape", "component": guest("token_echo"), "limits": { "wall_ms": 10_000 } });
    set(&world, &json!({ "plugin": [plugin] })).await;
    let plugins = world.plugins();
    let (acme, context) = ("acme".parse().unwrap(), crate::plugins::deleted::context("acme"));
    // Loaded when somebody visits it.
    assert_eq!(Browser::default().get(&format!("{}{JWKS}", world.tenant("acme"))).await.status, 200);
    assert!(plugins.list(&acme)[0].sha256.is_some());
    let asked = crate::plugins::deleted::asked();
    assert!(world.hook().shape_tokens(&context, &asked).await.is_ok());

    assert_eq!(world.delete_acme(&world.key).await, 204);
    while !plugins.list(&acme).is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(world.hook().applies(&context), "the hook fails, and is not skipped");
    let failure = world.hook().shape_tokens(&context, &asked).await.unwrap_err();
    assert!(failure.detail.contains("not installed"), "{failure:?}");
}
