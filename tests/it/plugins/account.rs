//! The hook `account` in real requests: what people do stays, and a plugin that fails is in the audit records.

use serde_json::{Value, json};

use super::people::{set, sign_in, sign_up};
use crate::browser::Browser;
use crate::oauth2::code::csrf_token;
use crate::world::{World, guest};

/// How often a plugin has failed so far.
async fn failures(world: &World) -> u64 {
    world.storage.flush_audit().await.unwrap();
    let records = world.storage.list_audit_records(&"acme".parse().unwrap(), None, 1000).await.unwrap();
    let failed = records.iter().filter(|record| record.action == "plugin.failed");
    failed
        .map(|record| {
            assert_eq!((&*record.target_id, &record.details["hook"]), ("notes", &json!("account")));
            assert_eq!(record.details["kind"], "guest_error");
            record.details.get("count").and_then(Value::as_str).map_or(1, |count| count.parse().unwrap())
        })
        .sum()
}

/// Changes the account of whoever is signed in, as a native application does.
async fn change(world: &World, token: &str, body: &Value) -> u16 {
    let headers = [
        ("accept", "application/json".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("x-session-token", token.to_owned()),
    ];
    let start = format!("{}/self-service/settings/api", world.tenant("acme"));
    let flow = Browser::default().send("GET", &start, &headers, String::new()).await.json();
    let action = flow["ui"]["action"].as_str().unwrap();
    Browser::default().send("POST", action, &headers, body.to_string()).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_stays_and_plugins_are_told_once() {
    let world = World::start().await;
    let plugin = json!({
        "name": "notes",
        "component": guest("account_notes"),
        "bind": [{ "hook": "account" }],
        "settings": { "fails": "ada@acme.example" },
    });
    set(&world, &json!({ "plugin": [plugin] })).await;
    assert_eq!(sign_up(&world, "ada@acme.example", "Ada").await.0, 200);
    let (_, signed_in) = sign_in(&world, "ada@acme.example").await;
    let token = signed_in["session_token"].as_str().unwrap().to_owned();
    assert_eq!(failures(&world).await, 0, "signing up and in is for other hooks");

    let profile =
        json!({ "method": "profile", "traits": { "email": "ada@acme.example", "name": { "first": "A" } } });
    assert_eq!(change(&world, &token, &profile).await, 200);
    assert_eq!(failures(&world).await, 1);
    let refused = json!({ "method": "profile", "traits": { "email": "no address" } });
    assert_eq!(change(&world, &token, &refused).await, 400);
    assert_eq!(failures(&world).await, 1, "nothing happened");
    let password = json!({ "method": "password", "password": "moss-covered lantern 71" });
    assert_eq!(change(&world, &token, &password).await, 200);
    assert_eq!(failures(&world).await, 2);

    let logout = format!("{}/self-service/logout/api", world.tenant("acme"));
    let headers = [("content-type", "application/json".to_owned())];
    for (expect, ended) in [(3, "is told of"), (3, "has ended before")] {
        let body = json!({ "session_token": token }).to_string();
        assert_eq!(Browser::default().send("DELETE", &logout, &headers, body).await.status, 204);
        assert_eq!(failures(&world).await, expect, "{ended}");
    }

    let mut browser = Browser::default();
    browser_signs_in(&world, &mut browser).await;
    let begun =
        browser.get_json(&format!("{}/self-service/logout/browser", world.tenant("acme"))).await.json();
    assert_eq!(browser.get(begun["logout_url"].as_str().unwrap()).await.status, 303);
    assert_eq!(failures(&world).await, 4);
    browser_signs_in(&world, &mut browser).await;
    let asked = browser.get(&format!("{}/oauth2/sessions/logout", world.tenant("acme"))).await;
    let challenge = asked.sent("logout_challenge").unwrap();
    let form = [("logout_challenge", challenge.as_str())];
    let done = browser.post(&format!("{}/ui/logout", world.tenant("acme")), &form).await;
    assert_eq!((done.status, failures(&world).await), (303, 5), "{}", done.text());
}

async fn browser_signs_in(world: &World, browser: &mut Browser) {
    let start = format!("{}/self-service/login/browser", world.tenant("acme"));
    let flow = browser.get_json(&start).await.json();
    let body = json!({
        "method": "password",
        "identifier": "ada@acme.example",
        "password": "moss-covered lantern 71",
        "csrf_token": csrf_token(&flow),
    });
    let answer = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
