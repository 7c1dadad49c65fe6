//! Browsers, by pages and by scripts.

use std::time::Duration;

use serde_json::json;

use crate::client::{action, csrf_token, messages};
use crate::site::Site;

#[tokio::test]
async fn a_page_signs_up_and_is_signed_in() {
    let site = Site::open().await;
    let mut browser = site.client();
    let begun = browser.get("/self-service/registration/browser").await;
    assert_eq!(begun.status, 303);
    let page = begun.location().to_owned();
    assert!(page.starts_with("/ui/registration?flow="), "{page}");
    assert_eq!(browser.get(&page).await.status, 200);
    let id = page.split_once('=').unwrap().1;
    let flow = browser.get_json(&format!("/self-service/registration/flows?id={id}")).await.json();
    let form = [("traits.email", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    let answer = browser.submit(&flow, &form).await;
    assert_eq!((answer.status, answer.location()), (303, "/ui/settings"));
    let cookie = answer.set_cookie("ory_kratos_session");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=86400"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    let whoami = browser.get_json("/sessions/whoami").await;
    assert_eq!(whoami.json()["identity"]["traits"]["email"], "ada@example.com");
}

#[tokio::test]
async fn a_mistake_is_shown_on_the_same_form() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let form = [("identifier", "ada@example.com"), ("password", "wrong"), ("method", "password")];
    let answer = browser.submit(&flow, &form).await;
    assert_eq!(answer.location(), format!("/ui/login?flow={}", flow["id"].as_str().unwrap()));
    let page = browser.get(answer.location()).await;
    assert!(page.body.contains("ada@example.com"), "what was typed stays");
    let id = flow["id"].as_str().unwrap();
    let shown = browser.get_json(&format!("/self-service/login/flows?id={id}")).await.json();
    assert_eq!(messages(&shown), [4_000_006]);
    assert!(!page.body.contains("wrong"), "the password does not");
}

#[tokio::test]
async fn a_script_gets_json_all_the_way() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let wrong = json!({"method": "password", "identifier": "ada@example.com", "password": "wrong"});
    let refused = browser.submit_json(&flow, wrong).await;
    assert_eq!((refused.status, messages(&refused.json())), (400, vec![4_000_006]));
    let right = json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"});
    let answer = browser.submit_json(&refused.json(), right).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["session"]["identity"]["traits"]["email"], "ada@example.com");
    assert_eq!(body["continue_with"][0]["action"], "redirect_browser_to");
    assert!(body.get("session_token").is_none(), "a browser's token is in its cookie only");
    assert!(!answer.set_cookie("ory_kratos_session").is_empty());
}

#[tokio::test]
async fn an_expired_form_leads_to_a_new_one() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    site.clock.advance(Duration::from_secs(3601));
    let gone = browser.submit_json(&flow, json!({"method": "password"})).await;
    assert_eq!((gone.status, gone.error_id()), (410, "self_service_flow_expired".to_owned()));
    let gone = gone.json();
    assert!(gone["since"].as_u64().unwrap() >= 1_000_000_000);
    let id = gone["use_flow_id"].as_str().unwrap();
    let fresh = browser.get_json(&format!("/self-service/login/flows?id={id}")).await;
    assert_eq!((fresh.status, messages(&fresh.json())), (200, vec![4_010_001]));
    let by_page = browser.submit(&flow, &[("method", "password")]).await;
    assert_eq!(by_page.status, 303);
    assert!(by_page.location().starts_with("/ui/login?flow="));
    let read =
        browser.get_json(&format!("/self-service/login/flows?id={}", flow["id"].as_str().unwrap())).await;
    assert_eq!(read.status, 410);
}

#[tokio::test]
async fn whoever_is_signed_in_goes_on() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    for kind in ["login", "registration"] {
        let start = format!("/self-service/{kind}/browser");
        assert_eq!(browser.get(&start).await.location(), "/ui/settings");
        let to = format!("{start}?return_to=%2Fui%2Fx");
        assert_eq!(browser.get(&to).await.location(), "/ui/x");
        let refused = browser.get_json(&start).await;
        assert_eq!((refused.status, refused.error_id()), (400, "session_already_available".to_owned()));
    }
    let again = browser.get_json("/self-service/login/browser?refresh=true").await;
    assert_eq!((again.status, messages(&again.json())), (200, vec![1_010_003]));
}

#[tokio::test]
async fn a_second_click_does_no_harm() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let form = [("identifier", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    assert_eq!(browser.submit(&flow, &form).await.location(), "/ui/settings");
    let second = browser.submit(&flow, &form).await;
    assert_eq!(second.status, 303);
    let next = second.location().to_owned();
    assert_eq!(browser.get(&next).await.location(), "/ui/settings", "{next}");
}

#[tokio::test]
async fn return_to_stays_on_the_list() {
    let site = Site::with(json!({"flow": {"allowed_return_urls": ["https://app.example/app"]}})).await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let evil = "/self-service/login/browser?return_to=https%3A%2F%2Fevil.example";
    let refused = browser.get_json(evil).await;
    assert_eq!(
        (refused.status, refused.error_id()),
        (400, "self_service_flow_return_to_forbidden".to_owned())
    );
    let page = browser.get(evil).await;
    assert!(page.location().starts_with("/ui/error?id="), "{}", page.location());
    let id = page.location().split_once('=').unwrap().1.to_owned();
    let error = browser.get_json(&format!("/self-service/errors?id={id}")).await.json();
    assert_eq!(error["error"]["id"], "self_service_flow_return_to_forbidden");
    assert_eq!(browser.get(page.location()).await.status, 400);

    let good = "/self-service/login/browser?return_to=https%3A%2F%2Fapp.example%2Fapp%2Fx";
    let flow = browser.get_json(good).await.json();
    let form = [("identifier", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    assert_eq!(browser.submit(&flow, &form).await.location(), "https://app.example/app/x");
}

#[tokio::test]
async fn settings_are_saved_and_need_a_young_session() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let flow = browser.begin("settings").await;
    let name = json!({"method": "profile", "traits": {"email": "ada@example.com", "name": {"first": "Ada"}}});
    let saved = browser.submit_json(&flow, name).await;
    assert_eq!((saved.status, saved.json()["state"].as_str()), (200, Some("success")), "{}", saved.body);
    assert_eq!(saved.json()["identity"]["traits"]["name"]["first"], "Ada");
    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(who["identity"]["traits"]["name"]["first"], "Ada", "the cache heard of it");

    site.clock.advance(Duration::from_secs(3601));
    let flow = browser.begin("settings").await;
    let password = json!({"method": "password", "password": "battery staple"});
    let refused = browser.submit_json(&flow, password.clone()).await;
    assert_eq!((refused.status, refused.error_id()), (403, "session_refresh_required".to_owned()));
    let to = refused.json()["redirect_browser_to"].as_str().unwrap().to_owned();
    assert!(to.contains("/self-service/login/browser?refresh=true&return_to="), "{to}");
    let by_page = browser.submit(&flow, &[("method", "password"), ("password", "battery staple")]).await;
    assert_eq!(by_page.header("location"), to);

    let start = by_page.location().to_owned();
    let login = browser.get_json(&start).await.json();
    let form = [("identifier", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    let renewed = browser.submit(&login, &form).await;
    assert!(renewed.location().starts_with("/self-service/settings/browser"), "{}", renewed.location());
    assert_eq!(browser.submit_json(&flow, password).await.status, 200);
}

#[tokio::test]
async fn nobody_signed_in_is_led_to_sign_in() {
    let site = Site::open().await;
    let mut browser = site.client();
    let refused = browser.get_json("/self-service/settings/browser").await;
    assert_eq!((refused.status, refused.error_id()), (401, "session_inactive".to_owned()));
    let led = browser.get("/self-service/settings/browser").await;
    assert!(led.location().starts_with("/self-service/login/browser?return_to="), "{}", led.location());
    assert_eq!(
        browser.get("/.well-known/change-password").await.location(),
        "/self-service/settings/browser"
    );
}

#[tokio::test]
async fn registration_without_session_leads_to_sign_in() {
    let site = Site::with(json!({"flow": {"session_after_registration": false}})).await;
    let mut browser = site.client();
    let flow = browser.begin("registration").await;
    let form = [("traits.email", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    let answer = browser.submit(&flow, &form).await;
    assert_eq!(answer.location(), "/self-service/login/browser");
    assert!(!browser.cookies.contains_key("ory_kratos_session"));

    let flow = browser.begin("registration").await;
    let body =
        json!({"method": "password", "password": "correct horse", "traits": {"email": "bob@example.com"}});
    let answer = browser.submit_json(&flow, body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("session").is_none());
}

#[tokio::test]
async fn closed_registration_is_said() {
    let site = Site::with(json!({"registration_enabled": false})).await;
    let refused = site.client().get_json("/self-service/registration/browser").await;
    assert_eq!((refused.status, refused.error_id()), (400, "self_service_flow_disabled".to_owned()));
}

#[tokio::test]
async fn too_many_attempts_are_said_on_the_form_and_by_status() {
    let limits = json!({"limits": {"identifier": {"burst": 1, "refill_seconds": 60}}});
    let site = Site::with(limits).await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let wrong = json!({"method": "password", "identifier": "ada@example.com", "password": "wrong"});
    assert_eq!(browser.submit_json(&flow, wrong.clone()).await.status, 400);
    let limited = browser.submit_json(&flow, wrong).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "60"));
    let form = [("identifier", "ada@example.com"), ("password", "wrong"), ("method", "password")];
    let page = browser.submit(&flow, &form).await;
    assert_eq!(page.status, 303);
    let shown = browser.get_json(&action(&flow).replace("?flow=", "/flows?id=")).await.json();
    assert_eq!(messages(&shown), [8_000_001]);
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let site = Site::open().await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let path = action(&flow);
    for (kind, body) in
        [("application/json", "{"), ("application/json", "[]"), ("text/plain", "method=password"), ("", "")]
    {
        let headers = [("accept", "application/json"), ("content-type", kind)];
        let answer = browser.send("POST", &path, &headers, body).await;
        assert_eq!(answer.status, 400, "{kind} {body}");
    }
    assert!(!csrf_token(&flow).is_empty());
}
