//! Verifying an address and getting back in, as browsers, single-page applications and native ones do it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, action, messages};
use crate::site::Site;

impl Site {
    /// The latest message to an address, as an operator sees it.
    pub(crate) async fn mail(&self, to: &str) -> Value {
        let mut operator = self.client();
        let list = operator.get_json(&format!("/admin/courier/messages?recipient={to}&page_size=1")).await;
        assert_eq!(list.status, 200, "{}", list.body);
        let listed = list.json();
        for member in ["body", "subject"] {
            assert_eq!(listed[0][member], "", "lists do not show what messages say");
        }
        let id = listed[0]["id"].as_str().unwrap().to_owned();
        operator.get_json(&format!("/admin/courier/messages/{id}")).await.json()
    }

    pub(crate) async fn code(&self, to: &str) -> String {
        let mail = self.mail(to).await;
        let text = mail["body"].as_str().unwrap();
        let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
        text.split_whitespace().find(digits).unwrap().to_owned()
    }
}

fn node<'a>(flow: &'a Value, name: &str) -> &'a Value {
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["attributes"]["name"] == name).unwrap_or(&Value::Null)
}

async fn flow(browser: &mut Client, kind: &str, page: &str) -> Value {
    let id = page.rsplit_once("flow=").unwrap().1;
    browser.get_json(&format!("/self-service/{kind}/flows?id={id}")).await.json()
}

#[tokio::test]
async fn somebody_who_forgot_the_password_sets_a_new_one_by_pages() {
    let site = Site::open().await;
    let mut elsewhere = site.signed_in("ada@example.com").await;
    let mut browser = site.client();
    let begun = browser.get("/self-service/recovery/browser?return_to=/ui/settings").await;
    let page = begun.location().to_owned();
    assert!(page.starts_with("/ui/recovery?flow="), "{page}");
    let form = flow(&mut browser, "recovery", &page).await;
    assert_eq!(form["state"], "choose_method");
    let sent = browser.submit(&form, &[("email", "ada@example.com"), ("method", "code")]).await;
    assert_eq!((sent.status, sent.location()), (303, page.as_str()));
    let form = flow(&mut browser, "recovery", &page).await;
    assert_eq!((form["state"].as_str(), messages(&form)), (Some("sent_email"), vec![1_060_003]));
    assert_eq!(node(&form, "email")["attributes"]["value"], "ada@example.com");

    let wrong = browser.submit(&form, &[("code", "000000"), ("method", "code")]).await;
    assert_eq!((wrong.status, wrong.location()), (303, page.as_str()));
    assert_eq!(messages(&flow(&mut browser, "recovery", &page).await), [4_060_006]);

    // The mail's link fills the form in and uses nothing up.
    let code = site.code("ada@example.com").await;
    let id = form["id"].as_str().unwrap();
    for _ in 0..2 {
        let followed = browser.get(&format!("/self-service/recovery?flow={id}&code={code}")).await;
        assert_eq!((followed.status, followed.location()), (303, page.as_str()));
    }
    let form = flow(&mut browser, "recovery", &page).await;
    assert_eq!(node(&form, "code")["attributes"]["value"], code);
    let html = browser.get(&page).await.body;
    assert!(html.contains(&format!("value=\"{code}\"")), "{html}");

    let back = browser.submit(&form, &[("code", &code), ("method", "code")]).await;
    assert_eq!(back.status, 303, "{}", back.body);
    let settings = back.location().to_owned();
    assert!(settings.starts_with("/ui/settings?flow="), "{settings}");
    assert!(browser.cookies.contains_key("ory_kratos_session"));
    let form = flow(&mut browser, "settings", &settings).await;
    assert_eq!(messages(&form), [1_060_001]);
    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(who["authentication_methods"][0]["method"], "code_recovery");
    assert_eq!(who["identity"]["verifiable_addresses"][0]["verified"], true);
    let saved = browser.submit(&form, &[("password", "battery staple"), ("method", "password")]).await;
    assert_eq!((saved.status, saved.location()), (303, "/ui/settings"), "{}", saved.body);
    assert_eq!(elsewhere.get_json("/sessions/whoami").await.status, 401, "others are signed out");
}

#[tokio::test]
async fn single_page_applications_are_told_where_to_go() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let form = browser.begin("recovery").await;
    let missing = browser.submit_json(&form, json!({"method": "code"})).await;
    assert_eq!((missing.status, messages(&missing.json())), (400, vec![4_000_002]));
    let sent = browser.submit_json(&form, json!({"method": "code", "email": "ada@example.com"})).await;
    assert_eq!((sent.status, sent.json()["state"].as_str()), (200, Some("sent_email")), "{}", sent.body);
    assert_eq!(sent.json()["active"], "code");
    let wrong = browser.submit_json(&form, json!({"method": "code", "code": "1"})).await;
    assert_eq!((wrong.status, messages(&wrong.json())), (400, vec![4_060_006]));
    let code = site.code("ada@example.com").await;
    let back = browser.submit_json(&form, json!({"method": "code", "code": code})).await;
    assert_eq!((back.status, back.error_id()), (422, "browser_location_change_required".to_owned()));
    let place = back.json()["redirect_browser_to"].as_str().unwrap().to_owned();
    assert!(place.contains("/ui/settings?flow="), "{place}");
    assert!(browser.cookies.contains_key("ory_kratos_session"));
    let settings = flow(&mut browser, "settings", &place).await;
    assert_eq!(settings["state"], "show_form", "the form is this browser's: {settings}");
    let again = browser.get_json("/self-service/recovery/browser").await;
    assert_eq!(again.error_id(), "session_already_available");
}

#[tokio::test]
async fn native_applications_get_a_session_token_and_a_settings_form() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut app = site.client();
    let form = app.get_json("/self-service/recovery/api").await.json();
    let sent = app.json("POST", &action(&form), &json!({"method": "code", "email": "ada@example.com"})).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert!(
        !site.mail("ada@example.com").await["body"].as_str().unwrap().contains("://"),
        "no browser, no link"
    );
    let code = site.code("ada@example.com").await;
    let back = app.json("POST", &action(&form), &json!({"method": "code", "code": code})).await;
    assert_eq!(
        (back.status, back.json()["state"].as_str()),
        (200, Some("passed_challenge")),
        "{}",
        back.body
    );
    assert!(app.cookies.is_empty());
    let steps = back.json()["continue_with"].clone();
    assert_eq!(steps[0]["action"], "set_ory_session_token");
    assert_eq!(steps[1]["action"], "show_settings_ui");
    let token = steps[0]["ory_session_token"].as_str().unwrap();
    let id = steps[1]["flow"]["id"].as_str().unwrap();
    let path = format!("/self-service/settings/flows?id={id}");
    let settings = app.send("GET", &path, &[("x-session-token", token)], "").await;
    assert_eq!((settings.status, messages(&settings.json())), (200, vec![1_060_001]));
    let again = app.json("POST", &action(&form), &json!({"method": "code", "code": code})).await;
    assert_eq!((again.status, messages(&again.json())), (400, vec![4_060_001]), "used once");
}

#[tokio::test]
async fn fifty_submits_of_a_code_at_a_time_let_one_in() {
    let site = Site::with(json!({"limits": {
        "identifier": {"burst": 1000, "refill_seconds": 1}, "address": {"burst": 1000, "refill_seconds": 1},
        "flow": {"burst": 1000, "refill_seconds": 1}, "code": {"burst": 1000, "refill_seconds": 1},
    }}))
    .await;
    site.person("ada@example.com").await;
    let mut app = site.client();
    let form = app.get_json("/self-service/recovery/api").await.json();
    app.json("POST", &action(&form), &json!({"method": "code", "email": "ada@example.com"})).await;
    let code = site.code("ada@example.com").await;
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

#[tokio::test]
async fn of_many_wrong_codes_at_a_time_none_is_told_that_is_not_counted() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut app = site.client();
    let form = app.get_json("/self-service/recovery/api").await.json();
    app.json("POST", &action(&form), &json!({"method": "code", "email": "ada@example.com"})).await;
    let tries = (0..15).map(|number| {
        let body = json!({"method": "code", "code": format!("x{number}")});
        let (mut app, path) = (site.client(), action(&form));
        tokio::spawn(async move { app.json("POST", &path, &body).await.status })
    });
    let mut told = 0;
    for one in tries.collect::<Vec<_>>() {
        let status = one.await.unwrap();
        assert!(matches!(status, 400 | 429 | 503), "{status}");
        told += usize::from(status == 400);
    }
    site.clock.advance(Duration::from_mins(10));
    for _ in told..5 {
        let wrong = app.json("POST", &action(&form), &json!({"method": "code", "code": "x"})).await;
        assert_eq!(messages(&wrong.json()), [4_060_006]);
    }
    let code = site.code("ada@example.com").await;
    let right = app.json("POST", &action(&form), &json!({"method": "code", "code": code})).await;
    assert_eq!((right.status, messages(&right.json())), (400, vec![4_060_006]), "tried too often");
}

#[tokio::test]
async fn answers_do_not_tell_whether_there_is_an_account() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    for kind in ["recovery", "verification"] {
        let mut answers = Vec::new();
        for email in ["ada@example.com", "bob@example.com"] {
            let mut app = site.client();
            let form = app.get_json(&format!("/self-service/{kind}/api")).await.json();
            let body = json!({"method": "code", "email": email});
            let sent = app.json("POST", &action(&form), &body).await;
            let mut document = sent.json();
            for field in ["id", "issued_at", "expires_at"] {
                document[field] = Value::Null;
            }
            let id = form["id"].as_str().unwrap();
            answers.push((sent.status, document.to_string().replace(id, "").replace(email, "")));
        }
        assert_eq!(answers[0], answers[1], "{kind}");
    }
    let decoy = site.mail("bob@example.com").await;
    assert_eq!((decoy["status"].as_str(), decoy["send_count"].as_u64()), (Some("abandoned"), Some(0)));
    let body = decoy["body"].as_str().unwrap();
    assert!(!body.contains("://"), "{body}");
}

#[tokio::test]
async fn signing_up_leads_to_the_form_that_verifies_the_address() {
    let site = Site::open().await;
    let mut browser = site.client();
    let form = browser.begin("registration").await;
    let body =
        json!({"method": "password", "password": "correct horse", "traits": {"email": "ada@example.com"}});
    let answer = browser.submit_json(&form, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let steps = answer.json()["continue_with"].clone();
    assert_eq!(steps[0]["action"], "show_verification_ui");
    assert_eq!(steps[0]["flow"]["verifiable_address"], "ada@example.com");
    assert_eq!(steps[1]["action"], "redirect_browser_to");
    let place = steps[0]["flow"]["url"].as_str().unwrap().to_owned();
    let form = flow(&mut browser, "verification", &place).await;
    assert_eq!(form["state"], "sent_email", "the form is this browser's: {form}");
    let code = site.code("ada@example.com").await;
    let done = browser.submit_json(&form, json!({"method": "code", "code": code})).await;
    assert_eq!(
        (done.status, done.json()["state"].as_str()),
        (200, Some("passed_challenge")),
        "{}",
        done.body
    );
    assert_eq!(messages(&done.json()), [1_080_002]);
    let who = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(who["identity"]["verifiable_addresses"][0]["status"], "completed");

    // A changed address is verified anew.
    let form = browser.begin("settings").await;
    let body = json!({"method": "profile", "traits": {"email": "lovelace@example.com"}});
    let saved = browser.submit_json(&form, body).await;
    assert_eq!(saved.json()["continue_with"][0]["action"], "show_verification_ui", "{}", saved.body);
    assert_eq!(saved.json()["identity"]["verifiable_addresses"][0]["verified"], false);
    assert_eq!(site.mail("lovelace@example.com").await["template_type"], "verification_code_valid");
}

#[tokio::test]
async fn an_operators_code_lets_somebody_in_from_any_browser() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    let mut operator = site.client();
    let body = json!({"identity_id": ada["id"], "expires_in": "2h"});
    let made = operator.json("POST", "/admin/recovery/code", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let link = made["recovery_link"].as_str().unwrap();
    let page = link.strip_prefix(crate::site::BASE).unwrap();
    let mut browser = site.client();
    let html = browser.get(page).await;
    assert_eq!(html.status, 200, "{}", html.body);
    assert!(html.body.contains("name=\"code\"") && !html.body.contains("name=\"email\""), "{}", html.body);
    let form = flow(&mut browser, "recovery", page).await;
    let code = made["recovery_code"].as_str().unwrap();
    let back = browser.submit(&form, &[("code", code), ("method", "code")]).await;
    assert!(back.location().starts_with("/ui/settings?flow="), "{} {}", back.status, back.body);

    for (body, status) in [
        (json!({"identity_id": "x"}), 400),
        (json!({"identity_id": "6f2f1c0e-0000-4000-8000-000000000000"}), 404),
        (json!({"identity_id": ada["id"], "expires_in": "yes"}), 400),
        (json!({"identity_id": ada["id"], "expires_in": "9000h"}), 400),
        (json!({}), 400),
    ] {
        assert_eq!(operator.json("POST", "/admin/recovery/code", &body).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn forms_of_another_browser_stay_closed() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let form = browser.begin("recovery").await;
    browser.submit_json(&form, json!({"method": "code", "email": "ada@example.com"})).await;
    let code = site.code("ada@example.com").await;
    let id = form["id"].as_str().unwrap();
    let mut other = site.client();
    other.begin("login").await;
    let seen = other.get_json(&format!("/self-service/recovery/flows?id={id}")).await;
    assert_eq!((seen.status, seen.error_id()), (403, "security_csrf_violation".to_owned()));
    let submitted = other.submit_json(&form, json!({"method": "code", "code": code})).await;
    assert_eq!((submitted.status, submitted.error_id()), (403, "security_csrf_violation".to_owned()));
    let followed = other.get(&format!("/self-service/recovery?flow={id}&code={code}")).await;
    assert_eq!(followed.location(), "/self-service/recovery/browser", "it begins anew there");
}

#[tokio::test]
async fn mail_and_sample_pages_are_not_shown_where_others_reach_the_node() {
    let site = Site::open().await;
    for path in ["/ui/dev/mail", "/ui/dev/pages", "/ui/dev/pages/login"] {
        assert_eq!(site.client().get(path).await.status, 404, "{path}");
    }
}
