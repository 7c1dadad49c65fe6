//! Cross-tenant access, as a matrix over every operators' route and every credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::Router;
use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use crate::browser::{Browser, encode};
use crate::world::World;

/// Every operators' route as the API document lists it: method, path with its places filled, scope.
fn operators_routes() -> Vec<(String, String, Option<String>)> {
    let document = portcullis_http::openapi::document(&[Router::Admin, Router::Metrics], "test");
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation.get("security").is_some() {
                let scope = operation["x-portcullis-scope"].as_str().map(str::to_owned);
                let filled = path.replace(['{', '}'], "x");
                routes.push((method.to_uppercase(), filled, scope));
            }
        }
    }
    assert!(routes.len() > 10, "{routes:?}");
    routes
}

/// The same, and those that older clients ask for: without `/admin`.
fn with_older_paths() -> Vec<(String, String, Option<String>)> {
    let mut routes = operators_routes();
    let older = routes.iter().filter_map(|(method, path, scope)| {
        let path = path.strip_prefix("/admin").filter(|path| !path.starts_with("/portcullis/"))?;
        Some((method.clone(), path.to_owned(), scope.clone()))
    });
    let older: Vec<_> = older.collect();
    assert!(older.len() > 10, "{older:?}");
    routes.extend(older);
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operators_route_asks_for_a_key() {
    let world = World::start().await;
    for (method, path, _) in with_older_paths() {
        for key in
            ["", "pk_nonsense", "pk_AAAAAAAAAAAAAAAAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
        {
            let answer = world.operate(key, (&method, &path), "acme", &Value::Null).await;
            assert_eq!(answer.status, 401, "{method} {path} with {key:?}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operators_route_is_on_the_public_listener() {
    let world = World::start().await;
    for (method, path, _) in operators_routes() {
        let headers = [("authorization", format!("Bearer {}", world.key))];
        let answer =
            Browser::default().send(&method, &format!("{}{path}", world.base), &headers, String::new()).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_of_one_tenant_sees_another_as_not_there() {
    let world = World::start().await;
    let owner = KeyOwner::Tenant("rival".parse().unwrap());
    let key = world.admin_key(owner, vec![Scope::All]).await;
    for (method, path, scope) in with_older_paths() {
        let answer = world.operate(&key, (&method, &path), "acme", &Value::Null).await;
        // Routes of the node as a whole are the operator's; all others are not there.
        let node = path.contains("/portcullis/v1/tenants")
            || path.contains("/metrics")
            || path.contains("/portcullis/v1/keys");
        let expected = if node { &[403, 404, 400, 200][..] } else { &[404][..] };
        assert!(
            expected.contains(&answer.status),
            "{method} {path} ({scope:?}): {} {}",
            answer.status,
            answer.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_of_a_tenant_manages_neither_other_tenants_nor_their_keys() {
    let world = World::start().await;
    let rival = || KeyOwner::Tenant("rival".parse().unwrap());
    let key = world.admin_key(rival(), vec![Scope::All]).await;
    let v1 = "/admin/portcullis/v1";
    for (request, body, status) in [
        (("GET", format!("{v1}/tenants")), Value::Null, 403),
        (("POST", format!("{v1}/tenants")), json!({"id": "new"}), 403),
        (("GET", format!("{v1}/tenants/acme")), Value::Null, 404),
        (("GET", format!("{v1}/tenants/nothing")), Value::Null, 404),
        (("PATCH", format!("{v1}/tenants/acme")), json!({"suspended": true}), 404),
        (("GET", format!("{v1}/tenants/rival")), Value::Null, 200),
        (("GET", format!("{v1}/keys?tenant=acme")), Value::Null, 404),
        (("POST", format!("{v1}/keys")), json!({"name": "x", "tenant": "acme", "scopes": ["all"]}), 404),
        (("POST", format!("{v1}/keys")), json!({"name": "x", "tenant": "rival", "scopes": ["all"]}), 201),
        (("GET", "/metrics".to_owned()), Value::Null, 403),
    ] {
        let answer = world.operate(&key, (request.0, &request.1), "default", &body).await;
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_of_a_key_bound_what_it_does() {
    let world = World::start().await;
    for (scopes, request, allowed) in [
        (vec![Scope::ClientsRead], ("GET", "/admin/clients"), true),
        (vec![Scope::ClientsRead], ("POST", "/admin/clients"), false),
        (vec![Scope::ClientsWrite], ("GET", "/admin/clients"), true),
        (vec![Scope::KeysWrite], ("GET", "/admin/clients"), false),
        (vec![Scope::MetricsRead], ("GET", "/metrics"), true),
        (vec![Scope::ClientsWrite], ("GET", "/metrics"), false),
    ] {
        let key = world.admin_key(KeyOwner::Operator, scopes.clone()).await;
        let answer = world.operate(&key, request, "default", &Value::Null).await;
        assert_eq!(answer.status != 403, allowed, "{scopes:?} {request:?}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_tokens_of_one_tenant_are_nothing_in_another() {
    let world = World::start().await;
    let (id, secret) = world.machine("acme", json!({})).await;
    let (_, rival_secret) = world.machine("rival", json!({})).await;
    let authorization = |secret: &str| {
        [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))),
        ]
    };
    let grant = encode(&[("grant_type", "client_credentials")]);
    let token_of = |tenant: &str| format!("{}/oauth2/token", world.tenant(tenant));
    let mut client = Browser::default();
    let refused = client.send("POST", &token_of("rival"), &authorization(&secret), grant.clone()).await;
    assert_eq!(refused.status, 401, "a secret of acme at rival");
    let token = client.send("POST", &token_of("acme"), &authorization(&secret), grant).await.json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    for (tenant, secret, active) in [("acme", &secret, true), ("rival", &rival_secret, false)] {
        let url = format!("{}/oauth2/introspect", world.tenant(tenant));
        let found = client.send("POST", &url, &authorization(secret), encode(&[("token", &token)])).await;
        assert_eq!(found.json()["active"].as_bool(), Some(active), "{tenant}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_tenant_is_not_there_and_comes_back() {
    let world = World::start().await;
    let metadata = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
    for (suspended, status) in [(false, 200), (true, 404), (false, 200)] {
        let path = "/admin/portcullis/v1/tenants/acme";
        let body = json!({ "suspended": suspended });
        let changed = world.operate(&world.key, ("PATCH", path), "default", &body).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(Browser::default().get(&metadata).await.status, status, "suspended: {suspended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_answers_at_its_host_and_a_host_means_nobody_else() {
    let world = World::start().await;
    let path = "/admin/portcullis/v1/tenants/acme";
    let body = json!({ "host": "id.acme.example" });
    assert_eq!(world.operate(&world.key, ("PATCH", path), "default", &body).await.status, 200);
    let metadata = format!("{}/.well-known/openid-configuration", world.base);
    for (host, issuer) in [
        ("id.acme.example", "https://id.acme.example"),
        ("ID.ACME.example:443", "https://id.acme.example"),
        ("other.example", world.base.as_str()),
    ] {
        let headers = [("host", host.to_owned())];
        let found = Browser::default().send("GET", &metadata, &headers, String::new()).await;
        assert_eq!(found.json()["issuer"].as_str(), Some(issuer), "{host}");
    }
    let forged = [("x-forwarded-host", "id.acme.example".to_owned())];
    let found = Browser::default().send("GET", &metadata, &forged, String::new()).await;
    assert_eq!(
        found.json()["issuer"].as_str(),
        Some(world.base.as_str()),
        "nobody trusts this peer's headers"
    );
}

/// Attack: a key of one organisation reads or changes another one's rows, the tenant's, or the node's. Each route of the
/// table is asked, so that one that is added is asked too.
#[tokio::test(flavor = "multi_thread")]
async fn key_of_one_organisation_sees_that_one_and_nothing_else() {
    const PLACE: &str = "xorganisationx";
    let world = World::start().await;
    let mut made = Vec::new();
    for label in ["Ours", "Theirs"] {
        let path = "/admin/portcullis/v1/organisations";
        let answer = world.operate(&world.key, ("POST", path), "acme", &json!({"label": label})).await;
        made.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    let (ours, theirs) = (&made[0], &made[1]);
    let owner = || KeyOwner::Organisation("acme".parse().unwrap(), ours.parse().unwrap());
    let key = world.admin_key(owner(), vec![Scope::All]).await;
    let reader = world.admin_key(owner(), vec![Scope::OrganisationsRead]).await;
    let mut own = 0;
    for (method, path, scope) in operators_routes() {
        let whole = path.ends_with(PLACE) && method != "GET";
        let is_own = path.contains(PLACE) && !whole;
        let ask = async |key: &str, id: &str, tenant: &str| {
            world.operate(key, (&method, &path.replace(PLACE, id)), tenant, &Value::Null).await.status
        };
        for (id, tenant) in [(theirs, "acme"), (ours, "rival"), (ours, "default")] {
            let status = ask(&key, id, tenant).await;
            assert!([400, 403, 404].contains(&status), "{method} {path} ({scope:?}) in {tenant}: {status}");
            let is_of_node = ["/v1/keys", "/v1/tenants", "/metrics"].iter().any(|of| path.contains(of));
            assert!(status == 404 || is_of_node, "{method} {path} ({scope:?}) in {tenant}: {status}");
        }
        if is_own {
            own += 1;
            let as_operator = ask(&world.key, ours, "acme").await;
            assert_eq!(ask(&key, ours, "acme").await, as_operator, "{method} {path}");
            let expect = if method == "GET" { as_operator } else { 403 };
            assert_eq!(ask(&reader, ours, "acme").await, expect, "{method} {path} with a key that reads");
        } else {
            assert_ne!(ask(&key, ours, "acme").await, 200, "{method} {path} is not the organisation's");
        }
    }
    assert!(own > 18, "{own} routes");
}

/// A key of an organisation invites, as its owner does, and puts nobody of the tenant into it; it goes with it.
#[tokio::test(flavor = "multi_thread")]
async fn key_of_an_organisation_is_made_by_its_tenant_and_does_what_an_owner_does() {
    let world = World::start().await;
    let v1 = "/admin/portcullis/v1";
    let tenant = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::All]).await;
    let rival = world.admin_key(KeyOwner::Tenant("rival".parse().unwrap()), vec![Scope::All]).await;
    let made = world
        .operate(&tenant, ("POST", &format!("{v1}/organisations")), "acme", &json!({"label": "Ours"}))
        .await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let wanted = |tenant: &str, scopes: Value| json!({"name": "hr", "tenant": tenant, "organisation": id, "scopes": scopes});
    let keys = format!("{v1}/keys");
    let all = wanted("acme", json!(["organisations:write"]));
    assert_eq!(world.operate(&rival, ("POST", &keys), "default", &all).await.status, 404);
    let elsewhere = wanted("rival", json!(["organisations:write"]));
    assert_eq!(world.operate(&rival, ("POST", &keys), "default", &elsewhere).await.status, 404);
    let made = world.operate(&tenant, ("POST", &keys), "default", &all).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let owner = json!({"kind": "organisation", "tenant": "acme", "organisation": id});
    assert_eq!(made.json()["key"]["owner"], owner);
    let key = made.json()["secret"].as_str().unwrap().to_owned();

    let mut ada = Browser::default();
    crate::oauth2::code::sign_up(&world, &mut ada, "ada@acme.example").await;
    let whoami = ada.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await.json();
    let person = whoami["identity"]["id"].as_str().unwrap();
    let member = format!("{v1}/organisations/{id}/members/{person}");
    let put = world.operate(&key, ("PUT", &member), "acme", &json!({"role": "owner"})).await;
    assert_eq!(put.status, 404, "it puts nobody into it who was not asked: {}", put.text());
    let invite = format!("{v1}/organisations/{id}/invitations");
    let wanted = json!({"address": "ada@acme.example", "role": "owner"});
    let invited = world.operate(&key, ("POST", &invite), "acme", &wanted).await;
    assert_eq!(invited.status, 201, "{}", invited.text());
    let group = format!("{v1}/organisations/{id}/groups");
    assert_eq!(world.operate(&key, ("POST", &group), "acme", &json!({"label": "Buyers"})).await.status, 201);

    let of_it = format!("{keys}?tenant=acme&organisation={id}");
    let listed = world.operate(&tenant, ("GET", &of_it), "default", &Value::Null).await.json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1);
    assert_eq!(world.operate(&key, ("GET", &keys), "default", &Value::Null).await.status, 404);
    let whole = format!("{v1}/organisations/{id}");
    assert_eq!(world.operate(&key, ("DELETE", &whole), "acme", &Value::Null).await.status, 404);
    assert_eq!(world.operate(&tenant, ("DELETE", &whole), "acme", &Value::Null).await.status, 204);
    assert_eq!(
        world.operate(&key, ("GET", &whole), "acme", &Value::Null).await.status,
        401,
        "it went with it"
    );
}
