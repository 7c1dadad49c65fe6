//! An app asks a person who is signed in to sign in again, and somebody else does.

use std::time::Duration;

use serde_json::json;

use super::code::{App, claims, csrf_token, sign_up};
use crate::browser::Browser;
use crate::world::World;

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
        let page = browser.get(asked.location().as_str()).await;
        let page = browser.get(page.location().as_str()).await.text();
        assert!(page.contains(&format!("ada-{prompt}@acme.example")), "{page}");
        let link = page.split('"').find(|part| part.contains("prompt=select_account")).unwrap();
        let link = format!("{}{}", world.base, link.replace("&#38;", "&"));
        let flow = browser.get_json(&link).await.json();
        let name = |node: &&serde_json::Value| node["attributes"]["name"] == "identifier";
        let identifier = flow["ui"]["nodes"].as_array().unwrap().iter().find(name).unwrap().clone();
        assert_eq!(identifier["attributes"]["value"], "", "not even the hint");
        let body = json!({
            "method": "password",
            "csrf_token": csrf_token(&flow),
            "identifier": "bob@acme.example",
            "password": "a long enough phrase",
        });
        let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
        let on = done.json()["redirect_browser_to"].as_str().unwrap().to_owned();
        let code = browser.get(&on).await.sent("code").unwrap();
        let tokens = app.redeem(&code).await.json();
        assert_eq!(claims(tokens["id_token"].as_str().unwrap())["email"], "bob@acme.example", "{prompt}");
    }
}
