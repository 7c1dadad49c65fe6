//! The interface `introspection` of the hook `token` in real requests: what a plugin says of a token, what it keeps from
//! whoever asks, and what they get when it fails.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::people::set;
use crate::browser::{Browser, Response, encode};
use crate::world::{World, guest};

/// What the fixture does at introspection is the first scope of the token.
const SCOPES: [&str; 6] = ["answer", "inactive", "protected", "groups", "error", "trap"];

async fn install(world: &World, component: &str) {
    // A busy machine is no failure of the guest's.
    let limits = json!({ "wall_ms": 10_000 });
    let plugin = json!({ "name": "says", "component": guest(component), "limits": limits });
    set(world, &json!({ "plugin": [plugin], "oauth2": api_of(world) })).await;
}

/// The client `api` asks about tokens of the tenant's own API, which is what a token without a wish is for.
fn api_of(world: &World) -> Value {
    json!({ "protected_resources": [{ "resource": world.tenant("acme"), "introspected_by": ["api"] }] })
}

/// A machine and its secret, as `Authorization` has them.
async fn client(world: &World, id: &str) -> String {
    let document = json!({
        "client_id": id, "grant_types": ["client_credentials"], "scope": SCOPES.join(" "),
    });
    let secret = world.client("acme", document).await;
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

async fn post(world: &World, path: &str, authorization: &str, form: &[(&str, &str)]) -> Response {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", authorization.to_owned()),
    ];
    let url = format!("{}{path}", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, encode(form)).await
}

async fn token(world: &World, authorization: &str, scope: &str) -> String {
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    let answer = post(world, "/oauth2/token", authorization, &form).await;
    answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

async fn ask(world: &World, authorization: &str, token: &str) -> Response {
    post(world, "/oauth2/introspect", authorization, &[("token", token)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_says_what_is_answered_of_a_token_to_whoever_asks() {
    let world = World::start().await;
    let (app, api) = (client(&world, "app").await, client(&world, "api").await);
    let issued_before = token(&world, &app, "answer").await;
    let unnamed = ask(&world, &api, &issued_before).await.json();
    assert_eq!(unnamed, json!({ "active": false }), "it is named for no API");
    set(&world, &json!({ "oauth2": api_of(&world) })).await;
    let plain = ask(&world, &api, &issued_before).await.json();
    assert_eq!((&plain["active"], plain.get("ext")), (&json!(true), None), "no plugin yet");

    install(&world, "token_introspects").await;
    let told = ask(&world, &api, &issued_before).await;
    let told_of = told.json();
    assert_eq!((told.status, &told_of["active"], &told_of["client_id"]), (200, &json!(true), &json!("app")));
    let ext = &told_of["ext"];
    assert_eq!((&ext["client"], &ext["asker"]), (&json!("app"), &json!("api")), "{told_of}");
    assert_eq!((&ext["had"], &ext["traits"]), (&json!({}), &Value::Null), "{told_of}");

    // An administrator asks as nobody's resource server.
    let url = format!("{}/t/acme/admin/oauth2/introspect", world.admin);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", format!("Bearer {}", world.key)),
    ];
    let body = encode(&[("token", &issued_before)]);
    let administrator = Browser::default().send("POST", &url, &headers, body).await.json();
    assert_eq!(administrator["active"], true, "{administrator}");
    assert_eq!(administrator["ext"]["asker"], Value::Null, "{administrator}");
    assert_eq!(administrator["ext"]["client"], "app", "{administrator}");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_that_a_plugin_refuses_looks_like_one_that_never_was() {
    let world = World::start().await;
    let (app, api) = (client(&world, "app").await, client(&world, "api").await);
    install(&world, "token_introspects").await;
    let refused = ask(&world, &api, &token(&world, &app, "inactive").await).await;
    let unknown = ask(&world, &api, "nothing-of-ours").await;
    assert_eq!((refused.status, refused.json()), (200, json!({ "active": false })));
    assert_eq!((refused.status, refused.text()), (unknown.status, unknown.text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_that_fails_at_introspection_says_nothing_of_the_token() {
    let world = World::start().await;
    let (app, api) = (client(&world, "app").await, client(&world, "api").await);
    install(&world, "token_introspects").await;
    for scope in ["protected", "groups", "error", "trap"] {
        let live = token(&world, &app, scope).await;
        let answer = ask(&world, &api, &live).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["error"]), (500, &json!("server_error")), "{scope}: {told}");
        assert_eq!((told.get("active"), told.get("ext")), (None, None), "{scope}: {told}");
        let description = told["error_description"].as_str().unwrap();
        assert!(!description.contains("says") && !description.contains("claim"), "{scope}: {description}");
        // It is asked of live tokens alone, so that one of nobody's is as it ever is.
        assert_eq!(ask(&world, &api, "nothing-of-ours").await.json(), json!({ "active": false }), "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_without_the_interface_is_not_asked_at_introspection() {
    let world = World::start().await;
    let (app, api) = (client(&world, "app").await, client(&world, "api").await);
    let live = token(&world, &app, "answer").await;
    install(&world, "token_trap").await;
    let answer = ask(&world, &api, &live).await.json();
    assert_eq!((&answer["active"], answer.get("ext")), (&json!(true), None), "{answer}");
}
