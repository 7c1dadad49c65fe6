//! What a tenant publishes for passkeys (WebAuthn L3 section 5.11.1, W3C Passkey Endpoints) and of its APIs (RFC 9728): of itself, and of
//! nobody else.

use primitives::{Actor, Clock as _};
use serde_json::{Value, json};
use tenancy::{ManagedBy, Tenant};

use crate::browser::{Browser, Response};
use crate::world::World;

const RELATED: &str = "/.well-known/webauthn";
const ENDPOINTS: &str = "/.well-known/passkey-endpoints";
/// What an Android app has for an origin.
const APP: &str = "android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A node that browsers know by this address, wherever it listens.
async fn world(base: &'static str) -> World {
    World::start_with(|settings| settings.base_url = base.parse().unwrap()).await
}

async fn tenant(world: &World, id: &str, identity: Value) {
    let mut tenant = Tenant::new(id.parse().unwrap(), ManagedBy::Api, world.clock.now());
    tenant.settings.document.insert("identity".to_owned(), identity);
    world.storage.apply(tenant.create(Actor::System)).await.unwrap();
}

async fn published(world: &World, id: &str, name: &str) -> Response {
    Browser::default().get_json(&format!("{}{name}", world.tenant(id))).await
}

/// What browsers and password managers read it by: who reads it, from where, and how long they keep it.
fn check(answer: &Response, expect: &Value) {
    assert_eq!((answer.status, &answer.json()), (200, expect));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("set-cookie"), "", "it is the same for everybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_domains_are_those_that_the_tenant_names() {
    let world = world("https://id.example").await;
    let origins = json!(["https://app.acme.example", APP, "https://acme.test:8443"]);
    tenant(&world, "wide", json!({ "relying_party": { "origins": origins } })).await;
    let expect =
        json!({ "origins": ["https://id.example", "https://app.acme.example", "https://acme.test:8443"] });
    check(&published(&world, "wide", RELATED).await, &expect);
    // Attack: a tenant has the passkeys of another used on its own pages.
    for id in ["default", "acme"] {
        check(&published(&world, id, RELATED).await, &json!({ "origins": ["https://id.example"] }));
    }
    // Security keys ask for them too.
    tenant(&world, "keys", json!({ "passkey": { "enabled": false } })).await;
    check(&published(&world, "keys", RELATED).await, &json!({ "origins": ["https://id.example"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_made_and_looked_after_on_the_tenants_own_page() {
    let world = world("https://id.example").await;
    for (id, place) in [("default", ""), ("acme", "/t/acme")] {
        let page = format!("https://id.example{place}/self-service/settings/browser");
        check(&published(&world, id, ENDPOINTS).await, &json!({ "enroll": page, "manage": page }));
        // It leads somewhere: to the sign-in that comes first.
        let path = page.strip_prefix("https://id.example").unwrap();
        let led = Browser::default().get(&format!("{}{path}", world.base)).await;
        assert!(led.location().path().ends_with("/self-service/login/browser"), "{}", led.location());
    }
    tenant(&world, "keys", json!({ "passkey": { "enabled": false } })).await;
    assert_eq!(published(&world, "keys", ENDPOINTS).await.status, 404, "none are made here");
}

/// Browsers know no passkeys of addresses, and none on pages that anybody may have changed on their way; nor of a domain
/// that is not above the tenant's.
#[tokio::test(flavor = "multi_thread")]
async fn tenant_that_cannot_have_passkeys_publishes_nothing() {
    for base in ["http://127.0.0.1:4480", "https://192.0.2.7", "http://id.example"] {
        let world = world(base).await;
        for name in [RELATED, ENDPOINTS] {
            assert_eq!(published(&world, "default", name).await.status, 404, "{base}{name}");
        }
    }
    let world = world("https://id.example").await;
    tenant(&world, "elsewhere", json!({ "relying_party": { "id": "bank.example" } })).await;
    for name in [RELATED, ENDPOINTS] {
        assert_ne!(published(&world, "elsewhere", name).await.status, 200, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_of_a_tenant_that_there_is_not_or_by_another_method() {
    let world = world("https://id.example").await;
    for name in [RELATED, ENDPOINTS] {
        assert_eq!(published(&world, "nobody", name).await.status, 404, "{name}");
        let url = format!("{}{name}", world.base);
        assert_eq!(Browser::default().post_json(&url, &json!({})).await.status, 405, "{name}");
    }
}

/// RFC 9728: an API is described under its identifier, for its own tenant, and for nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn apis_of_a_tenant_are_described_to_apps() {
    const DESCRIBED: &str = "/.well-known/oauth-protected-resource";
    let world = world("https://id.example").await;
    let mut declared = Tenant::new("apis".parse().unwrap(), ManagedBy::Api, world.clock.now());
    let apis = json!([
        { "resource": "https://mcp.example/mcp", "scopes": ["notes:read"] },
        { "resource": "https://id.example/t/apis/api", "name": "API" },
    ]);
    declared.settings.document.insert("oauth2".to_owned(), json!({ "protected_resources": apis }));
    world.storage.apply(declared.create(Actor::System)).await.unwrap();
    let described = |resource: &str, more: &Value| {
        let mut document = json!({
            "resource": resource, "authorization_servers": ["https://id.example/t/apis"], "bearer_methods_supported": ["header"],
        });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document
    };
    let mcp = described("https://mcp.example/mcp", &json!({ "scopes_supported": ["notes:read"] }));
    check(&published(&world, "apis", &format!("{DESCRIBED}/mcp.example/mcp")).await, &mcp);
    let api = described("https://id.example/t/apis/api", &json!({ "resource_name": "API" }));
    check(&published(&world, "apis", &format!("{DESCRIBED}/api")).await, &api);
    // Where whoever has but the identifier looks for it (section 3.1).
    let inserted =
        async |path: &str| Browser::default().get(&format!("{}{DESCRIBED}/t/{path}", world.base)).await;
    check(&inserted("apis/api").await, &api);
    for path in ["acme/api", "apis", "apis/other", "nobody/api"] {
        assert_eq!(inserted(path).await.status, 404, "{path}");
    }
    for (id, place) in
        [("apis", ""), ("apis", "/mcp"), ("apis", "/evil.example/mcp"), ("acme", "/mcp.example/mcp")]
    {
        assert_eq!(published(&world, id, &format!("{DESCRIBED}{place}")).await.status, 404, "{id}{place}");
    }
}
