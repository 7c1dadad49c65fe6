//! What a plugin may ask of the node, in real requests.

use primitives::{Change, Secret};
use serde_json::{Value, json};
use tenancy::Write;
use tenancy::plugin::PluginSecret;

use crate::browser::Browser;
use crate::oauth2::code::claims;
use crate::world::{World, guest};

const SETTINGS: &str = "/admin/portcullis/v1/tenants/acme";

/// Gives the tenant `acme` one plugin.
async fn install(world: &World, component: &str, more: Value) {
    // A busy machine is no failure of the guest's.
    let limits = json!({ "wall_ms": 10_000 });
    let mut plugin = json!({ "name": "shape", "component": guest(component), "limits": limits });
    plugin.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = json!({ "settings": { "plugin": [plugin] } });
    let changed = world.operate(&world.key, ("PATCH", SETTINGS), "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// The claims of a token that a machine of `acme` gets.
async fn token(world: &World, (id, secret): &(String, String)) -> Value {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let answer = Browser::default()
        .send("POST", &format!("{}/oauth2/token", world.tenant("acme")), &headers, form)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    claims(answer.json()["access_token"].as_str().unwrap())
}

async fn machine(world: &World) -> (String, String) {
    let more = json!({ "access_token_strategy": "jwt", "token_endpoint_auth_method": "client_secret_post" });
    world.machine("acme", more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_reaches_its_plugin_when_it_changes_and_no_answer_of_the_api() {
    let world = World::start().await;
    let machine = machine(&world).await;
    let put = async |tenant: &str, value: &str| {
        let secret = PluginSecret {
            plugin: "shape".to_owned(),
            name: "key".to_owned(),
            value: Secret::new(value.to_owned()),
        };
        let write = Write::PutPluginSecret { secret, at: primitives::Timestamp::from_seconds(1) };
        world.storage.apply(Change::new(tenant.parse().unwrap()).write(write)).await.unwrap();
    };
    put("rival", "of the rival").await;
    let more = json!({ "grants": ["config", "secrets"], "settings": { "names": ["key"] } });
    install(&world, "capability_secrets", more).await;
    assert_eq!(token(&world, &machine).await["key"], Value::Null);
    for value in ["first-moss", "second-moss"] {
        put("acme", value).await;
        assert_eq!(token(&world, &machine).await["key"], value);
        for path in [SETTINGS, "/admin/portcullis/v1/tenants", "/admin/portcullis/v1/plugins"] {
            let tenant = if path.ends_with("plugins") { "acme" } else { "default" };
            let shown = world.operate(&world.key, ("GET", path), tenant, &Value::Null).await;
            assert_eq!(shown.status, 200, "{path}");
            assert!(
                shown.text().contains("shape") && !shown.text().contains("moss"),
                "{path}: {}",
                shown.text()
            );
        }
    }
}

/// Attack: whoever may write a tenant's settings refers to a file of the node.
#[tokio::test(flavor = "multi_thread")]
async fn settings_by_api_refer_to_no_file_of_the_node() {
    let world = World::start().await;
    for reference in [json!({ "file": "/etc/hostname" }), json!({ "env": "HOME" })] {
        let plugin = json!({
            "name": "shape", "component": guest("capability_secrets"),
            "grants": ["config", "secrets"], "secrets": { "key": reference },
        });
        let body = json!({ "settings": { "plugin": [plugin] } });
        let refused = world.operate(&world.key, ("PATCH", SETTINGS), "default", &body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.text().contains("configuration file"), "{}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_issued_at_once_are_counted_each() {
    let world = World::start().await;
    let machine = machine(&world).await;
    let more = json!({
        "grants": ["config", "kv"],
        "settings": { "steps": [["add", "issued", 1, 3600]] },
    });
    install(&world, "capability_kv", more).await;
    let issue = async || token(&world, &machine).await["results"][0].as_i64().unwrap();
    let mut counts = futures_util::future::join_all((0..12).map(|_| issue())).await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=12).collect::<Vec<_>>());
}

/// Attack: a plugin calls what only the node can reach; its tenant names the origin by a name or by address.
#[tokio::test(flavor = "multi_thread")]
async fn plugin_reaches_no_server_that_is_not_public() {
    let world = World::start().await;
    let machine = machine(&world).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let origins = ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "0.0.0.0"]
        .map(|host| format!("http://{host}:{port}"));
    let requests: Vec<Value> = origins.iter().map(|url| json!({ "url": url })).collect();
    let more = json!({
        "grants": ["config", "http"], "http_origins": origins, "settings": { "requests": requests },
    });
    install(&world, "capability_http", more).await;
    let refused = "ErrorKind::NotAllowed: the address is not allowed";
    assert_eq!(token(&world, &machine).await["results"], json!(vec![refused; origins.len()]));
    let called = futures_util::FutureExt::now_or_never(listener.accept());
    assert!(called.is_none(), "nobody connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_reads_who_somebody_of_its_tenant_is_and_no_credential() {
    let world = World::start().await;
    let machine = machine(&world).await;
    for (tenant, email) in [("acme", "ada@acme.example"), ("rival", "eve@rival.example")] {
        let body = json!({
            "schema_id": "default", "traits": { "email": email },
            "metadata_admin": { "note": "of-the-operator" },
            "credentials": { "password": { "config": { "password": "moss-covered-lantern-71" } } },
        });
        let made = world.operate(&world.key, ("POST", "/admin/identities"), tenant, &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let settings = json!({ "identifiers": ["Ada@acme.example", "eve@rival.example"] });
    let more = json!({ "grants": ["config", "identities"], "settings": settings });
    install(&world, "capability_identities", more).await;
    let found = token(&world, &machine).await["found"].clone();
    assert_eq!(found[0]["traits"]["email"], "ada@acme.example");
    assert_eq!(found[1], Value::Null, "she is the rival's");
    let whole = found.to_string();
    for hidden in ["moss-covered", "argon2", "of-the-operator"] {
        assert!(!whole.contains(hidden), "{whole}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_that_is_granted_what_the_node_has_not_is_installed_as_broken() {
    let world = World::start().await;
    install(&world, "capability_permissions", json!({ "grants": ["config", "permissions"] })).await;
    let machine = machine(&world).await;
    let form = format!("grant_type=client_credentials&client_id={}&client_secret={}", machine.0, machine.1);
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let url = format!("{}/oauth2/token", world.tenant("acme"));
    assert_eq!(Browser::default().send("POST", &url, &headers, form).await.status, 500);
    let listed =
        world.operate(&world.key, ("GET", "/admin/portcullis/v1/plugins"), "acme", &Value::Null).await;
    assert!(listed.text().contains("which this node does not offer"), "{}", listed.text());
}
