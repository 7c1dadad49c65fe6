//! The `token` hook in real requests: claims that it adds, denials, and what an app gets when it fails.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::oauth2::code::{App, claims, code, sign_up};
use crate::world::{World, guest};

async fn install(world: &World, component: &str, settings: Value) {
    let component = if component.starts_with('/') { component.into() } else { guest(component) };
    let limits = json!({ "wall_ms": 10_000 });
    let plugin = json!({ "name": "shape", "component": component, "settings": settings, "limits": limits });
    let body = json!({ "settings": { "plugin": [plugin] } });
    let path = "/admin/portcullis/v1/tenants/acme";
    let changed = world.operate(&world.key, ("PATCH", path), "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_adds_what_the_customer_bought_and_denies_a_suspended_one() {
    let world = World::start().await;
    let settings = json!({ "domains": {
        "acme.example": { "plan": "team", "seats": 12 },
        "late.example": { "plan": "team", "seats": 3, "suspended": true },
    }});
    install(&world, "enrich_token_rust", settings).await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let tokens = app.redeem(&code(&app, &mut ada).await).await.json();
    for kind in ["id_token", "access_token"] {
        let claims = claims(tokens[kind].as_str().unwrap());
        assert_eq!((&claims["plan"], &claims["seats"]), (&json!("team"), &json!(12)), "{kind}");
    }
    let mut late = Browser::default();
    sign_up(&world, &mut late, "bob@late.example").await;
    let denied = app.redeem(&code(&app, &mut late).await).await;
    assert_eq!((denied.status, denied.json()["error"].as_str()), (403, Some("access_denied")));
    assert!(denied.json()["error_description"].as_str().unwrap().contains("suspended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_that_fails_or_is_not_there_gives_a_server_error_and_no_token() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    for component in ["token_trap", "token_loop", "token_protected", "token_bad_json", "/nowhere/plugin.wasm"]
    {
        install(&world, component, json!({})).await;
        let answer = app.redeem(&code(&app, &mut ada).await).await;
        let error = answer.json();
        assert_eq!((answer.status, error["error"].as_str()), (500, Some("server_error")), "{component}");
        assert!(error.get("access_token").is_none(), "{component}");
        let told = error["error_description"].as_str().unwrap();
        assert!(!told.contains("shape"), "the cause is the operator's: {told}");
    }
}
