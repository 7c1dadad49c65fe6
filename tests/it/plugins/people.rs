//! The hooks `login`, `registration` and `identity-schema` in real requests.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::world::{World, guest};

const IDENTITIES: &str = "/admin/identities";

async fn install(world: &World, component: &str) {
    let hooks = ["login", "registration", "identity-schema"].map(|hook| json!({ "hook": hook }));
    let plugin = json!({ "name": "people", "component": guest(component), "bind": hooks });
    let body = json!({ "settings": { "plugin": [plugin] } });
    let path = "/admin/portcullis/v1/tenants/acme";
    let changed = world.operate(&world.key, ("PATCH", path), "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// Signs up as a native application does; the status and the document.
async fn sign_up(world: &World, email: &str, first: &str) -> (u16, Value) {
    let body = json!({
        "method": "password",
        "password": "moss-covered lantern 71",
        "traits": { "email": email, "name": { "first": first } },
    });
    submit(world, "registration", &body).await
}

async fn sign_in(world: &World, email: &str) -> (u16, Value) {
    let body = json!({ "method": "password", "identifier": email, "password": "moss-covered lantern 71" });
    submit(world, "login", &body).await
}

async fn submit(world: &World, kind: &str, body: &Value) -> (u16, Value) {
    let start = format!("{}/self-service/{kind}/api", world.tenant("acme"));
    let flow = Browser::default().get_json(&start).await.json();
    let answer = Browser::default().post_json(flow["ui"]["action"].as_str().unwrap(), body).await;
    (answer.status, answer.json())
}

/// The text of every message of a form.
fn messages(form: &Value) -> Vec<&str> {
    let of_nodes = form["ui"]["nodes"].as_array().unwrap().iter().map(|node| &node["messages"]);
    of_nodes
        .chain([&form["ui"]["messages"]])
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|message| message["text"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_has_rules_for_whoever_signs_up_and_in() {
    let world = World::start().await;
    install(&world, "people_rules").await;

    let (status, form) = sign_up(&world, "ada@mailinator.example", "Ada").await;
    assert_eq!((status, messages(&form)), (400, vec!["Use an address that lasts."]));
    let (status, form) = sign_up(&world, "ada@acme.example", "Mallory").await;
    assert_eq!((status, messages(&form)), (400, vec!["Nobody is called that."]));
    let (status, form) = sign_up(&world, "ada@acme.example", "Eve").await;
    assert_eq!((status, messages(&form)), (400, vec!["Not shown by any form."]));

    let (status, made) = sign_up(&world, "CAPITALS@acme.example", "Ada").await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["identity"]["traits"]["email"], "capitals@acme.example");
    assert_eq!(made["identity"]["metadata_public"], json!({ "tenant": "acme" }));
    assert_eq!(sign_in(&world, "capitals@acme.example").await.0, 200);

    let (status, form) = sign_in(&world, "ada@closed.example").await;
    assert_eq!((status, messages(&form)), (400, vec!["Closed for 127.0.0.1 ."]));
    let id = made["identity"]["id"].as_str().unwrap();
    let ban = json!([{ "op": "add", "path": "/metadata_admin", "value": { "banned": true } }]);
    let banned = world.operate(&world.key, ("PATCH", &format!("{IDENTITIES}/{id}")), "acme", &ban).await;
    assert_eq!(banned.status, 200, "{}", banned.text());
    let (status, form) = sign_in(&world, "capitals@acme.example").await;
    assert_eq!((status, messages(&form)), (400, vec!["capitals@acme.example is banned (password, )"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_held_to_the_rules_too() {
    let world = World::start().await;
    install(&world, "people_rules").await;
    for (email, first, status, told) in [
        ("ada@mailinator.example", "Ada", 400, "traits.email: Use an address that lasts."),
        ("ada@acme.example", "Mallory", 400, "traits.name.first: Nobody is called that."),
        ("CAPITAL@acme.example", "Ada", 201, "CAPITAL@acme.example"),
    ] {
        let body =
            json!({ "schema_id": "default", "traits": { "email": email, "name": { "first": first } } });
        let answer = world.operate(&world.key, ("POST", IDENTITIES), "acme", &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_that_fails_lets_nobody_in_and_makes_no_account() {
    let world = World::start().await;
    assert_eq!(sign_up(&world, "ada@acme.example", "Ada").await.0, 200);
    install(&world, "people_bad").await;
    for identifier in ["trap", "loop", "error"] {
        let (status, error) = sign_in(&world, identifier).await;
        assert_eq!(status, 500, "{error}");
        assert!(!error.to_string().contains("people"), "the cause is the operator's: {error}");
    }
    let (status, error) = sign_up(&world, "bob@acme.example", "Bob").await;
    assert_eq!(status, 500, "{error}");
    let found = format!("{IDENTITIES}?credentials_identifier=bob@acme.example");
    let listed = world.operate(&world.key, ("GET", &found), "acme", &Value::Null).await;
    assert_eq!(listed.json(), json!([]));

    // What the plugin breaks, its removal mends.
    install(&world, "people_rules").await;
    assert_eq!(sign_in(&world, "ada@acme.example").await.0, 200);
}
