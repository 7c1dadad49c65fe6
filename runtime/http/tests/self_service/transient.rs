//! `transient_payload`: kept with its form, for webhooks and messages of each later step.

use std::sync::Arc;

use primitives::transform::NoTransformHook;
use serde_json::{Value, json};

use crate::client::action;
use crate::site::Site;
use crate::webhooks::{ADA, PASSWORD, Place, Receiver, body, webhook};

/// A tenant whose server is told when these forms end, and whose words for codes name the payload.
async fn place(identity: Value) -> Place {
    let on = ["registration", "recovery", "verification", "login"]
        .map(|flow| json!({ "flow": flow, "when": "after" }));
    let words = json!({
        "subject": "For {{ transient_payload.campaign }}", "text": "{{ .RecoveryCode }}",
        "html": "<i>{{ transient_payload.campaign }}</i>{{ recovery_code }}",
    });
    let settings = json!({
        "webhook": [webhook(&json!({ "on": on }))],
        "identity": identity,
        "courier": { "templates": { "recovery_code_valid": { "default": words } } },
    });
    let receiver = Arc::new(Receiver::default());
    let site = Site::configured(settings, receiver.clone(), Arc::new(NoTransformHook)).await;
    Place { site, receiver }
}

fn payload() -> Value {
    json!({"campaign": "<spring>", "shop": {"id": 7}})
}

/// What the tenant's server was told last.
fn told(place: &Place) -> Value {
    let seen = place.seen();
    body(seen.last().unwrap_or_else(|| panic!("nobody was told")))
}

#[tokio::test]
async fn the_second_step_of_a_form_need_not_send_it_again() {
    for api in [false, true] {
        let place = place(json!({"registration": {"style": "profile_first"}})).await;
        let mut client = place.site.client();
        let start = if api { "api" } else { "browser" };
        let flow = client.get_json(&format!("/self-service/registration/{start}")).await.json();
        assert_eq!(flow["transient_payload"], Value::Null);
        let profile = json!({"method": "profile", "traits": {"email": ADA}, "transient_payload": payload()});
        let profiled = client.submit_json(&flow, profile).await;
        assert_eq!(profiled.status, 400, "{}", profiled.body);
        assert_eq!(profiled.json()["transient_payload"], payload(), "the form's document has it");
        let id = flow["id"].as_str().unwrap();
        let shown = client.get_json(&format!("/self-service/registration/flows?id={id}")).await.json();
        assert_eq!(shown["transient_payload"], payload());
        let last = json!({"method": "password", "password": PASSWORD, "traits": {"email": ADA}});
        let done = client.submit_json(&flow, last).await;
        assert_eq!(done.status, 200, "{}", done.body);
        let told = told(&place);
        assert_eq!(
            (&told["transient_payload"], &told["flow"]["transient_payload"]),
            (&payload(), &payload())
        );
        // The form that verifies the address goes on with it.
        let next = &done.json()["continue_with"];
        let next =
            next.as_array().unwrap().iter().find(|step| step["action"] == "show_verification_ui").unwrap();
        let id = next["flow"]["id"].as_str().unwrap();
        if api {
            let shown = client.get_json(&format!("/self-service/verification/flows?id={id}")).await.json();
            assert_eq!(shown["transient_payload"], payload());
        }
        let person = place.identities().await;
        assert!(!person.to_string().contains("spring"), "it is never the account's");
    }
}

#[tokio::test]
async fn messages_and_a_later_request_have_it_until_another_is_sent() {
    let place = place(json!({})).await;
    place.site.person(ADA).await;
    let mut browser = place.site.client();
    let flow = browser.begin("recovery").await;
    let asked = json!({"method": "code", "email": ADA, "transient_payload": payload()});
    assert_eq!(browser.submit_json(&flow, asked).await.status, 200);
    let first = place.site.mail(ADA).await;
    assert_eq!(first["subject"], "For <spring>");
    place.site.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(browser.submit_json(&flow, json!({"method": "code", "email": ADA})).await.status, 200);
    let second = place.site.mail(ADA).await;
    assert_eq!(second["subject"], "For <spring>", "whoever asks for another code need not send it again");
    place.site.clock.advance(std::time::Duration::from_mins(1));
    let other = json!({"method": "code", "email": ADA, "transient_payload": {"campaign": "autumn"}});
    assert_eq!(browser.submit_json(&flow, other).await.status, 200);
    let third = place.site.mail(ADA).await;
    assert_eq!(third["subject"], "For autumn");
    let code = place.site.code(ADA).await;
    place.seen();
    let passed = browser.submit_json(&flow, json!({"method": "code", "code": code})).await;
    assert_eq!(passed.status, 422, "{}", passed.body);
    assert_eq!(told(&place)["transient_payload"], json!({"campaign": "autumn"}));
}

#[tokio::test]
async fn a_payload_is_bounded_whatever_form_it_comes_in() {
    let place = place(json!({})).await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let deep = (0..9).fold(json!({}), |inner, _| json!({ "a": inner }));
    for payload in [json!({"a": "x".repeat(8 << 10)}), deep] {
        let refused =
            browser.submit_json(&flow, json!({"method": "password", "transient_payload": payload})).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(refused.body.contains("transient_payload"), "{}", refused.body);
        let text = payload.to_string();
        let refused = browser.submit(&flow, &[("method", "password"), ("transient_payload", &text)]).await;
        assert!(refused.location().starts_with("/ui/error?id="), "{}", refused.location());
    }
    let id = flow["id"].as_str().unwrap();
    let shown = browser.get_json(&format!("/self-service/login/flows?id={id}")).await.json();
    assert_eq!(shown["transient_payload"], Value::Null, "nothing of it was kept");
    let text = payload().to_string();
    let kept = browser.submit(&flow, &[("method", "password"), ("transient_payload", &text)]).await;
    assert!(kept.location().starts_with("/ui/login?flow="), "{}", kept.location());
    let shown = browser.get_json(&format!("/self-service/login/flows?id={id}")).await.json();
    assert_eq!(shown["transient_payload"], payload());
    assert!(action(&flow).contains(id));
    // One that is too large for a cookie is kept in a row.
    let large = json!({"a": "x".repeat(7 << 10)});
    let again = browser.submit_json(&flow, json!({"method": "password", "transient_payload": large})).await;
    assert_eq!((again.status, &again.json()["transient_payload"]), (400, &large));
    assert!(place.site.has_row(id).await);
}
