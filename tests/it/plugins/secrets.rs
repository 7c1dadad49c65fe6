//! Secrets of uploaded plugins by the admin API: the plugin reads them, and nobody is told them again.

use primitives::{Secret, Timestamp};
use serde_json::{Value, json};
use tenancy::plugin::PluginSecret;
use tenancy::{KeyOwner, Scope, Write};

use super::people::set;
use super::uploads::{bytes, word};
use crate::browser::Browser;
use crate::oauth2::code::claims;
use crate::world::{World, guest};

const SECRETS: &str = "/admin/portcullis/v1/plugins/shape/secrets";

impl World {
    async fn set_secret(&self, name: &str, value: &str) -> (u16, String) {
        let answer = self.plugin("PUT", &format!("/secrets/{name}"), json!({ "value": value })).await;
        (answer.status, if answer.status == 204 { String::new() } else { word(&answer) })
    }

    async fn secret_names(&self) -> Vec<String> {
        let listed = self.plugin("GET", "/secrets", Value::Null).await.json();
        let secrets = listed["secrets"].as_array().unwrap_or_else(|| panic!("{listed}"));
        secrets.iter().map(|secret| secret["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Enables a version of `shape` that reads these secrets.
    async fn enable_reader(&self, version: u64, names: &[&str]) -> u16 {
        let body = json!({
            "version": version, "grants": ["config", "secrets"], "settings": { "names": names },
            "limits": { "wall_ms": 10_000 },
        });
        self.plugin("POST", "/enable", body).await.status
    }

    /// What the plugin says of the secrets that it asked for.
    async fn read_by_plugin(&self, (id, secret): &(String, String)) -> Value {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        let url = format!("{}/oauth2/token", self.tenant("acme"));
        let answer = Browser::default().send("POST", &url, &headers, form).await;
        claims(answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_reads_what_was_set_and_nobody_is_told_it() {
    let world = World::start().await;
    let robot = world.robot().await;
    let version = world.push(bytes("capability_secrets")).await;
    // Before it runs, and while it does.
    assert_eq!(world.set_secret("first", "hunter2").await.0, 204);
    assert_eq!(world.enable_reader(version, &["first", "second"]).await, 200);
    let read = world.read_by_plugin(&robot).await;
    assert_eq!((&read["first"], &read["second"]), (&json!("hunter2"), &Value::Null));
    assert_eq!(world.set_secret("second", "swordfish").await.0, 204);
    assert_eq!(world.set_secret("first", "hunter3").await.0, 204);
    let read = world.read_by_plugin(&robot).await;
    assert_eq!((&read["first"], &read["second"]), (&json!("hunter3"), &json!("swordfish")));
    assert_eq!(world.secret_names().await, ["first", "second"]);

    world.storage.flush_audit().await.unwrap();
    let records = world.storage.list_audit_records(&"acme".parse().unwrap(), None, 1000).await.unwrap();
    let mut shown = format!("{records:?}");
    let set = shown.matches("plugin_secret.set").count();
    for path in ["", "/secrets", "/logs"] {
        shown += &world.plugin("GET", path, Value::Null).await.text();
    }
    shown += &world
        .operate(&world.key, ("GET", "/admin/portcullis/v1/plugins"), "acme", &Value::Null)
        .await
        .text();
    assert_eq!(set, 3, "{shown}");
    assert!(["hunter", "swordfish"].iter().all(|secret| !shown.contains(secret)), "{shown}");

    assert_eq!(world.plugin("DELETE", "/secrets/first", Value::Null).await.status, 204);
    assert_eq!(word(&world.plugin("DELETE", "/secrets/first", Value::Null).await), "unknown_secret");
    assert_eq!(world.read_by_plugin(&robot).await["first"], Value::Null);
    assert_eq!(world.secret_names().await, ["second"]);
}

/// Attack: whoever gets a deleted plugin's name reads its secrets.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_go_with_their_plugin() {
    let world = World::start().await;
    let robot = world.robot().await;
    let version = world.push(bytes("capability_secrets")).await;
    assert_eq!(world.set_secret("key", "hunter2").await.0, 204);
    assert_eq!(world.enable_reader(version, &["key"]).await, 200);
    assert_eq!(world.plugin("POST", "/disable", Value::Null).await.status, 200);
    assert_eq!(world.plugin("DELETE", "", Value::Null).await.status, 204);
    assert_eq!(world.set_secret("key", "of nobody").await, (404, "unknown_plugin".to_owned()));
    let version = world.push(bytes("capability_secrets")).await;
    assert_eq!(world.enable_reader(version, &["key"]).await, 200);
    assert_eq!(world.read_by_plugin(&robot).await["key"], Value::Null);
    assert_eq!(world.secret_names().await, [""; 0]);
}

/// Attack: a plugin is uploaded under the name of one in the node's file, or the file's takes the place of one that was
/// uploaded, and reads the other's secrets.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_the_file_and_of_uploads_are_apart() {
    let world = World::start().await;
    let robot = world.robot().await;
    let version = world.push(bytes("capability_secrets")).await;
    assert_eq!(world.set_secret("uploaded", "of the upload").await.0, 204);
    let (plugin, name) = ("shape".to_owned(), "filed".to_owned());
    let secret = PluginSecret { plugin, name, value: Secret::new("of the file".to_owned()) };
    let write = Write::PutPluginSecret { secret, at: Timestamp::from_seconds(1) };
    world.storage.apply(primitives::Change::new("acme".parse().unwrap()).write(write)).await.unwrap();

    assert_eq!(world.enable_reader(version, &["filed", "uploaded"]).await, 200);
    let read = world.read_by_plugin(&robot).await;
    assert_eq!((&read["filed"], &read["uploaded"]), (&Value::Null, &json!("of the upload")));
    let declared = json!({
        "name": "shape", "component": guest("capability_secrets"), "grants": ["config", "secrets"],
        "settings": { "names": ["filed", "uploaded"] }, "limits": { "wall_ms": 10_000 },
    });
    set(&world, &json!({ "plugin": [declared] })).await;
    let read = world.read_by_plugin(&robot).await;
    assert_eq!((&read["filed"], &read["uploaded"]), (&json!("of the file"), &Value::Null));
    assert_eq!(world.set_secret("more", "x").await, (409, "declared_in_settings".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_set_by_who_may_administer_plugins() {
    let world = World::start().await;
    world.push(bytes("capability_secrets")).await;
    let one = format!("{SECRETS}/key");
    let body = json!({ "value": "hunter2" });
    let owner = |tenant: &str| KeyOwner::Tenant(tenant.parse().unwrap());
    for (tenant, scope, set, listed) in [
        ("acme", Scope::PluginsWrite, 204, 200),
        ("acme", Scope::PluginsRead, 403, 200),
        ("acme", Scope::ClientsWrite, 403, 403),
        ("rival", Scope::All, 404, 404),
    ] {
        let key = world.admin_key(owner(tenant), vec![scope]).await;
        for (method, path, status) in
            [("PUT", one.as_str(), set), ("GET", SECRETS, listed), ("DELETE", &one, set)]
        {
            let answer = world.operate(&key, (method, path), "acme", &body).await;
            assert_eq!(answer.status, status, "{tenant} {scope:?} {method}: {}", answer.text());
        }
    }
    // Of its own tenant it has no such plugin.
    let key = world.admin_key(owner("rival"), vec![Scope::All]).await;
    assert_eq!(world.operate(&key, ("PUT", &one), "rival", &body).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_secret_is_refused_and_not_repeated() {
    let world = World::start().await;
    world.push(bytes("capability_secrets")).await;
    for (name, body, status, reason) in [
        ("key", json!({ "value": "" }), 422, "malformed_secret"),
        ("key", json!({ "value": "x".repeat((8 << 10) + 1) }), 422, "malformed_secret"),
        ("a%20b", json!({ "value": "x" }), 422, "malformed_secret_name"),
        ("key", json!({ "value": ["hunter2"] }), 400, "invalid_request"),
        ("key", json!("hunter2"), 400, "invalid_request"),
        ("key", json!({ "value": "x", "hunter2": 1 }), 400, "invalid_request"),
    ] {
        let answer = world.plugin("PUT", &format!("/secrets/{name}"), body).await;
        assert_eq!((answer.status, word(&answer).as_str()), (status, reason), "{}", answer.text());
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
    for number in 0..32 {
        assert_eq!(world.set_secret(&format!("s{number}"), "x").await.0, 204, "{number}");
    }
    assert_eq!(world.set_secret("one-more", "x").await, (409, "too_many_secrets".to_owned()));
    assert_eq!(world.set_secret("s0", "y").await.0, 204);
}

/// The operator decides which grants uploads may have; and a version without the grant loads with none of them.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_take_a_grant_that_the_operator_allows() {
    let mut settings = tenancy::plugin::Settings::default();
    settings.uploads.grants.remove(&tenancy::plugin::Capability::Secrets);
    let world = World::start_hosting(settings).await;
    let version = world.push(bytes("capability_secrets")).await;
    let body = |grants: Value| json!({ "version": version, "grants": grants });
    let refused = world.plugin("POST", "/enable", body(json!(["config", "secrets"]))).await;
    assert_eq!(word(&refused), "grant_not_allowed");
    let refused = world.plugin("POST", "/enable", body(json!(["config"]))).await;
    assert_eq!(word(&refused), "not_granted");
}
