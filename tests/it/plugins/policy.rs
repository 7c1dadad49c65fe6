//! The hook `policy` in real requests: which app gets whom, and tokens.

use serde_json::{Value, json};

use super::people::set;
use crate::browser::Browser;
use crate::oauth2::code::{App, code, sign_up};
use crate::world::{World, guest};

async fn rule(world: &World, rule: &str) {
    let settings = json!({ "rule": rule });
    let plugin = json!({
        "name": "rules",
        "component": guest("policy_rules"),
        "bind": [{ "hook": "policy", "client": "app" }],
        "settings": settings,
        "limits": { "wall_ms": 10_000 },
    });
    set(world, &json!({ "plugin": [plugin] })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn app_gets_nobody_and_no_token_that_the_policy_denies() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    rule(&world, "nothing").await;
    let allowed = code(&app, &mut ada).await;
    rule(&world, "token").await;
    let denied = app.redeem(&allowed).await;
    let error = denied.json();
    assert_eq!((denied.status, &error["error"]), (403, &json!("access_denied")), "{error}");
    assert!(error["error_description"].as_str().unwrap().starts_with("no token of client:app by true"));

    rule(&world, "authorize").await;
    let answer = ada.get(&app.authorize(&[])).await;
    assert_eq!(answer.sent("error").as_deref(), Some("access_denied"));
    assert!(answer.sent("error_description").unwrap().starts_with("no authorize of client:app by true"));
    assert_eq!(answer.sent("code"), None);

    for failing in ["error", "terms"] {
        rule(&world, failing).await;
        let answer = ada.get(&app.authorize(&[])).await;
        assert_eq!(answer.sent("error").as_deref(), Some("server_error"), "{failing}");
        let told: Value = app.redeem(&allowed).await.json();
        assert_eq!(told["error"], "server_error", "{failing}");
    }
    rule(&world, "nothing").await;
    let tokens = app.redeem(&allowed).await;
    assert_eq!(tokens.status, 200, "what was denied was not used up: {}", tokens.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_is_asked_again_when_they_have_consented() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = App::register(&world, false).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let consent = format!("{}/ui/consent", world.tenant("acme"));
    for (denied, expect) in
        [("nothing", None), ("authorize", Some("access_denied")), ("error", Some("server_error"))]
    {
        rule(&world, "nothing").await;
        let asked = ada.get(&app.authorize(&[("prompt", "consent")])).await;
        let challenge = asked.sent("consent_challenge").unwrap();
        rule(&world, denied).await;
        let form = [("consent_challenge", challenge.as_str()), ("decision", "allow")];
        let answer = ada.post(&consent, &form).await;
        assert_eq!(answer.sent("error").as_deref(), expect, "{denied}: {}", answer.text());
        assert_eq!(answer.sent("code").is_some(), expect.is_none(), "{denied}");
    }
}
