//! The hook `credential-import` in real requests: whose password was set elsewhere signs in once by a plugin.

use serde_json::{Value, json};

use super::people::{messages, set, submit};
use crate::world::{World, guest};

const PASSWORD: &str = "moss-covered lantern 71";

async fn sign_in(world: &World, email: &str, password: &str) -> (u16, Value) {
    let body = json!({ "method": "password", "identifier": email, "password": password });
    submit(world, "login", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn password_of_the_old_system_moves_over_at_the_first_sign_in() {
    let world = World::start().await;
    let plugin = json!({ "name": "import", "component": guest("import_rules"), "bind": [{ "hook": "credential-import" }] });
    set(&world, &json!({ "plugin": [plugin] })).await;
    let backwards: String = PASSWORD.chars().rev().collect();
    let body = json!({
        "schema_id": "default",
        "traits": { "email": "ada@acme.example" },
        "credentials": { "password": { "config": {
            "use_password_migration_hook": true,
            "hashed_password": backwards,
        }}},
    });
    let made = world.operate(&world.key, ("POST", "/admin/identities"), "acme", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(!made.text().contains(&backwards), "{}", made.text());

    for email in ["ada@acme.example", "nobody@acme.example", "yes@acme.example"] {
        let (status, form) = sign_in(&world, email, "another password").await;
        assert_eq!((status, messages(&form).len()), (400, 1), "{email}: {form}");
        assert_eq!(form["ui"]["messages"][0]["id"], 4_000_006, "{email}");
    }
    let (status, error) = sign_in(&world, "trap@acme.example", PASSWORD).await;
    assert_eq!(status, 500, "a plugin that fails lets nobody in: {error}");
    let (status, signed_in) = sign_in(&world, "ada@acme.example", PASSWORD).await;
    assert_eq!((status, signed_in["session_token"].is_string()), (200, true), "{signed_in}");

    set(&world, &json!({})).await;
    assert_eq!(
        sign_in(&world, "ada@acme.example", PASSWORD).await.0,
        200,
        "the plugin is not needed any more"
    );
    assert_eq!(sign_in(&world, "ada@acme.example", "another password").await.0, 400);
}
