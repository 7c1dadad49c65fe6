//! An operator acts in somebody's name in a browser: by a link that counts once, seen on every page, changing nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::site::{BASE, Site};

const ADA: &str = "ada@example.com";

/// The link for Ada, below the base URL, and the document that it came with.
async fn link(site: &Site) -> (String, Value) {
    let found = site.client().get_json("/admin/identities").await.json();
    let path = format!("/admin/portcullis/v1/identities/{}/impersonate", found[0]["id"].as_str().unwrap());
    let made = site.client().json("POST", &path, &json!({"reason": "ticket 7", "as_link": true})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    assert_eq!(made.get("session_token"), None);
    (made["link"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned(), made)
}

async fn press(browser: &mut Client, link: &str) -> Response {
    let token = link.split_once("token=").unwrap().1;
    browser.form("/ui/impersonation", &[("token", token)]).await
}

#[tokio::test]
async fn link_gives_one_browser_a_session_that_changes_nothing() {
    let site = Site::open().await;
    site.person(ADA).await;
    let (place, made) = link(&site).await;
    let mut browser = site.client();
    for _ in 0..2 {
        let page = browser.get(&place).await;
        assert!(page.status == 200 && page.body.contains(ADA), "looking at it uses nothing up");
    }
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
    let many = futures_util::future::join_all((0..20).map(|_| {
        let (mut browser, place) = (site.client(), place.clone());
        async move {
            let answer = press(&mut browser, &place).await;
            (answer.status, browser)
        }
    }));
    let (mut begun, refused): (Vec<_>, Vec<_>) =
        many.await.into_iter().partition(|(status, _)| *status == 303);
    assert_eq!((begun.len(), refused.len()), (1, 19));
    assert!(refused.iter().all(|(status, _)| *status == 404));
    let mut browser = begun.remove(0).1;

    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!((&who["id"], &who["identity"]["traits"]["email"]), (&made["session"]["id"], &json!(ADA)));
    assert!(who["portcullis_act"]["sub"].is_string(), "{who}");
    let flow = browser.begin("settings").await;
    let page = browser.get(&format!("/ui/settings?flow={}", flow["id"].as_str().unwrap())).await.body;
    assert!(page.contains("class=\"acting\""), "the page says so");
    for body in [
        json!({"method": "password", "password": "battery staple"}),
        json!({"method": "profile", "traits": {"email": ADA, "name": {"first": "Eve"}}}),
        json!({"method": "totp", "totp_code": "123456"}),
        json!({"method": "lookup_secret", "lookup_secret_regenerate": true}),
        json!({"method": "oidc", "link": "acme"}),
        json!({"method": "passkey", "passkey_settings_register": "{}"}),
        json!({"method": "webauthn", "webauthn_register": "{}"}),
    ] {
        let refused = browser.submit_json(&flow, body.clone()).await;
        assert_eq!((refused.status, refused.error_id()), (403, "session_impersonated".to_owned()), "{body}");
    }
    let form = [("method", "password"), ("password", "battery staple")];
    let sent = browser.submit(&flow, &form).await;
    let told = browser.get(sent.location()).await;
    assert!(told.status == 403 && told.body.contains("changes nothing of their account"), "{}", told.body);
    let out = browser.get_json("/self-service/logout/browser").await.json();
    browser.get(out["logout_url"].as_str().unwrap().strip_prefix(BASE).unwrap()).await;
    assert!(!browser.get("/ui/signed-out").await.body.contains("class=\"acting\""));
    let audit = site.client().get_json("/admin/portcullis/v1/audit").await.body;
    for action in ["session.impersonated", "session.impersonation_begun"] {
        assert!(audit.contains(action), "{action}");
    }
}

#[tokio::test]
async fn link_is_worth_nothing_later_elsewhere_or_as_a_session() {
    let site = Site::open().await;
    site.person(ADA).await;
    let (place, made) = link(&site).await;
    let token = place.split_once("token=").unwrap().1.to_owned();
    let mut thief = site.client();
    for presented in [token.clone(), token.replace("pil_", "ory_st_")] {
        let who = thief.send("GET", "/sessions/whoami", &[("x-session-token", &presented)], "").await;
        assert_eq!(who.status, 401);
    }
    let evil = [("origin", "https://evil.example"), ("content-type", "application/x-www-form-urlencoded")];
    let posted = thief.send("POST", "/ui/impersonation", &evil, &format!("token={token}")).await;
    assert!(posted.set_cookie("ory_kratos_session").is_empty(), "from another site");
    assert_eq!(thief.get(&place.replace("/ui/", "/t/other/ui/")).await.status, 404, "another tenant");
    let gone = format!("/admin/sessions/{}", made["session"]["id"].as_str().unwrap());
    assert_eq!(site.client().send("DELETE", &gone, &[], "").await.status, 204);
    assert_eq!(press(&mut thief, &place).await.status, 404, "ended before it began");
    let (late, _) = link(&site).await;
    site.clock.advance(Duration::from_mins(2));
    assert_eq!((thief.get(&late).await.status, press(&mut thief, &late).await.status), (404, 404));
}
