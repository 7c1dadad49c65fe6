//! Where sign-up and recovery lead beyond their own pages, as whoever began them asked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, action};
use crate::site::Site;

const APP: &str = "https://app.example/inside";
const WELCOME: &str = "https://app.example/inside/welcome";
const FOREIGN: &str = "https://app.example.evil.example/inside";

async fn site() -> Site {
    let mail = json!({"burst": 100, "refill_seconds": 1});
    let rest = json!({"burst": 1000, "refill_seconds": 1});
    let limits = json!({"identifier": rest, "address": rest, "flow": rest, "code": rest, "mail": mail});
    Site::with(json!({"flow": {"allowed_return_urls": [APP]}, "limits": limits})).await
}

fn encoded(url: &str) -> String {
    url::form_urlencoded::byte_serialize(url.as_bytes()).collect()
}

fn step<'a>(body: &'a Value, action: &str) -> &'a Value {
    let steps = body["continue_with"].as_array().unwrap();
    steps.iter().find(|step| step["action"] == action).unwrap_or(&Value::Null)
}

/// Signs up, and verifies the address; where the form leads then, and whether it says so from the start.
async fn verified(site: &Site, browser: &mut Client, query: &str, email: &str) -> (String, String) {
    let form = browser.get_json(&format!("/self-service/registration/browser?{query}")).await.json();
    let body = json!({"method": "password", "password": "battery staple", "traits": {"email": email}});
    let made = browser.submit_json(&form, body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = step(&made.json(), "show_verification_ui")["flow"]["id"].as_str().unwrap().to_owned();
    let form = browser.get_json(&format!("/self-service/verification/flows?id={id}")).await.json();
    let told = form["return_to"].as_str().unwrap_or_default().to_owned();
    let code = site.code(email).await;
    let done = browser.submit_json(&form, json!({"method": "code", "code": code})).await;
    assert_eq!(done.json()["state"], "passed_challenge", "{}", done.body);
    let done = done.json();
    let nodes = done["ui"]["nodes"].as_array().unwrap();
    let on = nodes.iter().find(|node| node["attributes"]["node_type"] == "a").unwrap();
    (told, on["attributes"]["href"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn verification_after_sign_up_leads_where_sign_up_was_asked_to_lead() {
    let site = site().await;
    for (number, (query, expect)) in [
        (format!("after_verification_return_to={}", encoded(WELCOME)), WELCOME),
        (format!("return_to={}&after_verification_return_to={}", encoded(APP), encoded(WELCOME)), WELCOME),
        (format!("return_to={}&after_verification_return_to=", encoded(APP)), APP),
        (format!("return_to={}", encoded(APP)), APP),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("ada{number}@example.com");
        let (told, on) = verified(&site, &mut site.client(), &query, &email).await;
        assert_eq!((told.as_str(), on.as_str()), (expect, expect), "{query}");
    }
}

#[tokio::test]
async fn sign_up_itself_goes_on_to_its_own_place() {
    let site = site().await;
    let mut browser = site.client();
    let query = format!("return_to={}&after_verification_return_to={}", encoded(APP), encoded(WELCOME));
    let form = browser.get_json(&format!("/self-service/registration/browser?{query}")).await.json();
    assert_eq!(form["return_to"], APP);
    let body =
        json!({"method": "password", "password": "battery staple", "traits": {"email": "ada@example.com"}});
    let made = browser.submit_json(&form, body).await.json();
    assert_eq!(step(&made, "redirect_browser_to")["redirect_browser_to"], APP, "{made}");
}

/// Attack: our own sign-up leads to a look-alike of itself. The form that takes the place of an expired one leads nowhere else,
/// either.
#[tokio::test]
async fn foreign_address_is_refused_when_the_form_begins() {
    let site = site().await;
    for url in [
        FOREIGN,
        "//evil.example",
        "javascript:alert(1)",
        "https://app.example/insider",
        "http://app.example/inside",
    ] {
        let query = format!("after_verification_return_to={}", encoded(url));
        for transport in ["browser", "api"] {
            let path = format!("/self-service/registration/{transport}?{query}");
            let refused = site.client().get_json(&path).await;
            assert_eq!(
                (refused.status, refused.error_id()),
                (400, "self_service_flow_return_to_forbidden".to_owned()),
                "{url}"
            );
        }
    }
    for query in ["skip_settings=true", "skip_settings=false"] {
        let path = format!("/self-service/recovery/browser?{query}&return_to={}", encoded(FOREIGN));
        assert_eq!(site.client().get_json(&path).await.error_id(), "self_service_flow_return_to_forbidden");
    }
}

async fn recovered(site: &Site, browser: &mut Client, query: &str) -> crate::client::Response {
    // The latest message is the one that this form sends.
    site.clock.advance(Duration::from_mins(1));
    let form = browser.get_json(&format!("/self-service/recovery/browser?{query}")).await.json();
    browser.submit_json(&form, json!({"method": "code", "email": "ada@example.com"})).await;
    let code = site.code("ada@example.com").await;
    browser.submit_json(&form, json!({"method": "code", "code": code})).await
}

#[tokio::test]
async fn whoever_gets_back_in_goes_on_without_settings_if_asked() {
    let site = site().await;
    site.person("ada@example.com").await;
    for (query, expect) in [
        (format!("skip_settings=true&return_to={}", encoded(APP)), APP),
        ("skip_settings=true".to_owned(), "https://id.example/ui/settings"),
    ] {
        let mut browser = site.client();
        let back = recovered(&site, &mut browser, &query).await;
        assert_eq!(
            (back.status, back.error_id()),
            (422, "browser_location_change_required".to_owned()),
            "{}",
            back.body
        );
        assert_eq!(back.json()["redirect_browser_to"], expect, "{query}");
        let who = browser.get_json("/sessions/whoami").await;
        assert_eq!(who.json()["authentication_methods"][0]["method"], "code_recovery");
    }
    for query in
        [format!("return_to={}", encoded(APP)), "skip_settings=false".to_owned(), "skip_settings=".to_owned()]
    {
        let back = recovered(&site, &mut site.client(), &query).await;
        let place = back.json()["redirect_browser_to"].as_str().unwrap().to_owned();
        assert!(place.starts_with("https://id.example/ui/settings?flow="), "{query}: {place}");
    }
}

#[tokio::test]
async fn pages_go_on_without_settings_too_and_native_applications_always_get_the_form() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let query = format!("skip_settings=true&return_to={}", encoded(APP));
    let page = browser.get(&format!("/self-service/recovery/browser?{query}")).await.location().to_owned();
    let id = page.rsplit_once("flow=").unwrap().1;
    let form = browser.get_json(&format!("/self-service/recovery/flows?id={id}")).await.json();
    browser.submit(&form, &[("email", "ada@example.com"), ("method", "code")]).await;
    let code = site.code("ada@example.com").await;
    let back = browser.submit(&form, &[("code", &code), ("method", "code")]).await;
    assert_eq!((back.status, back.location()), (303, APP), "{}", back.body);

    site.clock.advance(Duration::from_mins(1));
    let mut app = site.client();
    let form = app.get_json("/self-service/recovery/api?skip_settings=true").await.json();
    app.json("POST", &action(&form), &json!({"method": "code", "email": "ada@example.com"})).await;
    let code = site.code("ada@example.com").await;
    let back = app.json("POST", &action(&form), &json!({"method": "code", "code": code})).await.json();
    assert_eq!(step(&back, "show_settings_ui")["action"], "show_settings_ui", "{back}");
}
