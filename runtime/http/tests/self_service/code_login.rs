//! Signing in and up with codes and links, as browsers, single-page and native applications do it.

use serde_json::{Value, json};

use crate::client::{Client, action, messages};
use crate::link::link_to;
use crate::site::{BASE, Site};

async fn site() -> Site {
    let rate = json!({"burst": 1000, "refill_seconds": 1});
    let limits = json!({"identifier": rate, "address": rate, "flow": rate, "code": rate, "mail": rate});
    let code = json!({"passwordless_enabled": true, "magic_link": true});
    Site::with(json!({"code": code, "limits": limits})).await
}

impl Site {
    async fn letter(&self, to: &str) -> Value {
        let mut operator = self.client();
        let listed = operator.get_json(&format!("/admin/courier/messages?recipient={to}&page_size=1")).await;
        let id = listed.json()[0]["id"].as_str().unwrap().to_owned();
        operator.get_json(&format!("/admin/courier/messages/{id}")).await.json()
    }

    async fn code_to(&self, to: &str) -> String {
        let letter = self.letter(to).await;
        let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
        letter["body"].as_str().unwrap().split_whitespace().find(digits).unwrap().to_owned()
    }
}

async fn shown(browser: &mut Client, page: &str) -> Value {
    let id = page.split_once("flow=").unwrap().1;
    let kind = page.split_once("/ui/").unwrap().1.split_once('?').unwrap().0;
    browser.get_json(&format!("/self-service/{kind}/flows?id={id}")).await.json()
}

/// What a form of a page sends, as somebody without scripts has it.
fn form_of(page: &str) -> (String, Vec<(String, String)>) {
    let unescaped = |text: &str| text.replace("&amp;", "&").replace("&#38;", "&");
    let until = |text: &str| text.split_once('"').unwrap().0.to_owned();
    let action = unescaped(&until(page.split_once("<form action=\"").unwrap().1));
    let hidden = page.split("<input type=\"hidden\" name=\"").skip(1);
    let pairs = hidden.map(|rest| {
        let value = rest.split_once("value=\"").unwrap().1;
        (until(rest), unescaped(&until(value)))
    });
    (action.strip_prefix(BASE).unwrap().to_owned(), pairs.collect())
}

async fn press(browser: &mut Client, page: &str, more: &[(&str, &str)]) -> crate::client::Response {
    let html = browser.get(page).await;
    assert_eq!(html.status, 200, "{}", html.body);
    let (action, hidden) = form_of(&html.body);
    let pairs = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let pairs: Vec<_> = pairs.chain(more.iter().copied()).collect();
    browser.form(&action, &pairs).await
}

#[tokio::test]
async fn somebody_signs_in_with_a_code_by_pages() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let page = browser.get("/self-service/login/browser?return_to=/ui/settings").await.location().to_owned();
    let ask = [("identifier", "ada@example.com"), ("password", ""), ("method", "code")];
    let sent = press(&mut browser, &page, &ask).await;
    assert_eq!((sent.status, sent.location()), (303, page.as_str()));
    let form = shown(&mut browser, &page).await;
    assert_eq!((form["state"].as_str(), messages(&form)), (Some("sent_email"), vec![1_010_014]));
    let wrong = press(&mut browser, &page, &[("code", "000000"), ("method", "code")]).await;
    assert_eq!(wrong.location(), page);
    assert_eq!(messages(&shown(&mut browser, &page).await), [4_010_008]);
    let first = site.code_to("ada@example.com").await;
    press(&mut browser, &page, &[("code", ""), ("resend", "code")]).await;
    let code = site.code_to("ada@example.com").await;
    assert_ne!(first, code, "another was sent");
    let done = press(&mut browser, &page, &[("code", &code), ("method", "code")]).await;
    assert_eq!((done.status, done.location()), (303, "/ui/settings"), "{}", done.body);
    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(who["authentication_methods"][0]["method"], "code");
    assert_eq!(who["identity"]["verifiable_addresses"][0]["verified"], true);
}

#[tokio::test]
async fn programs_get_the_form_with_400_and_then_a_session() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut app = site.client();
    let form = app.get_json("/self-service/login/api").await.json();
    let ask = json!({"method": "code", "identifier": "ada@example.com"});
    let sent = app.json("POST", &action(&form), &ask).await;
    assert_eq!((sent.status, sent.json()["state"].as_str()), (400, Some("sent_email")), "{}", sent.body);
    assert!(!site.letter("ada@example.com").await["body"].as_str().unwrap().contains("://"));
    let code = site.code_to("ada@example.com").await;
    let body = json!({"method": "code", "identifier": "ada@example.com", "code": code});
    let done = app.json("POST", &action(&form), &body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.json()["session_token"].as_str().unwrap().starts_with("ory_st_"));

    let mut browser = site.client();
    let form = browser.begin("registration").await;
    let body = json!({"method": "code", "traits": {"email": "bob@example.com"}});
    let sent = browser.submit_json(&form, body.clone()).await;
    assert_eq!((sent.status, messages(&sent.json())), (400, vec![1_040_005]), "{}", sent.body);
    let mut body = body;
    body["code"] = site.code_to("bob@example.com").await.into();
    let done = browser.submit_json(&form, body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(done.json()["identity"]["verifiable_addresses"][0]["verified"], true);
    assert!(browser.cookies.contains_key("ory_kratos_session"));
}

#[tokio::test]
async fn somebody_signs_up_with_a_code_by_pages() {
    let site = site().await;
    let mut browser = site.client();
    let page = browser.get("/self-service/registration/browser").await.location().to_owned();
    let ask = [
        ("traits.email", "ada@example.com"),
        ("traits.name.first", "Ada"),
        ("password", ""),
        ("method", "code"),
    ];
    press(&mut browser, &page, &ask).await;
    let code = site.code_to("ada@example.com").await;
    let done = press(&mut browser, &page, &[("code", &code), ("method", "code")]).await;
    assert_eq!((done.status, done.location()), (303, "/ui/settings"), "{}", done.body);
    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(who["identity"]["traits"]["name"]["first"], "Ada");
}

#[tokio::test]
async fn fifty_who_submit_a_code_at_a_time_are_one_who_is_let_in() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut app = site.client();
    let form = app.get_json("/self-service/login/api").await.json();
    app.json("POST", &action(&form), &json!({"method": "code", "identifier": "ada@example.com"})).await;
    let code = site.code_to("ada@example.com").await;
    let submits = (0..50).map(|_| {
        let (mut app, path, body) = (site.client(), action(&form), json!({"method": "code", "code": code}));
        tokio::spawn(async move { app.json("POST", &path, &body).await.status })
    });
    let mut let_in = 0;
    for submit in submits.collect::<Vec<_>>() {
        let_in += usize::from(submit.await.unwrap() == 200);
    }
    assert_eq!(let_in, 1);
}

async fn link_for(site: &Site, browser: &mut Client) -> (String, String) {
    let page = browser.get("/self-service/login/browser?return_to=/ui/settings").await.location().to_owned();
    press(browser, &page, &[("identifier", "ada@example.com"), ("method", "code")]).await;
    (page, link_to(site, "ada@example.com").await)
}

#[tokio::test]
async fn a_link_signs_in_at_once_where_it_was_asked_for() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let (_, link) = link_for(&site, &mut browser).await;
    let done = browser.get(&link).await;
    assert_eq!((done.status, done.location()), (303, "/ui/settings"), "{}", done.body);
    assert_eq!(
        browser.get_json("/sessions/whoami").await.json()["authentication_methods"][0]["method"],
        "code"
    );
    let again = site.client().get(&link).await;
    assert!(again.location().starts_with("/ui/login?flow="), "{}", again.location());
    assert!(!link.contains(again.location().split_once("flow=").unwrap().1), "a new form");
}

#[tokio::test]
async fn on_another_device_a_link_asks_and_signs_in_there() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let (page, link) = link_for(&site, &mut browser).await;
    // A scanner looks at it.
    let scanned = site.client().get(&link).await;
    assert_eq!(site.client().get(scanned.location()).await.status, 200);
    let mut phone = site.client();
    let asks = phone.get(&link).await;
    assert!(asks.location().starts_with("/ui/login?flow="), "{}", asks.location());
    let html = phone.get(asks.location()).await.body;
    assert!(html.contains("Sign in on this device?") && html.contains("ada@example.com"), "{html}");
    assert_eq!(phone.get_json("/sessions/whoami").await.status, 401, "nobody was signed in by looking");
    let done = press(&mut phone, asks.location(), &[("method", "code")]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(phone.get_json("/sessions/whoami").await.status, 200);
    // Attack: whoever began the form waits for somebody else to press the button.
    assert_eq!(
        browser.get_json("/sessions/whoami").await.status,
        401,
        "it signs in where it is pressed only"
    );
    let begun_anew = browser.get(&page).await;
    assert_eq!(begun_anew.location(), "/self-service/login/browser", "the form has served");
}
