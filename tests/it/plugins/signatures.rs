//! Signed components in real requests: whom a tenant trusts decides what shapes its tokens.

use plugin_host::ComponentHash;
use serde_json::{Value, json};
use tenancy::plugin::SigningKey;
use tenancy::{KeyOwner, Scope};

use crate::browser::{Browser, Response};
use crate::oauth2::code::claims;
use crate::world::{World, guest};

/// Sets a tenant's one plugin, its signature and whom the tenant trusts; what the node says of the plugin.
async fn install(world: &World, tenant: &str, signature: &std::path::Path, trusted: &SigningKey) -> Value {
    // A busy machine is no failure of the guest's.
    let plugin = json!({
        "name": "shape", "component": guest("token_echo"), "signature": signature, "limits": { "wall_ms": 10_000 },
    });
    let trust = json!({ "require_signature": true, "trusted_keys": { "ci": trusted.public().to_string() } });
    let body = json!({ "settings": { "plugin": [plugin], "plugin_trust": trust } });
    let path = format!("/admin/portcullis/v1/tenants/{tenant}");
    let changed = world.operate(&world.key, ("PATCH", &path), "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let path = ("GET", "/admin/portcullis/v1/plugins");
    world.operate(&world.key, path, tenant, &Value::Null).await.json()["plugins"][0].clone()
}

async fn token(world: &World, tenant: &str, (id, secret): &(String, String)) -> Response {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    Browser::default().send("POST", &format!("{}/oauth2/token", world.tenant(tenant)), &headers, form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn component_shapes_tokens_of_the_tenant_that_trusts_who_signed_it() {
    let world = World::start().await;
    let directory = tempfile::tempdir().unwrap();
    let signature = directory.path().join("echo.sig");
    let (acme, rival) = (SigningKey::from_seed([1; 32]).unwrap(), SigningKey::from_seed([2; 32]).unwrap());
    let hash = ComponentHash::of(&std::fs::read(guest("token_echo")).unwrap());
    std::fs::write(&signature, acme.sign(hash.as_bytes()).to_string()).unwrap();
    let more =
        || json!({ "access_token_strategy": "jwt", "token_endpoint_auth_method": "client_secret_post" });

    let machine = world.machine("acme", more()).await;
    let report = install(&world, "acme", &signature, &acme).await;
    let by = json!({ "name": "ci", "key": acme.public().id().to_string() });
    assert_eq!((&report["state"], &report["signed_by"]), (&json!("loaded"), &by));
    let shaped = token(&world, "acme", &machine).await.json();
    assert_eq!(claims(shaped["access_token"].as_str().unwrap())["tenant"], "acme");

    let machine = world.machine("rival", more()).await;
    let report = install(&world, "rival", &signature, &rival).await;
    assert_eq!((&report["state"], &report["signed_by"]), (&json!("failed"), &Value::Null));
    assert!(report["reason"].as_str().unwrap().contains("does not trust"), "{report}");
    assert_eq!(token(&world, "rival", &machine).await.status, 500);
}

/// Attack: whoever has a key of the tenant that may write its settings trusts a key of their own, or nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn whom_a_tenant_trusts_is_the_operators_to_change() {
    let world = World::start().await;
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let public = |seed: u8| SigningKey::from_seed([seed; 32]).unwrap().public();
    let trusting =
        |required: bool, keys: &Value| json!({ "require_signature": required, "trusted_keys": keys });
    let trust = trusting(true, &json!({ "ci": public(1) }));
    let set = json!({ "settings": { "plugin_trust": trust } });
    assert_eq!(world.operate(&world.key, path, "default", &set).await.status, 200);

    let key = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::All]).await;
    for changed in [
        json!({}),
        json!({ "plugin_trust": trusting(false, &json!({ "ci": public(1) })) }),
        json!({ "plugin_trust": trusting(true, &json!({})) }),
        json!({ "plugin_trust": trusting(true, &json!({ "ci": public(2) })) }),
        json!({ "plugin_trust": trusting(true, &json!({ "ci": public(1), "mine": public(2) })) }),
    ] {
        let refused = world.operate(&key, path, "default", &json!({ "settings": changed })).await;
        assert_eq!(refused.status, 403, "{changed}: {}", refused.text());
        assert!(refused.text().contains("plugin_trust"), "{}", refused.text());
    }
    let declared =
        json!({ "plugin_trust": trust, "plugin": [{ "name": "mine", "component": "/etc/hostname" }] });
    let refused = world.operate(&key, path, "default", &json!({ "settings": declared })).await;
    assert_eq!(refused.status, 403, "a file of the node: {}", refused.text());
    let kept = json!({ "settings": { "plugin_trust": trust, "identity": {} } });
    let same = world.operate(&key, path, "default", &kept).await;
    assert_eq!(same.status, 200, "what else there is, is theirs: {}", same.text());
    let shown = world.operate(&world.key, ("GET", path.1), "default", &Value::Null).await.json();
    assert_eq!(shown["settings"]["document"]["plugin_trust"], trust, "{shown}");
    assert_eq!(world.operate(&world.key, path, "default", &json!({ "settings": {} })).await.status, 200);
}
