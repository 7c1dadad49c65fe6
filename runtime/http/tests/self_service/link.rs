//! Links in mail: scanners open them, people press the button, on whatever device.

use serde_json::{Value, json};

use crate::client::{Client, messages};
use crate::site::{BASE, Site};

async fn site() -> Site {
    let limits = json!({
        "identifier": {"burst": 1000, "refill_seconds": 1}, "address": {"burst": 1000, "refill_seconds": 1},
        "flow": {"burst": 1000, "refill_seconds": 1}, "code": {"burst": 1000, "refill_seconds": 1},
        "mail": {"burst": 1000, "refill_seconds": 1},
    });
    Site::with(json!({"recovery": {"use": "link"}, "verification": {"use": "link"}, "limits": limits})).await
}

/// The path of the link in the latest message to somebody.
pub(crate) async fn link_to(site: &Site, to: &str) -> String {
    let mut operator = site.client();
    let listed =
        operator.get_json(&format!("/admin/courier/messages?recipient={to}&page_size=1")).await.json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let mail = operator.get_json(&format!("/admin/courier/messages/{id}")).await.json();
    let text = mail["body"].as_str().unwrap();
    let link = text.split_whitespace().find(|word| word.starts_with(BASE)).unwrap();
    link.strip_prefix(BASE).unwrap().to_owned()
}

/// A form in the browser that asked for a link, and the link.
async fn asked(site: &Site, browser: &mut Client, kind: &str) -> (Value, String) {
    let form = browser.begin(kind).await;
    let sent = browser.submit_json(&form, json!({"method": "link", "email": "ada@example.com"})).await;
    assert_eq!((sent.status, sent.json()["state"].as_str()), (200, Some("sent_email")), "{}", sent.body);
    (form, link_to(site, "ada@example.com").await)
}

/// The form of a page, as somebody without scripts has it.
fn form_of(page: &str) -> (String, String) {
    let part = |start: &str, text: &str| {
        text.split_once(start)
            .unwrap()
            .1
            .split_once('"')
            .unwrap()
            .0
            .replace("&amp;", "&")
            .replace("&#38;", "&")
    };
    let action = part("<form action=\"", page).strip_prefix(BASE).unwrap().to_owned();
    (action, part("name=\"csrf_token\" value=\"", page))
}

async fn press(browser: &mut Client, page: &str) -> crate::client::Response {
    let shown = browser.get(page).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let (action, token) = form_of(&shown.body);
    browser.form(&action, &[("csrf_token", token.as_str()), ("method", "link")]).await
}

#[tokio::test]
async fn a_scanner_uses_nothing_up_and_any_device_serves() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let (_, link) = asked(&site, &mut browser, "recovery").await;
    for _ in 0..3 {
        let scanned = site.client().get(&link).await;
        assert_eq!(scanned.status, 303);
        assert_eq!(site.client().get(scanned.location()).await.status, 200);
    }
    let mut phone = site.client();
    let opened = phone.get(&link).await;
    assert!(opened.location().starts_with("/ui/recovery?flow="), "{}", opened.location());
    let back = press(&mut phone, opened.location()).await;
    assert!(back.location().starts_with("/ui/settings?flow="), "{} {}", back.status, back.body);
    let who = phone.get_json("/sessions/whoami").await.json();
    assert_eq!(who["authentication_methods"][0]["method"], "link_recovery");
    // Whoever opens it once more, or asked for it and waits, is told that it was used, on a form that asks for another.
    let (id, _) = link.split_once("flow=").unwrap().1.split_once('&').unwrap();
    for (mut other, at) in [(site.client(), link.clone()), (browser, format!("/ui/recovery?flow={id}"))] {
        let mut answer = other.get(&at).await;
        while answer.status == 303 {
            assert!(!other.cookies.contains_key("ory_kratos_session"));
            answer = other.get(answer.location()).await;
        }
        assert!(answer.body.contains("This link is too old or was used already."), "{at}: {}", answer.body);
        assert!(!answer.body.contains("You are back in."), "{at}: {}", answer.body);
        assert!(answer.body.contains("name=\"email\"") && !answer.body.contains(id), "{at}: {}", answer.body);
    }
    // In the browser that it let in it says so.
    let page = phone.get(opened.location()).await;
    assert!(page.body.contains("You are back in."), "{}", page.body);
}

#[tokio::test]
async fn in_its_own_browser_a_link_makes_the_form_show_the_button() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let (form, link) = asked(&site, &mut browser, "verification").await;
    let opened = browser.get(&link).await;
    let id = form["id"].as_str().unwrap();
    assert_eq!(opened.location(), format!("/ui/verification?flow={id}"), "the token is in no address");
    // Any user interface shows it by the form's own id.
    let shown = browser.get_json(&format!("/self-service/verification/flows?id={id}")).await.json();
    let done = browser.submit_json(&shown, json!({"method": "link"})).await;
    assert_eq!((done.status, messages(&done.json())), (200, vec![1_080_002]), "{}", done.body);
}

#[tokio::test]
async fn fifty_who_open_a_link_at_a_time_are_one_who_is_let_in() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let (_, link) = asked(&site, &mut browser, "recovery").await;
    let opens = (0..50).map(|_| {
        let (mut device, link) = (site.client(), link.clone());
        tokio::spawn(async move {
            let page = device.get(&link).await.location().to_owned();
            let answer = press(&mut device, &page).await;
            answer.location().starts_with("/ui/settings") && device.cookies.contains_key("ory_kratos_session")
        })
    });
    let mut let_in = 0;
    for open in opens.collect::<Vec<_>>() {
        let_in += usize::from(open.await.unwrap());
    }
    assert_eq!(let_in, 1);
}

#[tokio::test]
async fn a_link_that_is_worth_nothing_leads_to_a_new_form_that_says_so() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let (form, link) = asked(&site, &mut browser, "recovery").await;
    let (of_flow, _) = link.split_once("&token=").unwrap();
    for wrong in [format!("{of_flow}&token=x"), "/self-service/recovery?flow=x&token=x".to_owned()] {
        let mut device = site.client();
        let opened = device.get(&wrong).await;
        let id = opened.location().split_once("flow=").unwrap().1.to_owned();
        assert_ne!(form["id"], id.as_str());
        let shown = device.get_json(&format!("/self-service/recovery/flows?id={id}")).await.json();
        assert_eq!((messages(&shown), shown["state"].as_str()), (vec![4_060_004], Some("choose_method")));
    }
    // In its own browser the form stays, and so does the link that is right.
    browser.get(&format!("{of_flow}&token=x")).await;
    let id = form["id"].as_str().unwrap();
    let shown = browser.get_json(&format!("/self-service/recovery/flows?id={id}")).await.json();
    assert_eq!(messages(&shown), [4_060_004]);
    let page = browser.get(&link).await.location().to_owned();
    let back = press(&mut browser, &page).await;
    assert!(back.location().starts_with("/ui/settings"), "{} {}", back.status, back.body);
}

#[tokio::test]
async fn an_operators_link_lets_somebody_in_from_any_browser() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    let mut operator = site.client();
    let body = json!({"identity_id": ada["id"], "expires_in": "2h"});
    let made = operator.json("POST", "/admin/recovery/link?return_to=/ui/settings", &body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let link = made.json()["recovery_link"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let mut browser = site.client();
    let page = browser.get(&link).await.location().to_owned();
    let back = press(&mut browser, &page).await;
    assert!(back.location().starts_with("/ui/settings?flow="), "{} {}", back.status, back.body);
    for (query, body, status) in [
        ("", json!({"identity_id": "x"}), 400),
        ("", json!({"identity_id": "6f2f1c0e-0000-4000-8000-000000000000"}), 404),
        ("", json!({"identity_id": ada["id"], "expires_in": "9000h"}), 400),
        ("?return_to=https://rival.example", json!({"identity_id": ada["id"]}), 400),
    ] {
        let answer = operator.json("POST", &format!("/admin/recovery/link{query}"), &body).await;
        assert_eq!(answer.status, status, "{body}");
    }
}
