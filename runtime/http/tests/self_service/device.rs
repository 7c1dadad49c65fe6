//! `/oauth2/device/…` and `/ui/device`: a device, the browser of whoever enters its code, and who tries what on the way.

use std::time::Duration;

use futures_util::future::join_all;
use oauth2::device::DeviceCodeRepository as _;
use primitives::{Clock as _, TenantId};
use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::site::Site;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A node with a television, which is a public client and the tenant's own.
async fn site() -> Site {
    let site = Site::open().await;
    let document = json!({
        "client_id": "tv", "client_name": "The Television", "token_endpoint_auth_method": "none",
        "grant_types": [GRANT, "refresh_token"], "scope": "openid email offline_access", "skip_consent": true,
    });
    let made = site.client().json("POST", "/admin/clients", &document).await;
    assert_eq!(made.status, 201, "{}", made.body);
    site
}

async fn begin(site: &Site) -> Value {
    let form = [("client_id", "tv"), ("scope", "openid email offline_access")];
    let begun = site.client().form("/oauth2/device/auth", &form).await;
    assert_eq!((begun.status, begun.header("cache-control")), (200, "no-store"), "{}", begun.body);
    begun.json()
}

async fn poll(site: &Site, device: &Value) -> Response {
    let code = text(device, "device_code");
    let form = [("client_id", "tv"), ("grant_type", GRANT), ("device_code", code)];
    site.client().form("/oauth2/token", &form).await
}

fn error(answer: &Response) -> String {
    answer.json()["error"].as_str().unwrap_or_default().to_owned()
}

fn text<'a>(device: &'a Value, name: &str) -> &'a str {
    device[name].as_str().unwrap()
}

async fn enter(browser: &mut Client, code: &str) -> Response {
    browser.form("/oauth2/device/verify", &[("user_code", code)]).await
}

/// The challenge in the form of a page.
fn challenge(page: &Response) -> &str {
    let (_, rest) =
        page.body.split_once("name=\"device_challenge\" value=\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split_once('"').unwrap().0
}

async fn decide(browser: &mut Client, page: &Response, decision: &str) -> Response {
    browser.form("/ui/device", &[("device_challenge", challenge(page)), ("decision", decision)]).await
}

#[tokio::test]
async fn a_person_connects_a_device_after_signing_in_and_it_gets_their_tokens_once() {
    let site = site().await;
    site.person("ada@example.com").await;
    let device = begin(&site).await;
    let pending = poll(&site, &device).await;
    assert_eq!((pending.status, error(&pending).as_str()), (400, "authorization_pending"));
    let hurried = poll(&site, &device).await;
    assert_eq!((hurried.status, error(&hurried).as_str()), (400, "slow_down"));

    let mut browser = site.client();
    let code = text(&device, "user_code");
    let page = browser.get(&format!("/oauth2/device/verify?user_code={code}")).await;
    assert!(page.body.contains(&format!("value=\"{code}\"")), "{}", page.body);
    let entered = enter(&mut browser, &code.to_lowercase()).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    let asked = browser.get(entered.location()).await;
    assert!(asked.location().starts_with("/self-service/login/browser?return_to="), "nobody is signed in");
    let flow = browser.get_json(asked.location()).await.json();
    let form = [("identifier", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    let signed_in = browser.submit(&flow, &form).await;
    assert_eq!(signed_in.location(), entered.location(), "{}", signed_in.body);
    let question = browser.get(signed_in.location()).await;
    assert_eq!(question.status, 200, "the tenant's own client is asked for, too");
    for part in ["The Television", code, "ada@example.com", "somebody sent you"] {
        assert!(question.body.contains(part), "{part}: {}", question.body);
    }
    let done = decide(&mut browser, &question, "allow").await;
    assert!(done.status == 200 && done.body.contains("Your device is connected"), "{}", done.body);
    assert_eq!(decide(&mut browser, &question, "deny").await.status, 410, "nothing is taken back");

    let polls = join_all((0..50).map(|_| poll(&site, &device))).await;
    let (won, lost): (Vec<_>, Vec<_>) = polls.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 49), "redeemed once");
    assert!(won[0].json()["id_token"].is_string() && won[0].json()["refresh_token"].is_string());
    for answer in lost {
        assert!(["invalid_grant", "temporarily_unavailable"].contains(&&*error(answer)), "{}", answer.body);
    }
}

/// Attack: other sites post the forms, addresses alone are opened, and challenges are handed on.
#[tokio::test]
async fn nothing_is_answered_by_another_site_by_a_link_or_in_another_browser() {
    let site = site().await;
    let mut ada = site.signed_in("ada@example.com").await;
    let mut eve = site.signed_in("eve@example.com").await;
    let device = begin(&site).await;
    let code = text(&device, "user_code");
    ada.get(&format!("/oauth2/device/verify?user_code={code}")).await;
    let foreign = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://evil.example")];
    let refused = ada.send("POST", "/oauth2/device/verify", &foreign, &format!("user_code={code}")).await;
    assert_eq!(refused.status, 403);

    let entered = enter(&mut ada, code).await;
    assert_eq!(eve.get(entered.location()).await.status, 403, "another browser");
    let question = ada.get(entered.location()).await;
    let form = format!("device_challenge={}&decision=allow", challenge(&question));
    assert_eq!(ada.send("POST", "/ui/device", &foreign, &form).await.status, 403);
    assert_eq!(decide(&mut eve, &question, "allow").await.status, 403);
    let entered = entered.location().split_once('=').unwrap().1.to_owned();
    let form = [("device_challenge", entered.as_str()), ("decision", "allow")];
    assert_eq!(ada.form("/ui/device", &form).await.status, 400, "what was entered is no answer");
    assert_eq!(error(&poll(&site, &device).await), "authorization_pending");

    let done = decide(&mut ada, &question, "deny").await;
    assert!(done.body.contains("The device got no access"), "{}", done.body);
    assert_eq!(error(&poll(&site, &device).await), "access_denied");
}

/// Attack (RFC 8628 section 5.1): codes are guessed.
#[tokio::test]
async fn guesses_from_a_source_are_limited_and_right_ones_are_not_counted() {
    let site = site().await;
    let mut browser = site.client();
    for _ in 0..15 {
        let device = begin(&site).await;
        assert_eq!(enter(&mut browser, text(&device, "user_code")).await.status, 303);
    }
    for _ in 0..10 {
        let wrong = enter(&mut browser, "BBBB-BBBB").await;
        assert!(wrong.status == 400 && wrong.body.contains("No device waits"), "{}", wrong.body);
    }
    let device = begin(&site).await;
    let limited = enter(&mut site.client(), text(&device, "user_code")).await;
    assert_eq!(limited.status, 429, "a right one is told no more than a wrong one");
    assert_eq!(limited.header("retry-after"), "30");
    site.clock.advance(Duration::from_secs(30));
    assert_eq!(enter(&mut browser, text(&device, "user_code")).await.status, 303);
}

/// Attack: whoever knows a public client's id fills the table.
#[tokio::test]
async fn requests_of_public_clients_are_limited_by_source_before_they_write() {
    let site = site().await;
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(site.client().form("/oauth2/device/auth", &[("client_id", "tv")]).await);
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 30);
    let refused = answers.last().unwrap();
    assert_eq!((refused.status, error(refused).as_str()), (503, "temporarily_unavailable"));
    let (tenant, client) = (TenantId::default_tenant(), "tv".parse().unwrap());
    let count = site.storage.count_device_codes(&tenant, &client, site.clock.now(), 100).await.unwrap();
    assert_eq!(count, 30, "what is refused writes nothing");
}
