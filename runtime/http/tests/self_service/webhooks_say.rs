//! Webhooks that have a say: what they change, and what they stop.

use serde_json::{Value, json};

use crate::client::{action, messages};
use crate::webhooks::{ADA, PASSWORD, Place, asked, body, webhook};

fn refusal() -> Value {
    json!({ "messages": [
        { "instance_ptr": "#/traits/email", "messages": [{ "id": 123, "text": "Not this one.", "type": "error" }] },
        { "instance_ptr": "#/", "messages": [{ "id": 124, "text": "Not today.", "type": "error" }] },
    ]})
}

#[tokio::test]
async fn webhook_changes_an_account_before_it_is_written() {
    let place = Place::open(asked("registration")).await;
    place.answer(Ok((
        200,
        json!({ "identity": {
            "id": "00000000-0000-0000-0000-000000000000",
            "schema_id": "default",
            "traits": { "email": "ada@crm.example", "name": { "first": "Ada" } },
            "metadata_public": { "plan": "team" },
            "metadata_admin": { "crm": 7 },
            "verifiable_addresses": [{ "value": "ada@crm.example", "verified": true, "via": "email" }],
        }}),
    )));
    let made = place.sign_up().await;
    assert_eq!(made.status, 200, "{}", made.body);
    let asked = body(&place.seen()[0]);
    assert_eq!(asked["identity"]["id"], "00000000-0000-0000-0000-000000000000", "it is not written yet");
    assert_eq!(asked["identity"]["traits"], json!({ "email": ADA }));
    let written = &place.identities().await[0];
    assert_eq!(written["traits"]["name"]["first"], "Ada");
    assert_eq!(
        (&written["metadata_public"], &written["metadata_admin"]),
        (&json!({"plan": "team"}), &json!({"crm": 7}))
    );
    assert_eq!(written["verifiable_addresses"][0]["value"], "ada@crm.example");
    assert_eq!(written["verifiable_addresses"][0]["verified"], true);
    let mut app = place.site.client();
    let flow = app.get_json("/self-service/login/api").await.json();
    let typed = json!({"method": "password", "identifier": "ada@crm.example", "password": PASSWORD});
    assert_eq!(app.json("POST", &action(&flow), &typed).await.status, 200, "its identifier is the new one");
}

#[tokio::test]
async fn webhook_stops_a_sign_up_with_words_for_its_fields() {
    let place = Place::open(asked("registration")).await;
    place.answer(Ok((403, refusal())));
    let refused = place.sign_up().await;
    assert_eq!((refused.status, messages(&refused.json())), (400, vec![124, 123]), "{}", refused.body);
    assert_eq!(place.identities().await, json!([]));
    assert_eq!(place.sign_up().await.status, 200);
}

#[tokio::test]
async fn webhook_stops_a_sign_in_and_nobody_is_in() {
    let place = Place::open(asked("login")).await;
    place.site.person(ADA).await;
    place.answer(Ok((403, refusal())));
    let mut browser = place.site.client();
    let refused = place.sign_in(&mut browser).await;
    assert_eq!((refused.status, messages(&refused.json())), (400, vec![123, 124]), "{}", refused.body);
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
    let sessions = place.site.client().get_json("/admin/sessions").await.json();
    assert_eq!(sessions, json!([]), "nothing was written");
    let asked = body(&place.seen()[0]);
    assert_eq!(asked["session"]["authentication_methods"][0]["method"], "password");
    assert_eq!(place.sign_in(&mut browser).await.status, 200);
}

#[tokio::test]
async fn webhooks_of_a_method_are_asked_in_the_place_of_the_others() {
    let hook = |name: &str, on: Value| {
        webhook(
            &json!({ "name": name, "on": [on], "can_interrupt": true, "url": format!("https://{name}.example/") }),
        )
    };
    let place = Place::open(json!([
        hook("any", json!({ "flow": "login", "when": "after" })),
        hook("password", json!({ "flow": "login", "when": "after", "method": "password" })),
        hook("code", json!({ "flow": "login", "when": "after", "method": "code" })),
    ]))
    .await;
    place.site.person(ADA).await;
    assert_eq!(place.sign_in(&mut place.site.client()).await.status, 200);
    let hosts: Vec<String> =
        place.seen().iter().map(|request| request.url.host_str().unwrap().to_owned()).collect();
    assert_eq!(hosts, ["password.example"]);
}

#[tokio::test]
async fn webhook_lets_no_form_begin() {
    let on = json!([{ "flow": "registration", "when": "before" }]);
    let place = Place::open(json!([webhook(&json!({ "on": on, "can_interrupt": true }))])).await;
    let mut browser = place.site.client();
    place.answer(Ok((403, refusal())));
    let refused = browser.get_json("/self-service/registration/browser").await;
    assert_eq!((refused.status, refused.json()["error"]["reason"].as_str()), (400, Some("Not this one.")));
    place.answer(Ok((403, refusal())));
    let refused = browser.get("/self-service/registration/browser").await;
    assert!(refused.location().starts_with("/ui/error?id="), "{}", refused.location());
    let page = browser.get(refused.location()).await;
    assert!(page.body.contains("This cannot be begun now"), "{}", page.body);
    assert_eq!(browser.get_json("/self-service/registration/browser").await.status, 200);
    assert_eq!(browser.get_json("/self-service/login/browser").await.status, 200);
    assert_eq!(place.seen().len(), 3, "of a sign-in it is not asked");
}

#[tokio::test]
async fn webhook_changes_a_profile_and_stops_a_new_password() {
    let place = Place::open(asked("settings")).await;
    let mut browser = place.site.signed_in(ADA).await;
    let flow = browser.begin("settings").await;
    let metadata = json!({ "identity": {
        "traits": { "email": ADA, "name": { "first": "Countess" } }, "metadata_public": { "seen": true },
    }});
    place.answer(Ok((200, metadata)));
    let typed = json!({"method": "profile", "traits": {"email": ADA, "name": {"first": "Ada"}}});
    let saved = browser.submit_json(&flow, typed).await;
    assert_eq!(saved.status, 200, "{}", saved.body);
    assert_eq!(place.seen().len(), 1, "it is asked once");
    let written = &place.identities().await[0];
    assert_eq!(written["traits"]["name"]["first"], "Countess");
    assert_eq!(written["metadata_public"], json!({ "seen": true }));

    place.answer(Ok((400, refusal())));
    let typed = json!({"method": "password", "password": "moss-covered lantern"});
    let refused = browser.submit_json(&flow, typed.clone()).await;
    assert_eq!((refused.status, messages(&refused.json())), (400, vec![124, 123]), "{}", refused.body);
    let signed_in = place.sign_in(&mut place.site.client()).await;
    assert_eq!(signed_in.status, 200, "the password is the old one: {}", signed_in.body);
    place.seen();
    place.answer(Ok((200, json!({ "identity": { "metadata_admin": { "reset": 1 } } }))));
    assert_eq!(browser.submit_json(&flow, typed).await.status, 200);
    assert_eq!(place.identities().await[0]["metadata_admin"], json!({ "reset": 1 }));
    assert_eq!(place.sign_in(&mut place.site.client()).await.status, 400, "the password is another");
}

#[tokio::test]
async fn webhook_stops_a_recovery_and_the_proof_of_an_address() {
    let both = json!([webhook(&json!({
        "on": [{ "flow": "recovery", "when": "after" }, { "flow": "verification", "when": "after" }],
        "can_interrupt": true,
    }))]);
    let place = Place::open(both).await;
    place.site.person(ADA).await;
    for kind in ["verification", "recovery"] {
        place.site.clock.advance(std::time::Duration::from_secs(1));
        let mut browser = place.site.client();
        let flow = browser.begin(kind).await;
        let sent = browser.submit_json(&flow, json!({"method": "code", "email": ADA})).await;
        assert_eq!(sent.status, 200, "{}", sent.body);
        let code = place.site.code(ADA).await;
        place.answer(Ok((403, refusal())));
        let refused = browser.submit_json(&flow, json!({"method": "code", "code": code})).await;
        assert_eq!(
            (refused.status, messages(&refused.json())),
            (400, vec![123, 124]),
            "{kind}: {}",
            refused.body
        );
        assert!(!browser.cookies.contains_key("ory_kratos_session"));
        assert_eq!(place.identities().await[0]["verifiable_addresses"][0]["verified"], false, "{kind}");
        let asked = place.seen();
        assert_eq!(body(&asked[0])["identity"]["traits"]["email"], ADA);
    }
}
