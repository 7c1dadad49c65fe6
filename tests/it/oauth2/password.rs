//! The password grant (RFC 6749 section 4.3) over HTTP: off, counted with the sign-in form, and never around a second factor.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use primitives::Clock as _;
use ring::hmac;
use serde_json::{Value, json};

use super::code::{csrf_token, sign_up};
use crate::browser::{Browser, Response, encode};
use crate::world::World;

const PASSWORD: &str = "a long enough phrase";

/// An old application of acme, where passwords are taken as `settings` say.
struct Old {
    world: World,
    secret: String,
}

impl Old {
    async fn new(settings: Value) -> Self {
        let world = World::start().await;
        let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
        let changed = world.operate(&world.key, path, "default", &json!({ "settings": settings })).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let document = json!({"client_id": "old", "grant_types": ["password", "refresh_token"],
            "scope": "openid email offline_access"});
        let secret = world.client("acme", document).await;
        Self { world, secret }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("old:{}", self.secret)))),
        ];
        let url = format!("{}/oauth2/{path}", self.world.tenant("acme"));
        Browser::default().send("POST", &url, &headers, encode(form)).await
    }

    async fn sign_in(&self, username: &str, password: &str) -> Response {
        let form = [
            ("grant_type", "password"),
            ("username", username),
            ("password", password),
            ("scope", "openid email offline_access"),
        ];
        self.post("token", &form).await
    }

    async fn error(&self, username: &str, password: &str) -> String {
        let answer = self.sign_in(username, password).await.json();
        answer["error"].as_str().unwrap_or("issued").to_owned()
    }
}

fn on() -> Value {
    json!({"oauth2": {"password_grant": true}})
}

#[tokio::test(flavor = "multi_thread")]
async fn person_signs_in_where_tenant_and_client_have_it_and_out_like_anybody() {
    let off = Old::new(json!({})).await;
    assert_eq!(off.error("ada@acme.example", PASSWORD).await, "unsupported_grant_type");
    let old = Old::new(on()).await;
    let mut browser = Browser::default();
    sign_up(&old.world, &mut browser, "ada@acme.example").await;
    let answer = old.sign_in("ada@acme.example", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tokens = answer.json();
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string(), "{tokens}");
    let access = tokens["access_token"].as_str().unwrap();
    let said = old.post("introspect", &[("token", access)]).await.json();
    assert_eq!((&said["active"], &said["client_id"]), (&json!(true), &json!("old")));
    for (username, password) in [("ada@acme.example", "wrong"), ("nobody@acme.example", PASSWORD)] {
        let refused = old.sign_in(username, password).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")));
    }
    // Its session is one of hers, and whoever is made inactive has nothing left.
    let path = format!("/admin/identities/{}/sessions", said["sub"].as_str().unwrap());
    let sessions = old.world.operate(&old.world.key, ("GET", &path), "acme", &Value::Null).await.json();
    assert_eq!(sessions.as_array().unwrap().len(), 2, "{sessions}");
    let path = format!("/admin/identities/{}", said["sub"].as_str().unwrap());
    let off = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
    let done = old.world.operate(&old.world.key, ("PATCH", &path), "acme", &off).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(old.post("introspect", &[("token", access)]).await.json(), json!({"active": false}));
    assert_eq!(old.error("ada@acme.example", PASSWORD).await, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_count_with_those_at_the_form() {
    let mut settings = on();
    let mut limits = serde_json::to_value(identity::settings::LimitSettings::default()).unwrap();
    limits["identifier"] = json!({"burst": 3, "refill_seconds": 60});
    settings["identity"] = json!({ "limits": limits });
    let old = Old::new(settings).await;
    sign_up(&old.world, &mut Browser::default(), "ada@acme.example").await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(old.error("ada@acme.example", "wrong").await);
    }
    assert_eq!(answers.last().map(String::as_str), Some("temporarily_unavailable"), "{answers:?}");
    assert_eq!(
        old.error("ada@acme.example", PASSWORD).await,
        "temporarily_unavailable",
        "also the right one"
    );
    let mut browser = Browser::default();
    let url = format!("{}/self-service/login/browser", old.world.tenant("acme"));
    let flow = browser.get_json(&url).await.json();
    let body = json!({"method": "password", "csrf_token": csrf_token(&flow), "identifier": "ada@acme.example",
        "password": PASSWORD});
    let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    assert_eq!(done.status, 429, "{}", done.text());
}

/// What an authenticator app shows (RFC 6238).
fn totp(secret: &str, seconds: i64) -> String {
    let digit = |c| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|d| *d == c).unwrap();
    let bits = secret.bytes().fold(String::new(), |bits, c| format!("{bits}{:05b}", digit(c)));
    let key: Vec<u8> =
        (0..bits.len() / 8).map(|n| u8::from_str_radix(&bits[n * 8..n * 8 + 8], 2).unwrap()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Attack: somebody has the password, and goes by the one door at which nobody asks for the second factor.
#[tokio::test(flavor = "multi_thread")]
async fn person_with_a_second_factor_is_refused_whatever_the_tenant_asks_of_sessions() {
    for required in ["highest_available", "aal1"] {
        let mut settings = on();
        settings["identity"] =
            json!({"session": {"whoami": {"required_aal": required}}, "totp": {"enabled": true}});
        let old = Old::new(settings).await;
        let mut browser = Browser::default();
        sign_up(&old.world, &mut browser, "ada@acme.example").await;
        assert_eq!(old.error("ada@acme.example", PASSWORD).await, "issued");
        let url = format!("{}/self-service/settings/browser", old.world.tenant("acme"));
        let flow = browser.get_json(&url).await.json();
        let nodes = flow["ui"]["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["attributes"]["id"] == "totp_secret_key").unwrap();
        let secret = node["attributes"]["text"]["text"].as_str().unwrap();
        let code = totp(secret, old.world.clock.now().seconds());
        let body = json!({"method": "totp", "csrf_token": csrf_token(&flow), "totp_code": code});
        let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
        assert_eq!(done.status, 200, "{}", done.text());
        // The same words as to a wrong password: nobody learns that it was right.
        let (right, wrong) =
            (old.sign_in("ada@acme.example", PASSWORD).await, old.sign_in("ada@acme.example", "wrong").await);
        let words = |answer: &Response| answer.json()["error_description"].clone();
        assert_eq!((right.status, words(&right)), (400, words(&wrong)), "{required}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_organisation_asks_is_asked_here_too() {
    let old = Old::new(on()).await;
    let mut browser = Browser::default();
    sign_up(&old.world, &mut browser, "ada@acme.example").await;
    let who = browser.get_json(&format!("{}/sessions/whoami", old.world.tenant("acme"))).await.json();
    let acme = old.world.organisation("Acme", json!({"required_aal": "aal2"})).await;
    let path = format!("{acme}/members/{}", who["identity"]["id"].as_str().unwrap());
    old.world.done("PUT", &path, json!({"role": "member"})).await;
    assert_eq!(old.error("ada@acme.example", PASSWORD).await, "invalid_grant");
}
