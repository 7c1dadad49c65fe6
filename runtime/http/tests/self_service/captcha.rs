//! The check that a person is there, by a service that answers as it is told to: what it is asked, and what comes of its
//! answers.

use std::collections::BTreeMap;

use primitives::outbound::{OutboundError, OutboundRequest, Reach};
use serde_json::{Value, json};

use crate::client::{Client, Response, action, messages};
use crate::webhooks::{PASSWORD, Place};

const SECRET: &str = "0xhunter2";
const FAILED: u64 = 4_000_038;
const UNAVAILABLE: u64 = 8_000_050;

async fn place(provider: &str, more: &Value) -> Place {
    let mut captcha = json!({"provider": provider, "site_key": "site-key", "secret": "captcha"});
    captcha.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let place = Place::with(json!([]), json!({ "captcha": captcha })).await;
    let set = json!({ "value": SECRET });
    assert_eq!(
        place.site.client().json("PUT", "/admin/portcullis/v1/secrets/captcha", &set).await.status,
        204
    );
    place
}

#[expect(clippy::unnecessary_wraps, reason = "as a service answers")]
fn person() -> Result<(u16, Value), OutboundError> {
    Ok((200, json!({"success": true, "hostname": "id.example", "action": "login"})))
}

fn fields(request: &OutboundRequest) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

async fn sign_in(browser: &mut Client, proof: &str) -> Response {
    let flow = browser.begin("login").await;
    let body = json!({
        "method": "password", "identifier": "ada@example.com", "password": PASSWORD,
        "transient_payload": { "captcha_turnstile_response": proof },
    });
    browser.submit_json(&flow, body).await
}

#[tokio::test]
async fn the_service_is_asked_by_its_rules_and_lets_a_person_in() {
    for (provider, host, site_key) in [
        ("turnstile", "https://challenges.cloudflare.com/turnstile/v0/siteverify", None),
        ("hcaptcha", "https://api.hcaptcha.com/siteverify", Some("site-key")),
        ("recaptcha", "https://www.google.com/recaptcha/api/siteverify", None),
    ] {
        let place = place(provider, &json!({"hostname": "id.example"})).await;
        place.site.person("ada@example.com").await;
        place.answer(person());
        let answer = sign_in(&mut place.site.client(), "the proof").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let seen = place.seen();
        let [request] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((request.method, request.url.as_str()), ("POST", host));
        assert_eq!(request.reach, Reach::Public, "the tenant is not the operator's");
        assert!(request.max_response_bytes <= 64 << 10 && request.timeout.as_secs() <= 10);
        let sent = fields(request);
        let of = |name: &str| sent.get(name).map(String::as_str);
        assert_eq!((of("secret"), of("response")), (Some(SECRET), Some("the proof")));
        assert_eq!((of("remoteip"), of("sitekey")), (Some("127.0.0.1"), site_key));
        // In no document: neither for the page, nor for whoever reads settings.
        let mut browser = place.site.client();
        let flow = browser.begin("login").await;
        assert!(flow.to_string().contains("site-key") && !flow.to_string().contains(SECRET));
    }
}

/// Attack: a proof that is spent, made up, or made elsewhere; a service that is down. And the form goes on to be usable.
#[tokio::test]
async fn each_refusal_gives_the_form_back_with_words() {
    let place = place("turnstile", &json!({"hostname": "id.example"})).await;
    place.site.person("ada@example.com").await;
    let refused = |codes: &[&str]| Ok((200, json!({"success": false, "error-codes": codes})));
    let elsewhere =
        |host: &str, action: &str| Ok((200, json!({"success": true, "hostname": host, "action": action})));
    for (answer, expect) in [
        (refused(&["timeout-or-duplicate"]), FAILED),
        (refused(&["invalid-input-response"]), FAILED),
        (elsewhere("rival.example", "login"), FAILED),
        (elsewhere("id.example", "newsletter"), FAILED),
        (refused(&["invalid-input-secret"]), UNAVAILABLE),
        (Ok((500, json!({"success": true, "hostname": "id.example"}))), UNAVAILABLE),
        (Ok((200, json!("yes"))), UNAVAILABLE),
        (Err(OutboundError::Timeout), UNAVAILABLE),
        (Err(OutboundError::Forbidden), UNAVAILABLE),
        (Err(OutboundError::TooLarge), UNAVAILABLE),
    ] {
        place.answer(answer);
        let mut browser = place.site.client();
        let answer = sign_in(&mut browser, "proof").await;
        assert_eq!((answer.status, messages(&answer.json())), (400, vec![expect]), "{}", answer.body);
        assert!(!browser.cookies.contains_key("ory_kratos_session"));
        assert_eq!(place.seen().len(), 1);
    }
    // None at all costs the service nothing.
    let answer = sign_in(&mut place.site.client(), "").await;
    assert_eq!((answer.status, messages(&answer.json())), (400, vec![FAILED]));
    assert!(place.seen().is_empty());
}

/// Attack: a proof that let somebody in is brought again. Whether it is spent the service knows, so it is asked each time.
#[tokio::test]
async fn a_replayed_proof_is_shown_to_the_service_again() {
    let place = place("turnstile", &json!({})).await;
    place.site.person("ada@example.com").await;
    place.answer(person());
    assert_eq!(sign_in(&mut place.site.client(), "same").await.status, 200);
    place.answer(Ok((200, json!({"success": false, "error-codes": ["timeout-or-duplicate"]}))));
    assert_eq!(sign_in(&mut place.site.client(), "same").await.status, 400);
    let shown: Vec<String> = place.seen().iter().map(|request| fields(request)["response"].clone()).collect();
    assert_eq!(shown, ["same", "same"]);
}

/// Attack: whoever deletes the secret, or forgot it, leaves a form that lets everybody through.
#[tokio::test]
async fn a_tenant_without_its_secret_lets_nobody_through_and_asks_nobody() {
    let place = place("turnstile", &json!({})).await;
    place.site.person("ada@example.com").await;
    let gone = place.site.client().json("DELETE", "/admin/portcullis/v1/secrets/captcha", &Value::Null).await;
    assert_eq!(gone.status, 204);
    place.answer(person());
    let answer = sign_in(&mut place.site.client(), "proof").await;
    assert_eq!((answer.status, messages(&answer.json())), (400, vec![UNAVAILABLE]));
    assert!(place.seen().is_empty());
}

#[tokio::test]
async fn every_form_of_every_kind_of_client_asks() {
    let place = place("turnstile", &json!({})).await;
    place.site.person("ada@example.com").await;
    let traits = json!({"email": "eve@example.com"});
    for (kind, body) in [
        ("login", json!({"method": "password", "identifier": "ada@example.com", "password": PASSWORD})),
        ("registration", json!({"method": "password", "password": "moss-covered lantern", "traits": traits})),
        ("recovery", json!({"method": "code", "email": "ada@example.com"})),
        ("verification", json!({"method": "code", "email": "ada@example.com"})),
    ] {
        let mut app = place.site.client();
        let flow = app.get_json(&format!("/self-service/{kind}/api")).await.json();
        let answer = app.json("POST", &action(&flow), &body).await;
        assert_eq!((answer.status, messages(&answer.json())), (400, vec![FAILED]), "{kind}: {}", answer.body);

        let mut browser = place.site.client();
        let flow = browser.begin(kind).await;
        let answer = browser.submit_json(&flow, body.clone()).await;
        assert_eq!((answer.status, messages(&answer.json())), (400, vec![FAILED]), "{kind}: {}", answer.body);
        assert!(place.seen().is_empty(), "{kind}");
        place.answer(Ok((200, json!({"success": true, "action": kind}))));
        let mut body = body;
        body["cf-turnstile-response"] = "proof".into();
        let answer = browser.submit_json(&flow, body).await;
        assert_ne!(answer.json()["ui"]["messages"][0]["id"], FAILED, "{kind}: {}", answer.body);
        assert_eq!(place.seen().len(), 1, "{kind}");
    }
    let listed = place.site.client().get_json("/admin/courier/messages").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3, "one each that was asked for with a proof: {listed}");
}

/// The widget stands on the forms of the tenants that have it, and its service's sources in the policy of those pages alone.
#[tokio::test]
async fn pages_show_the_widget_and_let_its_service_in_and_no_other_page_does() {
    let (with, without) =
        (place("turnstile", &json!({"flows": ["login", "recovery"]})).await, Place::open(json!([])).await);
    let page = async |place: &Place, kind: &str| {
        let mut browser = place.site.client();
        let at = browser.get(&format!("/self-service/{kind}/browser")).await.location().to_owned();
        browser.get(&at).await
    };
    for kind in ["login", "recovery"] {
        let page = page(&with, kind).await;
        let policy = page.header("content-security-policy");
        for directive in ["script-src", "frame-src"] {
            let sources = policy.split("; ").filter(|part| part.starts_with(directive)).collect::<Vec<_>>();
            assert_eq!(sources.len(), 1, "{kind}: {policy}");
            assert!(sources[0].ends_with(" https://challenges.cloudflare.com"), "{kind}: {policy}");
        }
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let widget =
            format!("<div class=\"cf-turnstile\" data-sitekey=\"site-key\" data-action=\"{kind}\"></div>");
        assert!(page.body.contains(&widget), "{}", page.body);
        assert!(
            page.body.contains(
                "<script src=\"https://challenges.cloudflare.com/turnstile/v0/api.js\" async defer>"
            )
        );
        assert!(page.body.contains("<noscript><p class=\"hint\">This form checks"), "{}", page.body);
        let (at, button) = (page.body.find(&widget).unwrap(), page.body.find("name=\"method\"").unwrap());
        assert!(at < button, "the widget is above the button: {}", page.body);
        assert_eq!(page.header("referrer-policy"), "strict-origin-when-cross-origin");
    }
    for (place, kind) in
        [(&with, "registration"), (&with, "verification"), (&without, "login"), (&without, "recovery")]
    {
        let page = page(place, kind).await;
        assert!(!page.header("content-security-policy").contains("cloudflare"), "{kind}");
        assert!(!page.header("content-security-policy").contains("frame-src"), "{kind}");
        assert!(!page.body.contains("cf-turnstile") && !page.body.contains("cloudflare"), "{kind}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{kind}");
    }
    assert!(!with.site.client().get("/").await.header("content-security-policy").contains("cloudflare"));
}

/// A form without a script: what the widget adds by itself comes beside the empty field of the page.
#[tokio::test]
async fn a_page_that_is_refused_says_so_in_the_language_of_its_reader() {
    let place = place("hcaptcha", &json!({})).await;
    place.site.person("ada@example.com").await;
    for (language, expect) in [
        ("en", "We could not confirm that you are a person."),
        ("de", "Wir konnten nicht bestätigen, dass Sie ein Mensch sind."),
        ("fr", "Nous n’avons pas pu confirmer que vous êtes une personne."),
        ("es", "No hemos podido confirmar que es una persona."),
    ] {
        place.answer(Ok((200, json!({"success": false, "error-codes": ["invalid-input-response"]}))));
        let mut browser = place.site.client();
        let flow = browser.begin("login").await;
        let form = [
            ("identifier", "ada@example.com"),
            ("password", PASSWORD),
            ("transient_payload.captcha_hcaptcha_response", ""),
            ("g-recaptcha-response", "proof"),
            ("h-captcha-response", "proof"),
            ("method", "password"),
        ];
        let answer = browser.submit(&flow, &form).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let at = format!("{}&ui_locales={language}", answer.location());
        let page = browser.get(at.strip_prefix("https://id.example").unwrap_or(&at)).await;
        assert!(page.body.contains(expect), "{language}: {}", page.body);
        assert!(page.body.contains("value=\"ada@example.com\""), "{}", page.body);
    }
    assert_eq!(fields(&place.seen()[0])["response"], "proof");
}
