//! Codes by text message, as browsers and applications use them: to sign in, as a second factor, to verify, to get back in.

use serde_json::{Value, json};

use crate::client::{action, messages};
use crate::site::Site;

const ADA: &str = "+49301234567";
/// The same in a query.
const IN_QUERY: &str = "%2B49301234567";

fn schema(name: &str) -> Value {
    let phone = json!({"type": "string", "format": "tel", "title": name, "ory.sh/kratos": {
        "credentials": {"password": {"identifier": true}, "code": {"identifier": true, "via": "sms"}},
        "verification": {"via": "sms"},
        "recovery": {"via": "sms"},
    }});
    let traits = json!({"type": "object", "properties": {"phone": phone}, "required": ["phone"]});
    json!({"schema": {"type": "object", "properties": {"traits": traits}}, "selfservice_selectable": true})
}

async fn site(code: Value) -> Site {
    Site::with(json!({"schemas": {"default": schema("Phone"), "staff": schema("Desk")}, "code": code})).await
}

impl Site {
    async fn caller_of(&self, phone: &str) -> Value {
        let body = json!({
            "schema_id": "default",
            "traits": {"phone": phone},
            "credentials": {"password": {"config": {"password": "correct horse"}}},
        });
        let made = self.client().json("POST", "/admin/identities", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()
    }
}

fn names(flow: &Value) -> Vec<&str> {
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    nodes.iter().filter_map(|node| node["attributes"]["name"].as_str()).collect()
}

#[tokio::test]
async fn two_spellings_of_a_number_are_one_identity_that_signs_in_by_code() {
    let site = site(json!({"passwordless_enabled": true})).await;
    let ada = site.caller_of("+49 30 1234567").await;
    assert_eq!(ada["traits"]["phone"], ADA);
    let again = json!({"schema_id": "default", "traits": {"phone": "+49 (0)30/123 45 67"}});
    assert_eq!(site.client().json("POST", "/admin/identities", &again).await.status, 409);
    let mut app = site.client();
    let form = app.get_json("/self-service/login/api").await.json();
    let ask = json!({"method": "code", "identifier": "+49-30-1234567"});
    let sent = app.json("POST", &action(&form), &ask).await;
    assert_eq!(sent.json()["state"], "sent_email", "{}", sent.body);
    assert_eq!(site.mail(IN_QUERY).await["type"], "phone");
    let code = site.code(IN_QUERY).await;
    let done = app.json("POST", &action(&form), &json!({"method": "code", "code": code})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(done.json()["session"]["identity"]["id"], ada["id"]);
}

#[tokio::test]
async fn somebody_gets_back_in_by_a_text_message() {
    let site = site(json!({})).await;
    site.caller_of(ADA).await;
    let mut browser = site.client();
    let form = browser.begin("recovery").await;
    assert!(names(&form).contains(&"recovery_address"), "{form}");
    let ask = json!({"method": "code", "recovery_address": "+49 30 1234567"});
    let sent = browser.submit_json(&form, ask).await;
    assert_eq!((sent.status, messages(&sent.json())), (200, vec![1_060_004]), "{}", sent.body);
    let code = site.code(IN_QUERY).await;
    let back = browser.submit_json(&form, json!({"method": "code", "code": code})).await;
    assert_eq!(back.error_id(), "browser_location_change_required", "{}", back.body);
    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(who["authentication_methods"][0]["method"], "code_recovery");
    assert_eq!(who["identity"]["verifiable_addresses"][0]["verified"], true);
}

#[tokio::test]
async fn whoever_signs_up_verifies_the_number_by_the_text_message() {
    let site = site(json!({})).await;
    let mut app = site.client();
    let path = "/self-service/registration/api?identity_schema=staff";
    let form = app.get_json(path).await.json();
    assert!(form.to_string().contains("Desk"), "the schema that was asked for: {form}");
    let body = json!({"method": "password", "password": "battery staple", "traits": {"phone": ADA}});
    let made = app.json("POST", &action(&form), &body).await.json();
    assert_eq!(made["identity"]["schema_id"], "staff");
    let steps = made["continue_with"].as_array().unwrap();
    let step = steps.iter().find(|step| step["action"] == "show_verification_ui").unwrap();
    assert_eq!(step["flow"]["verifiable_address"], ADA);
    let path = format!("/self-service/verification?flow={}", step["flow"]["id"].as_str().unwrap());
    let code = site.code(IN_QUERY).await;
    let done = app.json("POST", &path, &json!({"method": "code", "code": code})).await;
    assert_eq!(
        (done.status, done.json()["state"].as_str()),
        (200, Some("passed_challenge")),
        "{}",
        done.body
    );
    assert_eq!(messages(&done.json()), [1_080_005]);
}

#[tokio::test]
async fn code_by_text_message_is_a_second_factor_at_the_number_that_via_names() {
    let site = site(json!({"mfa_enabled": true})).await;
    site.caller_of(ADA).await;
    let mut browser = site.client();
    site.sign_in(&mut browser, ADA).await;
    let refused = browser.get_json("/self-service/login/browser?aal=aal2&via=%2B49307654321").await;
    assert_eq!(refused.status, 400, "another number: {}", refused.body);
    let form = browser.get_json(&format!("/self-service/login/browser?aal=aal2&via={IN_QUERY}")).await.json();
    assert!(!form.to_string().contains(ADA), "whoever has the password alone does not learn the number");
    let sent = browser.submit_json(&form, json!({"method": "code", "address": "****67"})).await;
    assert_eq!(sent.json()["state"], "sent_email", "{}", sent.body);
    let code = site.code(IN_QUERY).await;
    let done = browser.submit_json(&form, json!({"method": "code", "code": code})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(who["authenticator_assurance_level"], "aal2");
}

/// By pages, without scripts: each step is a button of a form.
#[tokio::test]
async fn somebody_chooses_the_phone_where_they_typed_their_mail_address() {
    let reached = |via: &str| {
        json!({"type": "string", "ory.sh/kratos": {
            "credentials": {"password": {"identifier": true}}, "recovery": {"via": via},
        }})
    };
    let traits =
        json!({"type": "object", "properties": {"email": reached("email"), "phone": reached("sms")}});
    let schemas =
        json!({"default": {"schema": {"properties": {"traits": traits}}, "selfservice_selectable": true}});
    let site = Site::with(json!({"schemas": schemas, "recovery": {"choose_address": true}})).await;
    let body = json!({"schema_id": "default", "traits": {"email": "ada@example.com", "phone": ADA}});
    assert_eq!(site.client().json("POST", "/admin/identities", &body).await.status, 201);
    let mut browser = site.client();
    let page = browser.get("/self-service/recovery/browser").await.location().to_owned();
    let read = format!("/self-service/recovery/flows?id={}", page.rsplit_once("flow=").unwrap().1);
    let form = browser.get_json(&read).await.json();
    let sent = browser.submit(&form, &[("recovery_address", "ada@example.com"), ("method", "code")]).await;
    assert_eq!((sent.status, sent.location()), (303, page.as_str()), "{}", sent.body);

    let asked = browser.get_json(&read).await.json();
    assert_eq!((asked["state"].as_str(), messages(&asked)), (Some("choose_method"), vec![1_060_006]));
    let html = browser.get(&page).await.body;
    assert!(html.contains("To which of your addresses") && html.contains(">****67</button>"), "{html}");
    assert!(!html.contains(ADA) && !html.contains("ada@example.com"), "{html}");
    let nodes = asked["ui"]["nodes"].as_array().unwrap();
    let button = nodes.iter().find(|node| node["meta"]["label"]["text"] == "****67").unwrap();
    let mark = button["attributes"]["value"].as_str().unwrap();
    browser.submit(&asked, &[("method", "code"), ("recovery_select_address", mark)]).await;
    let html = browser.get(&page).await.body;
    assert!(html.contains("Enter this address in full") && html.contains("type=\"tel\""), "{html}");
    // Back, and the same again.
    browser
        .submit(&asked, &[("method", "code"), ("recovery_confirm_address", ""), ("screen", "previous")])
        .await;
    assert!(names(&browser.get_json(&read).await.json()).contains(&"recovery_address"));

    let full = [("recovery_confirm_address", "+49 30 1234567"), ("method", "code")];
    browser.submit(&asked, &full).await;
    let code = site.code(IN_QUERY).await;
    let back = browser.submit(&asked, &[("code", &code), ("method", "code")]).await;
    assert!(back.location().starts_with("/ui/settings?flow="), "{} {}", back.status, back.body);
}
