//! Trying a provider out over HTTP: what an operator is told, and that it signs nobody in.

use serde_json::{Value, json};
use testkit::provider::Fault;

use crate::client::{Client, Response, csrf_token};
use crate::providers::{CALLBACK, Place, person};
use crate::site::BASE;

const CREATE: &str = "/admin/test-login-flows";
const COOKIE: &str = "ory_kratos_test_flow";

async fn create(place: &Place) -> Value {
    let made = place.site.client().json("POST", CREATE, &json!({ "provider_id": "acme" })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()
}

/// Submits it as an operator's page does, and goes to the provider; where that sends the browser.
async fn submit(browser: &mut Client, flow: &Value) -> String {
    let action = flow["ui"]["action"].as_str().unwrap().strip_prefix(BASE).unwrap();
    let sent = browser.form(action, &[("csrf_token", csrf_token(flow)), ("provider", "acme")]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    sent.location().to_owned()
}

async fn come_back(place: &Place, browser: &mut Client, url: &str) -> Response {
    let query = place.provider.agree(url).unwrap();
    browser.get(&format!("{CALLBACK}/acme?{query}")).await
}

async fn read(browser: &mut Client, flow: &Value) -> Response {
    browser.get_json(&format!("/self-service/login/flows?id={}", flow["id"].as_str().unwrap())).await
}

/// All of it; what was captured.
async fn captured(place: &Place) -> Value {
    let (flow, mut browser) = (create(place).await, place.site.client());
    let url = submit(&mut browser, &flow).await;
    let back = come_back(place, &mut browser, &url).await;
    let shown = format!("/self-service/login/flows?id={}", flow["id"].as_str().unwrap());
    assert_eq!((back.status, back.location()), (303, shown.as_str()), "{}", back.body);
    let read = read(&mut browser, &flow).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert!(!browser.cookies.contains_key("ory_kratos_session"), "nobody is signed in");
    let payload = read.json()["test_context"]["debug_payload"].clone();
    assert!(!payload.to_string().contains("access-"), "tokens are not told: {payload}");
    payload
}

#[tokio::test]
async fn operator_is_told_what_a_provider_says_and_nobody_is_signed_in() {
    let place = Place::open(person("7")).await;
    let flow = create(&place).await;
    assert_eq!(flow["test_context"], json!({ "provider_id": "acme" }));
    let names: Vec<&Value> =
        flow["ui"]["nodes"].as_array().unwrap().iter().map(|node| &node["attributes"]["name"]).collect();
    assert_eq!(names, ["csrf_token", "provider"]);
    let payload = captured(&place).await;
    assert_eq!(payload["id_token_claims"]["sub"], "7");
    assert_eq!(payload["jsonnet_output"]["identity"]["traits"]["email"], "ada@example.com", "{payload}");
    assert_eq!((payload.get("error"), payload.get("schema_validation_errors")), (None, None), "{payload}");
    let mut admin = place.site.client();
    assert_eq!(admin.get_json("/admin/identities").await.json(), json!([]), "no account is made");
    assert_eq!(admin.get_json("/admin/sessions").await.json(), json!([]));
}

#[tokio::test]
async fn operator_is_told_where_it_fails() {
    let mut nobody = person("7");
    nobody["email"] = json!("no address");
    let place = Place::open(nobody).await;
    let payload = captured(&place).await;
    assert_eq!(payload["error"]["step"], "schema_validate", "{payload}");
    assert_eq!(payload["schema_validation_errors"][0]["path"], "/traits/email", "{payload}");
    place.provider.fault(Some(Fault::ForeignKey));
    let payload = captured(&place).await;
    assert_eq!(
        (&payload["error"]["step"], &payload["error"]["reason"]),
        (&json!("token_exchange"), &json!("untrusted"))
    );
    assert_eq!(payload.get("id_token_claims"), None, "what is not verified is not told: {payload}");
    place.provider.fault(None);
    let (flow, mut browser) = (create(&place).await, place.site.client());
    let url = submit(&mut browser, &flow).await;
    let query = place.provider.decline(&url, "access_denied").unwrap();
    browser.get(&format!("{CALLBACK}/acme?{query}&iss=https%3A%2F%2Fop.example")).await;
    let told = read(&mut browser, &flow).await.json()["test_context"]["debug_payload"]["error"].take();
    assert_eq!((&told["step"], &told["reason"]), (&json!("authorization"), &json!("denied")), "{told}");
    // Nothing of it is known yet, and it does not answer.
    let silent = Place::open(person("7")).await;
    silent.provider.fault(Some(Fault::Slow));
    let (flow, mut browser) = (create(&silent).await, silent.site.client());
    let shown = submit(&mut browser, &flow).await;
    let told = browser.get_json(&shown).await.json();
    assert_eq!(told["test_context"]["debug_payload"]["error"]["step"], "authorization", "{told}");
    for (body, status) in [
        (json!({ "provider_id": "nobody" }), 404),
        (json!({ "provider_id": 7 }), 400),
        (json!({ "provider_id": "x".repeat(256) }), 400),
        (json!({}), 400),
    ] {
        assert_eq!(place.site.client().json("POST", CREATE, &body).await.status, status, "{body}");
    }
}

/// Attack: whoever has the id of a try reads what a provider said of somebody, or takes it away.
#[tokio::test]
async fn what_was_captured_is_told_to_the_browser_that_tried_it() {
    let place = Place::open(person("7")).await;
    let (flow, mut browser) = (create(&place).await, place.site.client());
    let id = flow["id"].as_str().unwrap();
    let delete = format!("/self-service/login/test?id={id}");
    let url = submit(&mut browser, &flow).await;
    assert!(!browser.cookies.get(COOKIE).unwrap().is_empty());
    come_back(&place, &mut browser, &url).await;
    let mut thief = place.site.client();
    assert_eq!(read(&mut thief, &flow).await.status, 403);
    assert_eq!(thief.send("DELETE", &delete, &[], "").await.status, 403);
    assert_eq!(place.site.client().send("DELETE", &format!("/t/other{delete}"), &[], "").await.status, 404);
    assert_eq!(browser.send("DELETE", &delete, &[], "").await.status, 204);
    assert_eq!(browser.send("DELETE", &delete, &[], "").await.status, 404);
    // One that captured nothing tells nothing of anybody; and nothing else is deleted so.
    let open = create(&place).await;
    let abandon = format!("/self-service/login/test?id={}", open["id"].as_str().unwrap());
    assert_eq!(thief.send("DELETE", &abandon, &[], "").await.status, 204);
    let form = thief.begin("login").await;
    let other = format!("/self-service/login/test?id={}", form["id"].as_str().unwrap());
    assert_eq!(thief.send("DELETE", &other, &[], "").await.status, 404);
    assert_eq!(read(&mut thief, &form).await.status, 200, "it is still there");
    for (query, status) in [("", 400), ("?id=", 400), ("?id=x", 404)] {
        let path = format!("/self-service/login/test{query}");
        assert_eq!(thief.send("DELETE", &path, &[], "").await.status, status, "{query}");
    }
}

/// Attack: a try is submitted as a form, or an answer to it comes twice or to another browser, and somebody is signed in.
#[tokio::test]
async fn try_is_no_sign_in_on_any_other_path() {
    let place = Place::open(person("7")).await;
    place.site.person("ada@example.com").await;
    let flow = create(&place).await;
    let token = csrf_token(&flow).to_owned();
    let mut browser = place.site.client();
    // The token as the browser's own cookie: nothing else opens the flow by it.
    browser.begin("login").await;
    let name = browser.cookies.keys().find(|name| name.starts_with("csrf_token_")).unwrap().clone();
    browser.cookies.insert(name, token.clone());
    let login = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
    let body = json!({
        "method": "password", "identifier": "ada@example.com", "password": "correct horse", "csrf_token": token,
    });
    assert_eq!(browser.json("POST", &login, &body).await.status, 403);
    assert_eq!(read(&mut browser, &flow).await.status, 403);
    let wrong = flow["ui"]["action"].as_str().unwrap().strip_prefix(BASE).unwrap();
    for token in ["", "x", &"A".repeat(43)] {
        let answer = browser.json("POST", wrong, &json!({ "csrf_token": token })).await;
        assert_eq!(answer.status, 403, "{token:?}");
    }
    let url = submit(&mut browser, &flow).await;
    let query = place.provider.agree(&url).unwrap();
    let back = format!("{CALLBACK}/acme?{query}");
    let elsewhere = place.site.client().get(&back).await;
    assert!(elsewhere.set_cookie("ory_kratos_session").is_empty(), "another browser: {}", elsewhere.body);
    assert_eq!(browser.get(&back).await.status, 303);
    let again = browser.get_json(&back).await;
    assert_eq!(again.status, 400, "twice: {}", again.body);
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 401);
    assert_eq!(place.site.client().get_json("/admin/sessions").await.json(), json!([]));
}
