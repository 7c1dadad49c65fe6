//! People delete their accounts: who may, what goes with it, and who must not.

use serde_json::{Value, json};

use crate::client::{Client, Response, csrf_token};
use crate::site::Site;

const ADA: &str = "ada@example.com";

async fn site() -> Site {
    Site::with(json!({"flow": {"settings": {"account_deletion": true}}})).await
}

/// Sends the form of the settings page.
async fn by_page(browser: &mut Client, typed: &str) -> Response {
    let flow = browser.begin("settings").await;
    let id = flow["id"].as_str().unwrap().to_owned();
    let page = browser.get(&format!("/ui/settings?flow={id}")).await.body;
    assert!(page.contains("action=\"https://id.example/ui/account/deletion\""), "no form on the page");
    let token = csrf_token(&flow).to_owned();
    browser.form("/ui/account/deletion", &[("csrf_token", &token), ("flow", &id), ("confirm", typed)]).await
}

async fn by_api(client: &mut Client, headers: &[(&str, &str)], body: &Value) -> Response {
    let of_json = [("accept", "application/json"), ("content-type", "application/json")];
    let headers: Vec<_> = of_json.iter().chain(headers).copied().collect();
    client.send("DELETE", "/portcullis/v1/account", &headers, &body.to_string()).await
}

async fn people(site: &Site) -> usize {
    site.client().get_json("/admin/identities").await.json().as_array().unwrap().len()
}

#[tokio::test]
async fn page_deletes_the_account_of_whoever_types_what_it_is_called() {
    let site = site().await;
    let mut browser = site.signed_in(ADA).await;
    let mut elsewhere = site.client();
    site.sign_in(&mut elsewhere, ADA).await;
    let refused = by_page(&mut browser, "bob@example.com").await;
    assert!(refused.location().contains("deletion=unconfirmed"), "{}", refused.location());
    let again = browser.get(refused.location().split('#').next().unwrap()).await;
    assert!(again.body.contains("deletion-confirm-error"), "the page says so");
    assert_eq!(people(&site).await, 1);

    let done = by_page(&mut browser, "Ada@example.com").await;
    assert_eq!((done.status, done.location()), (303, "/ui/account-deleted"));
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
    assert_eq!(browser.get("/ui/account-deleted").await.status, 200);
    assert_eq!(people(&site).await, 0);
    assert_eq!(elsewhere.get_json("/sessions/whoami").await.status, 401, "nowhere signed in");
    let flow = browser.begin("login").await;
    let form = [("identifier", ADA), ("password", "correct horse"), ("method", "password")];
    assert_eq!(browser.submit(&flow, &form).await.location().split('?').next(), Some("/ui/login"));
    let audit = site.client().get_json("/admin/portcullis/v1/audit").await.body;
    let record = audit.lines().find(|line| line.contains("identity.deleted")).unwrap();
    assert!(record.contains("subject:"), "{record}");
}

#[tokio::test]
async fn applications_of_both_kinds_delete_it_too() {
    let site = site().await;
    let mut browser = site.signed_in(ADA).await;
    for (headers, body, status) in [
        (&[][..], json!({"confirm": "ada"}), 400),
        (&[], json!({}), 400),
        (&[("origin", "https://evil.example")], json!({"confirm": ADA}), 403),
    ] {
        assert_eq!(by_api(&mut browser, headers, &body).await.status, status, "{body}");
    }
    let plain = browser.send("DELETE", "/portcullis/v1/account", &[], &format!("confirm={ADA}")).await;
    assert_eq!((plain.status, people(&site).await), (400, 1));
    let done = by_api(&mut browser, &[("origin", "https://id.example")], &json!({"confirm": ADA})).await;
    assert_eq!((done.status, people(&site).await), (204, 0), "{}", done.body);
    assert!(!browser.cookies.contains_key("ory_kratos_session"));

    site.person(ADA).await;
    let mut app = site.client();
    let flow = app.get_json("/self-service/login/api").await.json();
    let right = json!({"method": "password", "identifier": ADA, "password": "correct horse"});
    let answer = app.submit_json_native(&flow, &right, &[]).await.json();
    let token = answer["session_token"].as_str().unwrap();
    let nobody = by_api(&mut app, &[], &json!({"confirm": ADA})).await;
    assert_eq!((nobody.status, nobody.error_id()), (401, "session_inactive".to_owned()));
    let done = by_api(&mut app, &[("x-session-token", token)], &json!({"confirm": ADA})).await;
    assert_eq!((done.status, people(&site).await), (204, 0), "{}", done.body);
}

#[tokio::test]
async fn session_that_is_old_or_an_operators_deletes_nothing() {
    let settings = json!({
        "flow": {"settings": {"account_deletion": true}},
        "session": {"privileged_max_age_seconds": 60},
    });
    let site = Site::with(settings).await;
    let mut browser = site.signed_in(ADA).await;
    let id = browser.get_json("/sessions/whoami").await.json()["identity"]["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/portcullis/v1/identities/{id}/impersonate");
    let acts = site.client().json("POST", &path, &json!({"reason": "a ticket"})).await.json();
    let token = acts["session_token"].as_str().unwrap();
    let refused = by_api(&mut site.client(), &[("x-session-token", token)], &json!({"confirm": ADA})).await;
    assert_eq!((refused.status, refused.error_id()), (403, "session_refresh_required".to_owned()));

    site.clock.advance(std::time::Duration::from_mins(1));
    let refused = by_api(&mut browser, &[], &json!({"confirm": ADA})).await;
    assert_eq!((refused.status, refused.error_id()), (403, "session_refresh_required".to_owned()));
    let sent = by_page(&mut browser, ADA).await;
    assert!(sent.location().starts_with("/self-service/login/browser?refresh=true"), "{}", sent.location());
    assert_eq!(people(&site).await, 1);
}

#[tokio::test]
async fn last_owner_of_an_organisation_stays() {
    let site = site().await;
    let mut ada = site.signed_in(ADA).await;
    let mut bob = site.signed_in("bob@example.com").await;
    let made =
        site.client().json("POST", "/admin/portcullis/v1/organisations", &json!({"label": "Acme"})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let organisation = format!("/admin/portcullis/v1/organisations/{}", made["id"].as_str().unwrap());
    let own = async |client: &mut Client| {
        let who = client.get_json("/sessions/whoami").await.json();
        let member = format!("{organisation}/members/{}", who["identity"]["id"].as_str().unwrap());
        let set = site.client().json("PUT", &member, &json!({"role": "owner"})).await;
        assert!(set.status < 300, "{}", set.body);
    };
    own(&mut ada).await;
    let refused = by_api(&mut ada, &[], &json!({"confirm": ADA})).await;
    assert_eq!((refused.status, refused.error_id()), (409, "conflict".to_owned()), "{}", refused.body);
    let refused = by_page(&mut ada, ADA).await;
    assert!(refused.location().contains("deletion=last_owner"), "{}", refused.location());
    own(&mut bob).await;
    // Both at once: one of them stays.
    let (one, other) = (json!({"confirm": ADA}), json!({"confirm": "bob@example.com"}));
    let (one, other) = tokio::join!(by_api(&mut ada, &[], &one), by_api(&mut bob, &[], &other));
    let mut answers = [one.status, other.status];
    answers.sort_unstable();
    assert_eq!((answers, people(&site).await), ([204, 409], 1), "{} {}", one.body, other.body);
    let members = site.client().get_json(&format!("{organisation}/members")).await.json();
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1), "{members}");
}

#[tokio::test]
async fn account_stays_where_the_tenant_does_not_let_it_go() {
    let site = Site::open().await;
    let mut browser = site.signed_in(ADA).await;
    let refused = by_api(&mut browser, &[], &json!({"confirm": ADA})).await;
    assert_eq!((refused.status, refused.error_id()), (400, "self_service_flow_disabled".to_owned()));
    let flow = browser.begin("settings").await;
    let page = browser.get(&format!("/ui/settings?flow={}", flow["id"].as_str().unwrap())).await.body;
    assert!(!page.contains("/ui/account/deletion"));
}
