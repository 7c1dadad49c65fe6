//! An app asks a person who is signed in to sign in again or to consent, and somebody else does.

use std::time::Duration;

use serde_json::{Value, json};

use super::code::{App, claims, csrf_token, sign_up};
use crate::browser::Browser;
use crate::world::World;

fn link_to_switch(page: &str) -> String {
    let link = page.split('"').find(|part| part.contains("prompt=select_account"));
    link.unwrap_or_else(|| panic!("no link: {page}")).replace("&#38;", "&")
}

/// Signs in; says where it goes on.
async fn sign_in_as_bob(browser: &mut Browser, flow: &Value) -> String {
    let body = json!({
        "method": "password",
        "csrf_token": csrf_token(flow),
        "identifier": "bob@acme.example",
        "password": "a long enough phrase",
    });
    let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    done.json()["redirect_browser_to"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn app_gets_whoever_signs_in_instead() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    sign_up(&world, &mut Browser::default(), "bob@acme.example").await;
    for prompt in ["login", "select_account"] {
        let mut browser = Browser::default();
        sign_up(&world, &mut browser, &format!("ada-{prompt}@acme.example")).await;
        world.clock.advance(Duration::from_secs(5));
        let asked = browser.get(&app.authorize(&[("prompt", prompt), ("login_hint", "ada")])).await;
        let flow = if prompt == "login" {
            let page = browser.get(asked.location().as_str()).await;
            let page = browser.get(page.location().as_str()).await.text();
            assert!(page.contains(&format!("ada-{prompt}@acme.example")), "{page}");
            browser.get_json(&format!("{}{}", world.base, link_to_switch(&page))).await.json()
        } else {
            // Nobody is asked to prove who they were.
            browser.get_json(asked.location().as_str()).await.json()
        };
        let name = |node: &&serde_json::Value| node["attributes"]["name"] == "identifier";
        let identifier = flow["ui"]["nodes"].as_array().unwrap().iter().find(name).unwrap().clone();
        assert_eq!(identifier["attributes"]["value"], "", "not even the hint");
        let on = sign_in_as_bob(&mut browser, &flow).await;
        let code = browser.get(&on).await.sent("code").unwrap();
        let tokens = app.redeem(&code).await.json();
        assert_eq!(claims(tokens["id_token"].as_str().unwrap())["email"], "bob@acme.example", "{prompt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_for_consent_and_is_somebody_else_signs_in_and_is_asked_again() {
    let world = World::start().await;
    let app = App::register(&world, false).await;
    sign_up(&world, &mut Browser::default(), "bob@acme.example").await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let asked = browser.get(&app.authorize(&[])).await;
    let page = browser.get(asked.location().as_str()).await.text();
    assert!(page.contains("ada@acme.example"), "{page}");
    let link = link_to_switch(&page);
    // The link is this browser's alone, as the page is.
    let elsewhere = Browser::default().get_json(&link).await;
    assert_eq!(elsewhere.status, 403, "{}", elsewhere.text());

    let flow = browser.get_json(&link).await.json();
    assert_eq!(flow["refresh"], false, "{flow}");
    let on = sign_in_as_bob(&mut browser, &flow).await;
    let of_ada = asked.sent("consent_challenge").unwrap();
    let asked = browser.get(&on).await;
    let page = browser.get(asked.location().as_str()).await.text();
    assert!(page.contains("bob@acme.example") && !page.contains("ada@acme.example"), "{page}");
    let consent = format!("{}/ui/consent", world.tenant("acme"));
    let form = [("consent_challenge", of_ada.as_str()), ("decision", "allow")];
    assert_eq!(browser.post(&consent, &form).await.status, 403, "nobody consents for ada");
    let form = [("consent_challenge", &*asked.sent("consent_challenge").unwrap()), ("decision", "allow")];
    let code = browser.post(&consent, &form).await.sent("code").unwrap();
    let tokens = app.redeem(&code).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["email"], "bob@acme.example");
}
