//! Where forms are not to tell who has an account: signing up ends in a message, whoever has the address.

use serde_json::{Value, json};

use crate::client::{Client, messages};
use crate::site::Site;

async fn asked(browser: &mut Client, email: &str) -> (Value, String) {
    let form = browser.begin("registration").await;
    let body = json!({"method": "password", "password": "battery staple", "traits": {"email": email}});
    let answer = browser.submit_json(&form, body).await;
    assert_eq!((answer.status, messages(&answer.json())), (400, vec![1_040_005]), "{}", answer.body);
    assert!(!browser.cookies.contains_key("ory_kratos_session"), "no session before the proof");
    let mut document = answer.json();
    for member in ["id", "issued_at", "expires_at", "request_url"] {
        document[member] = Value::Null;
    }
    document["ui"]["nodes"][0]["attributes"]["value"] = Value::Null;
    let id = form["id"].as_str().unwrap().to_owned();
    (form, document.to_string().replace(&id, "").replace(email, ""))
}

async fn letter(site: &Site, to: &str) -> String {
    let mut operator = site.client();
    let listed =
        operator.get_json(&format!("/admin/courier/messages?recipient={to}&page_size=1")).await.json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    operator.get_json(&format!("/admin/courier/messages/{id}")).await.json()["body"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn signing_up_says_the_same_to_everybody_and_the_rest_by_mail() {
    let site = Site::with(json!({"account_enumeration": "mitigate"})).await;
    site.person("ada@example.com").await;
    let (mut eve, mut bob) = (site.client(), site.client());
    let (_, taken) = asked(&mut eve, "ada@example.com").await;
    let (form, free) = asked(&mut bob, "bob@example.com").await;
    assert_eq!(taken, free);
    let said = letter(&site, "ada@example.com").await;
    assert!(said.contains("there is one already"), "{said}");
    let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
    assert!(!said.split_whitespace().any(|word| digits(&word)), "{said}");
    let said = letter(&site, "bob@example.com").await;
    let code = said.split_whitespace().find(digits).unwrap();
    let done = bob.submit_json(&form, json!({"method": "code", "code": code})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(bob.cookies.contains_key("ory_kratos_session"));
    let mut again = site.client();
    let form = again.begin("login").await;
    let body = json!({"method": "password", "identifier": "bob@example.com", "password": "battery staple"});
    assert_eq!(again.submit_json(&form, body).await.status, 200);
}

#[tokio::test]
async fn new_tenants_tell_nobody_unless_they_say_otherwise() {
    let site = Site::open().await;
    let mut operator = site.client();
    for (id, settings, expected) in [
        ("one", json!({}), "mitigate"),
        ("two", json!({"identity": {"registration_enabled": false}}), "mitigate"),
        ("three", json!({"identity": {"account_enumeration": "compatible"}}), "compatible"),
    ] {
        let body = json!({"id": id, "settings": settings});
        let made = operator.json("POST", "/admin/portcullis/v1/tenants", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(made.json()["settings"]["document"]["identity"]["account_enumeration"], expected);
    }
}
