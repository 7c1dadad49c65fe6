//! The `token` hook in real requests: claims that it adds, denials, and what an app gets when it fails.

use std::collections::BTreeMap;

use primitives::Clock as _;
use serde_json::{Value, json};

use super::people::set;
use crate::browser::Browser;
use crate::oauth2::code::{App, claims, code, sign_up};
use crate::oauth2::token_hook::{assertion, device_code};
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

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An app that comes to its tokens by every grant there is, at a tenant whose plugin says in each what it was told.
async fn app_of_every_grant(world: &World) -> App<'_> {
    let plugin = json!({ "name": "echo", "component": guest("token_echo"), "limits": { "wall_ms": 10_000 } });
    let oauth2 = json!({ "password_grant": true, "response_types": ["code", "id_token token"] });
    set(world, &json!({ "plugin": [plugin], "oauth2": oauth2 })).await;
    let document = json!({
        "client_id": "app", "client_name": "The App", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials", "implicit", "password",
            DEVICE, EXCHANGE, JWT_BEARER],
        "response_types": ["code", "id_token token"],
        "scope": "openid email offline_access", "skip_consent": true,
        "audience": ["https://app.example"],
        "token_exchange": { "identifiers": ["https://app.example"], "targets": ["https://tool.example"] },
    });
    App::register_as(world, document).await
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}")).to_owned()
}

/// Attack: what a plugin refuses, or must say, at one grant is left out at another.
#[tokio::test(flavor = "multi_thread")]
async fn no_grant_and_not_userinfo_leads_around_the_plugin() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = app_of_every_grant(&world).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let answer = ada.get(&app.authorize(&[("audience", "https://app.example")])).await;
    let first = app.redeem(&answer.sent("code").unwrap()).await.json();
    for kind in ["id_token", "access_token"] {
        assert_eq!(claims(&text(&first, kind))["grant_type"], "authorization_code", "{kind}");
    }
    let (own, refresh) = (text(&first, "access_token"), text(&first, "refresh_token"));
    let (device, issued) = (device_code(&world, &app, &mut ada).await, assertion(&world).await);
    let forms: [(&str, Vec<(&str, &str)>); 6] = [
        ("refresh_token", vec![("refresh_token", &refresh)]),
        ("client_credentials", vec![("scope", "email")]),
        (DEVICE, vec![("device_code", &device)]),
        (
            EXCHANGE,
            vec![
                ("subject_token", &own),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("audience", "https://tool.example"),
            ],
        ),
        (JWT_BEARER, vec![("assertion", &issued), ("scope", "email")]),
        ("password", vec![("username", "ada@acme.example"), ("password", "a long enough phrase")]),
    ];
    for (grant, form) in forms {
        let form = [vec![("grant_type", grant)], form].concat();
        let given = app.endpoint("token", &form).await;
        assert_eq!(given.status, 200, "{grant}: {}", given.text());
        let said = claims(&text(&given.json(), "access_token"));
        assert_eq!(said["grant_type"], grant);
        assert_eq!((&said["tenant"], &said["client"]), (&json!("acme"), &json!("app")), "{grant}");
        assert_eq!(said["subject"].is_string(), grant != "client_credentials", "{grant}: {said}");
    }

    let wanted = [("response_type", "id_token token"), ("scope", "openid email")];
    let location = ada.get(&app.authorize(&wanted)).await.location();
    let fragment = location.fragment().unwrap_or_default().as_bytes();
    let sent: BTreeMap<_, _> = url::form_urlencoded::parse(fragment).into_owned().collect();
    for kind in ["id_token", "access_token"] {
        let token = sent.get(kind).unwrap_or_else(|| panic!("no {kind}: {location}"));
        assert_eq!(claims(token)["grant_type"], "implicit", "{kind}");
    }

    let headers = [("authorization", format!("Bearer {own}"))];
    let url = format!("{}/userinfo", world.tenant("acme"));
    let told = Browser::default().send("GET", &url, &headers, String::new()).await.json();
    assert_eq!(told["now"], json!(world.clock.now().micros()), "{told}");
}
