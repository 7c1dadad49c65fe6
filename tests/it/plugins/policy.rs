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

/// RFC 9396 section 5: what a schema cannot say a plugin says, wherever details are asked for; and nothing where it says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn details_are_good_that_the_policy_finds_good() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = json!({
        "client_id": "app", "client_name": "The App", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"],
        "scope": "openid email offline_access", "skip_consent": true, "authorization_details_types": ["payment"],
    });
    let app = App::register_as(&world, app).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let payment = json!({
        "name": "payment", "validate": "plugin",
        "schema": { "properties": { "amount": { "type": "integer" } } },
    });
    let settings = |rule: Option<&str>| {
        let plugins: Vec<Value> = rule
            .into_iter()
            .map(|rule| {
                json!({
                    "name": "rules",
                    "component": guest("policy_rules"),
                    "bind": [{ "hook": "policy" }],
                    "settings": { "rule": rule },
                    "limits": { "wall_ms": if rule == "slow" { 200 } else { 10_000 }, "cpu_ms": 100 },
                })
            })
            .collect();
        json!({ "plugin": plugins, "oauth2": { "authorization_details_types": [payment] } })
    };
    let body = json!({ "settings": settings(None) });
    let path = "/admin/portcullis/v1/tenants/acme";
    let refused = world.operate(&world.key, ("PATCH", path), "default", &body).await;
    assert_eq!(refused.status, 400, "without a plugin to ask: {}", refused.text());
    assert!(refused.text().contains("authorization_details_types[0].validate"), "{}", refused.text());

    let dear = json!([{ "type": "payment", "amount": 900 }]).to_string();
    let cheap = json!([{ "type": "payment", "amount": 9 }]).to_string();
    for (rule, details, expect) in [
        ("dear", &cheap, None),
        ("dear", &dear, Some("invalid_authorization_details")),
        ("error", &cheap, Some("server_error")),
        ("terms", &cheap, Some("server_error")),
        ("slow", &cheap, Some("server_error")),
    ] {
        set(&world, &settings(Some(rule))).await;
        let asked = [("authorization_details", details.as_str())];
        let answer = ada.get(&app.authorize(&asked)).await;
        assert_eq!(answer.sent("error").as_deref(), expect, "authorization: {rule} {details}");
        assert_eq!(answer.sent("code").is_some(), expect.is_none(), "{rule} {details}");
        let pushed = [
            ("response_type", "code"),
            ("redirect_uri", "https://app.example/cb"),
            ("scope", "openid"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        for (endpoint, form, at) in [
            ("par", &pushed[..], "pushed"),
            ("device/auth", &[("scope", "openid")], "device"),
            ("token", &[("grant_type", "client_credentials")], "token"),
        ] {
            let answer = app.endpoint(endpoint, &[form, &asked].concat()).await;
            let said = answer.json();
            assert_eq!(said["error"].as_str(), expect, "{endpoint}: {rule} {details}: {said}");
            let status = match expect {
                None if endpoint == "par" => 201,
                None => 200,
                Some("server_error") => 500,
                Some(_) => 400,
            };
            assert_eq!(answer.status, status, "{endpoint}: {rule}");
            if rule == "dear" && expect.is_some() {
                let words = said["error_description"].as_str().unwrap();
                assert!(words.starts_with("900 is dear, ") && words.contains(at), "{endpoint}: {words}");
            }
        }
    }
}
