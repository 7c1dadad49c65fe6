//! The check that a person is there: who is asked, in which order, and what is lost by whoever proves nothing.

use std::sync::Mutex;

use futures_util::future::BoxFuture;
use portcullis_identity::captcha::{CaptchaProof, CaptchaVerdict, CaptchaVerifier};
use portcullis_identity::flow::{Challenge, FlowError, FlowKind, Transport, flow_document};
use portcullis_identity::settings::{CaptchaFailure, Rate, Settings};
use portcullis_identity::{Flow, Step, Submission};
use serde_json::{Value, json};

use crate::openapi::Description;
use crate::world::{World, login, message};

const FAILED: u32 = 4_000_038;
const UNAVAILABLE: u32 = 8_000_050;
const FIELD: &str = "cf-turnstile-response";

const SIGN_UP: fn() -> FlowKind = || FlowKind::Registration { login_challenge: None };
const RECOVERY: fn() -> FlowKind = || FlowKind::Recovery { challenge: Challenge::ChooseMethod };
const VERIFICATION: fn() -> FlowKind = || FlowKind::Verification { challenge: Challenge::ChooseMethod };

/// Knows a person by the word `person`, does not answer to `silence`, and remembers what it was shown.
#[derive(Debug, Default)]
struct Service(Mutex<Vec<String>>);

impl CaptchaVerifier for &'static Service {
    fn verify<'a>(&'a self, proof: CaptchaProof<'a>) -> BoxFuture<'a, CaptchaVerdict> {
        let line = format!("{} {} {} {}", proof.tenant, proof.flow, proof.response, proof.address);
        self.0.lock().unwrap().push(line);
        Box::pin(std::future::ready(match proof.response {
            "person" => CaptchaVerdict::Passed,
            "silence" => CaptchaVerdict::Unavailable,
            _ => CaptchaVerdict::Refused,
        }))
    }
}

fn settings(more: &Value) -> Settings {
    let mut captcha = json!({"provider": "turnstile", "site_key": "key", "secret": "turnstile"});
    captcha.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut settings = Settings { captcha: serde_json::from_value(captcha).unwrap(), ..Settings::default() };
    settings.code.passwordless_enabled = true;
    settings.limits.mail = Rate { burst: 100, refill_seconds: 1 };
    settings
}

fn world(more: &Value) -> (World, &'static Service) {
    let service: &'static Service = Box::leak(Box::default());
    let mut world = World::with(settings(more));
    world.captcha = Box::new(service);
    (world, service)
}

fn with(body: &Value, proof: &str) -> Value {
    let mut body = body.clone();
    body[FIELD] = proof.into();
    body
}

/// What may be submitted of each form, where something is hashed or sent.
fn asked() -> Vec<(FlowKind, Value)> {
    let traits = json!({"email": "new@example.com"});
    vec![
        (
            login(None),
            json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"}),
        ),
        (login(None), json!({"method": "code", "identifier": "ada@example.com"})),
        (SIGN_UP(), json!({"method": "password", "password": "battery staple", "traits": traits})),
        (SIGN_UP(), json!({"method": "code", "traits": traits})),
        (RECOVERY(), json!({"method": "code", "email": "ada@example.com"})),
        (RECOVERY(), json!({"method": "code", "recovery_address": "ada@example.com"})),
        (RECOVERY(), json!({"method": "code", "recovery_confirm_address": "ada@example.com"})),
        (VERIFICATION(), json!({"method": "code", "email": "ada@example.com"})),
        (VERIFICATION(), json!({"email": "ada@example.com"})),
    ]
}

fn form(step: Result<Step, FlowError>) -> Flow {
    match step.unwrap() {
        Step::Form(flow) => *flow,
        step => panic!("no form: {step:?}"),
    }
}

/// Attack: a script signs in, signs up, or has mail sent.
#[tokio::test]
async fn each_form_asks_before_anything_is_hashed_sent_or_looked_up() {
    let (world, service) = world(&json!({}));
    world.person("ada@example.com").await;
    for (kind, body) in asked() {
        let before = world.people.asked();
        for (proof, expect, shown) in [
            ("", FAILED, 0),
            (" ", FAILED, 0),
            (&"x".repeat(8193), FAILED, 0),
            ("robot", FAILED, 1),
            ("silence", UNAVAILABLE, 1),
        ] {
            let step = world.submit(kind.clone(), None, &with(&body, proof)).await.unwrap();
            assert_eq!(message(&step), expect, "{} {body} {proof:.9}", kind.as_str());
            assert!(matches!(step, Step::Form(_)), "{step:?}");
            assert_eq!(service.0.lock().unwrap().drain(..).count(), shown, "{proof:.9}");
        }
        assert_eq!(world.people.asked(), before, "nobody was looked up: {body}");
        let step = world.submit(kind.clone(), None, &with(&body, "person")).await.unwrap();
        assert!(
            matches!(step, Step::SignedIn(_) | Step::Challenged { .. } | Step::Registered { .. }),
            "{step:?}"
        );
        let shown = format!("acme {} person 203.0.113.9", kind.as_str());
        assert_eq!(std::mem::take(&mut *service.0.lock().unwrap()), [shown]);
    }
}

/// Attack: scripts fail so often in somebody's name that they cannot sign in themselves.
#[tokio::test]
async fn who_proves_nothing_counts_for_the_own_address_and_for_no_identifier() {
    let (mut world, service) = world(&json!({}));
    world.person("ada@example.com").await;
    world.settings.limits.identifier = Rate { burst: 2, refill_seconds: 3600 };
    world.settings.limits.address = Rate { burst: 5, refill_seconds: 3600 };
    let body = json!({"method": "password", "identifier": "ada@example.com", "password": "wrong horse"});
    for _ in 0..4 {
        assert_eq!(form(world.submit(login(None), None, &with(&body, "robot")).await).messages[0].id, FAILED);
    }
    let right = json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"});
    for _ in 0..3 {
        let step = world.submit(login(None), None, &with(&right, "person")).await.unwrap();
        assert!(matches!(step, Step::SignedIn(_)), "{step:?}");
    }
    // Attack: each proof that is made up has us call somebody else's server.
    form(world.submit(login(None), None, &with(&body, "robot")).await);
    service.0.lock().unwrap().clear();
    let refused = world.submit(login(None), None, &with(&body, "robot")).await;
    assert!(matches!(refused, Err(FlowError::Limited(_))), "{refused:?}");
    assert!(service.0.lock().unwrap().is_empty());
}

/// Attack: one proof is good for as many passwords as one likes.
#[tokio::test]
async fn a_form_that_was_passed_asks_again_for_the_next_password_and_the_next_code() {
    let (world, service) = world(&json!({}));
    world.person("ada@example.com").await;
    let flow = world.flow(login(None), Transport::Browser);
    let wrong = json!({"method": "password", "identifier": "ada@example.com", "password": "wrong horse"});
    let flow = form(world.submit_to(&flow, &with(&wrong, "person")).await);
    assert_eq!(flow.messages[0].id, 4_000_006);
    assert_eq!(form(world.submit_to(&flow, &wrong).await).messages[0].id, FAILED);

    let (flow, letter) = {
        let body = json!({"method": "code", "identifier": "ada@example.com"});
        let Step::Challenged { flow, writes } = world.submit_to(&flow, &with(&body, "person")).await.unwrap()
        else {
            panic!("no code was sent")
        };
        let [portcullis_identity::Write::QueueMessage(letter)] = writes.as_slice() else {
            panic!("{writes:?}")
        };
        (*flow, (**letter).clone())
    };
    service.0.lock().unwrap().clear();
    for body in [
        json!({"method": "code", "resend": "code"}),
        json!({"method": "code", "identifier": "eve@example.com"}),
    ] {
        assert_eq!(form(world.submit_to(&flow, &body).await).messages[0].id, FAILED, "{body}");
    }
    // What was sent is proof of its own.
    let body = json!({"method": "code", "code": letter.mail.text});
    let step = world.submit_to(&flow, &body).await.unwrap();
    assert!(matches!(&step, Step::Once(step) if matches!(**step, Step::SignedIn(_))), "{step:?}");
    assert!(service.0.lock().unwrap().is_empty());
}

/// Attack: a form to sign up that was passed once has codes sent to whomever one likes.
#[tokio::test]
async fn a_form_to_sign_up_that_sent_a_code_sends_no_other_without_a_proof() {
    let (world, _) = world(&json!({}));
    let flow = world.flow(SIGN_UP(), Transport::Browser);
    let body = json!({"method": "code", "traits": {"email": "new@example.com"}});
    let Step::Challenged { flow, .. } = world.submit_to(&flow, &with(&body, "person")).await.unwrap() else {
        panic!("no code was sent")
    };
    let other = json!({"email": "victim@example.com"});
    for body in [
        json!({"method": "code", "traits": other}),
        json!({"method": "code", "traits": other, "token": "x"}),
        json!({"method": "code", "resend": "code", "code": "123456"}),
    ] {
        assert_eq!(form(world.tell(&flow, None, body.clone()).await).messages[0].id, FAILED, "{body}");
    }
    // A code that was typed is looked at, and nothing is sent.
    let wrong = world.tell(&flow, None, json!({"method": "code", "code": "123456"})).await.unwrap();
    assert!(matches!(wrong, Step::WrongCode(_)), "{wrong:?}");
}

#[tokio::test]
async fn the_code_of_recovery_needs_no_proof_and_another_one_does() {
    let (world, _) = world(&json!({}));
    world.person("ada@example.com").await;
    let flow = world.flow(RECOVERY(), Transport::Browser);
    let body = with(&json!({"email": "ada@example.com"}), "person");
    let Step::Challenged { flow, writes } = world.submit_to(&flow, &body).await.unwrap() else {
        panic!("not sent")
    };
    let [portcullis_identity::Write::QueueMessage(letter)] = writes.as_slice() else { panic!("{writes:?}") };
    let mut again = (*flow).clone();
    for name in ["email", "recovery_address", "recovery_confirm_address"] {
        again = form(world.submit_to(&flow, &json!({ name: "ada@example.com" })).await);
        assert_eq!(again.messages[0].id, FAILED, "{name}");
    }
    // The code that is on its way stays worth something.
    let step = world.submit_to(&again, &json!({"method": "code", "code": letter.mail.text})).await.unwrap();
    assert!(matches!(step, Step::Recovered(_)), "{step:?}");
}

#[tokio::test]
async fn the_tenant_says_which_forms_ask_and_what_silence_means() {
    let (world, service) = world(&json!({"flows": ["registration"], "native": false}));
    world.person("ada@example.com").await;
    for (kind, body) in asked() {
        for transport in [Transport::Browser, Transport::Api] {
            let flow = world.flow(kind.clone(), transport);
            let step = world.submit_to(&flow, &body).await.unwrap();
            let asks = kind.as_str() == "registration" && transport == Transport::Browser;
            assert_eq!(matches!(step, Step::Form(_)), asks, "{transport:?} {body}: {step:?}");
        }
    }
    assert!(service.0.lock().unwrap().is_empty());

    let (mut world, _) = self::world(&json!({"on_failure": "allow"}));
    world.person("ada@example.com").await;
    let body = json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"});
    let step = world.submit(login(None), None, &with(&body, "silence")).await.unwrap();
    assert!(matches!(step, Step::SignedIn(_)), "{step:?}");
    for proof in ["", "robot"] {
        assert_eq!(form(world.submit(login(None), None, &with(&body, proof)).await).messages[0].id, FAILED);
    }
    world.settings.captcha.as_mut().unwrap().on_failure = CaptchaFailure::Deny;
    let step = world.submit(login(None), None, &with(&body, "silence")).await.unwrap();
    assert_eq!(message(&step), UNAVAILABLE);
}

#[tokio::test]
async fn what_was_typed_stays_but_for_secrets() {
    let (world, _) = world(&json!({}));
    for (kind, body) in asked() {
        let flow = form(world.submit(kind.clone(), None, &with(&body, "robot")).await);
        let shown = world.shown_form(&flow);
        assert!(!shown.contains("correct horse") && !shown.contains("battery staple"), "{shown}");
        let typed = body["identifier"].as_str().or(body["traits"]["email"].as_str());
        assert!(typed.is_none_or(|typed| shown.contains(typed)), "{shown}");
    }
}

/// The nodes of the widget: type and name.
fn widget(document: &Value) -> Vec<String> {
    let nodes = document["ui"]["nodes"].as_array().unwrap().iter();
    let of = nodes.filter(|node| node["group"] == "captcha").map(|node| &node["attributes"]);
    of.map(|node| node["name"].as_str().or(node["id"].as_str()).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_widget_stands_where_it_is_asked_for_and_is_what_the_api_describes() {
    let whole =
        ["captcha_script", "captcha_turnstile_options", "transient_payload.captcha_turnstile_response"];
    let (world, _) = world(&json!({}));
    let ada = world.person("ada@example.com").await;
    let description = Description::load();
    let check = |flow: &Flow, expect: &[&str]| {
        let document = flow_document(flow, world.view());
        assert_eq!(widget(&document), expect, "{document}");
        if let Some(description) = &description {
            description.check(&format!("{}Flow", flow.kind.as_str()), &document);
        }
        document
    };
    for kind in [login(None), login(Some(ada.id)), SIGN_UP(), RECOVERY(), VERIFICATION()] {
        let document = check(&world.flow(kind.clone(), Transport::Browser), &whole);
        let nodes = document["ui"]["nodes"].as_array().unwrap();
        let options = nodes.iter().find(|node| node["attributes"]["name"] == whole[1]).unwrap();
        let options: Value = serde_json::from_str(options["attributes"]["value"].as_str().unwrap()).unwrap();
        assert_eq!((&options["sitekey"], &options["action"]), (&json!("key"), &json!(kind.as_str())));
        let at = |name: &str| {
            let is_it = |node: &Value| node["attributes"]["name"] == name || node["attributes"]["id"] == name;
            nodes.iter().position(is_it).unwrap()
        };
        assert!(at("captcha_script") < at("method"), "before the button: {document}");
        check(&world.flow(kind, Transport::Api), &whole[1..]);
    }
    let settings_form = world.flow(FlowKind::Settings { identity: ada.id, saved: false }, Transport::Browser);
    assert_eq!(widget(&flow_document(&settings_form, world.view())), [""; 0]);
    check(&world.flow(FlowKind::Recovery { challenge: Challenge::PassedChallenge }, Transport::Browser), &[]);
    let mut other = World::with(settings(&json!({"flows": ["login"], "native": false})));
    let document = |world: &World, kind, transport| flow_document(&world.flow(kind, transport), world.view());
    assert_eq!(widget(&document(&other, login(None), Transport::Browser)), whole);
    assert_eq!(widget(&document(&other, login(None), Transport::Api)), [""; 0]);
    assert_eq!(widget(&document(&other, SIGN_UP(), Transport::Browser)), [""; 0]);
    other.settings.captcha = None;
    assert_eq!(widget(&document(&other, login(None), Transport::Browser)), [""; 0]);
}

#[test]
fn a_proof_has_the_name_that_the_widget_or_the_document_has_for_it() {
    let schemas = portcullis_identity::schema::Schemas::compile(&Settings::default()).unwrap();
    for name in ["cf-turnstile-response", "h-captcha-response", "g-recaptcha-response"] {
        let json = Submission::from_json(json!({ name: "p" }).to_string().as_bytes()).unwrap();
        assert_eq!(json.captcha.as_deref(), Some("p"), "{name}");
    }
    for name in ["captcha_turnstile_response", "captcha_hcaptcha_response", "captcha_recaptcha_response"] {
        let body = json!({"transient_payload": { name: "p" }, FIELD: ""});
        let json = Submission::from_json(body.to_string().as_bytes()).unwrap();
        assert_eq!(json.captcha.as_deref(), Some("p"), "{name}");
        // A page has the empty node of the document and what the widget added, in either order.
        let pairs =
            [(format!("transient_payload.{name}"), ""), (FIELD.to_owned(), "p"), (FIELD.to_owned(), "")];
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
            let pairs = order.map(|at| (pairs[at].0.clone(), pairs[at].1.to_owned()));
            let form = Submission::from_form(pairs, schemas.default_schema());
            assert_eq!(form.captcha.as_deref(), Some("p"), "{order:?}");
        }
    }
    for body in [
        json!({FIELD: 3}),
        json!({"transient_payload": "p"}),
        json!({"transient_payload": {"x": "p"}}),
        json!({}),
    ] {
        assert_eq!(Submission::from_json(body.to_string().as_bytes()).unwrap().captcha, None, "{body}");
    }
}
