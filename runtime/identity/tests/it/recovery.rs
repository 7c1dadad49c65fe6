//! Verifying an address and getting back in: what a code is worth, and what nobody learns.

use std::time::Duration;

use portcullis_identity::courier::{MailTemplate, NewMessage};
use portcullis_identity::flow::{
    Caller, Challenge, FlowError, FlowKind, Transport, next_step, recovery_by_operator,
};
use portcullis_identity::session::Method;
use portcullis_identity::{Flow, Settings, Step, Submission, Write};
use primitives::{Actor, Change, ClientAddress};
use serde_json::json;

use crate::world::{World, message};

const RECOVERY: fn() -> FlowKind = || FlowKind::Recovery { challenge: Challenge::ChooseMethod };
const VERIFICATION: fn() -> FlowKind = || FlowKind::Verification { challenge: Challenge::ChooseMethod };

impl World {
    pub(crate) async fn go_on(&self, flow: &Flow, body: serde_json::Value) -> Result<Step, FlowError> {
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: Some("test"), session: None };
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller, flow.clone(), submission)).await
    }

    /// Asks for a code: the form that asks for it, and the message that brings it.
    pub(crate) async fn ask(&self, kind: FlowKind, email: &str) -> (Flow, NewMessage) {
        let flow = self.flow(kind, Transport::Browser);
        let step = self.go_on(&flow, json!({"method": "code", "email": email})).await.unwrap();
        let Step::Challenged { flow, writes } = step else { panic!("no code was sent: {step:?}") };
        let [Write::QueueMessage(message)] = writes.as_slice() else { panic!("{writes:?}") };
        (*flow, (**message).clone())
    }
}

pub(crate) fn code(message: &NewMessage) -> serde_json::Value {
    json!({"method": "code", "code": message.mail.text})
}

fn replaced(change: &Change<Write>) -> Option<bool> {
    change.writes.iter().find_map(|write| match write {
        Write::ReplaceIdentity(identity) => Some(identity.verifiable_addresses[0].verified),
        _ => None,
    })
}

#[tokio::test]
async fn the_code_of_the_mail_proves_the_address() {
    let world = World::new();
    world.person("ada@example.com").await;
    let (flow, message) = world.ask(VERIFICATION(), "ADA@example.com").await;
    assert_eq!(
        (message.template, message.recipient.as_str()),
        (MailTemplate::VerificationCodeValid, "ada@example.com")
    );
    assert!(
        message.is_sent
            && message.mail.html.contains(&format!("flow={}&code={}", flow.id, message.mail.text))
    );
    let Step::Verified { flow, identity, change } = world.go_on(&flow, code(&message)).await.unwrap() else {
        panic!("not verified")
    };
    assert_eq!(flow.kind, FlowKind::Verification { challenge: Challenge::PassedChallenge });
    assert_eq!(flow.messages[0].id, 1_080_002);
    assert!(identity.verifiable_addresses[0].verified);
    assert_eq!(replaced(&change), Some(true));
    let again = world.go_on(&flow, code(&message)).await.unwrap();
    assert_eq!(crate::world::message(&again), 4_070_002);
}

#[tokio::test]
async fn the_code_of_the_mail_lets_its_owner_in_with_a_young_session() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let (flow, message) = world.ask(RECOVERY(), "ada@example.com").await;
    assert_eq!(message.template, MailTemplate::RecoveryCodeValid);
    let Step::Recovered(recovered) = world.go_on(&flow, code(&message)).await.unwrap() else {
        panic!("not back in")
    };
    assert_eq!(recovered.identity.id, ada.id);
    assert_eq!(recovered.session.methods[0].method, Method::CodeRecovery);
    assert!(recovered.session.is_privileged(world.now, &world.settings.session));
    assert_eq!(
        recovered.settings.as_ref().unwrap().kind,
        FlowKind::Settings { identity: ada.id, saved: false }
    );
    assert_eq!(recovered.settings.as_ref().unwrap().messages[0].id, 1_060_001);
    let change = recovered.change.seal(&world.sealer);
    assert_eq!(replaced(&change), Some(true), "whoever has the code has the address");
}

#[tokio::test]
async fn a_code_is_worth_nothing_elsewhere_later_or_after_too_many_tries() {
    let mut world = World::new();
    world.person("ada@example.com").await;
    let (flow, letter) = world.ask(RECOVERY(), "ada@example.com").await;
    let (other, _) = world.ask(RECOVERY(), "ada@example.com").await;
    let wrong = |step: Result<Step, FlowError>| match step.unwrap() {
        Step::WrongCode(flow) => (flow.messages[0].id, *flow),
        step => panic!("not refused: {step:?}"),
    };
    assert_eq!(wrong(world.go_on(&other, code(&letter)).await).0, 4_060_006, "another flow's");
    world.now = world.now.after(Duration::from_mins(15));
    assert_eq!(wrong(world.go_on(&flow, code(&letter)).await).0, 4_060_006, "too old");
    let (flow, letter) = world.ask(RECOVERY(), "ada@example.com").await;
    let mut tried = flow.clone();
    for _ in 0..5 {
        tried = wrong(world.go_on(&tried, json!({"method": "code", "code": "x"})).await).1;
    }
    assert_eq!(wrong(world.go_on(&tried, code(&letter)).await).0, 4_060_006, "tried too often");
    assert!(
        matches!(world.go_on(&flow, code(&letter)).await.unwrap(), Step::Recovered(_)),
        "it was the right one"
    );
}

#[tokio::test]
async fn a_new_code_makes_the_one_before_worthless() {
    let world = World::new();
    world.person("ada@example.com").await;
    let (flow, first) = world.ask(RECOVERY(), "ada@example.com").await;
    let step =
        world.go_on(&flow, json!({"method": "code", "email": "ada@example.com", "code": ""})).await.unwrap();
    let Step::Challenged { flow, writes } = step else { panic!("no code was sent") };
    let [Write::QueueMessage(second)] = writes.as_slice() else { panic!("{writes:?}") };
    assert_ne!(first.mail.text, second.mail.text);
    assert!(matches!(world.go_on(&flow, code(&first)).await.unwrap(), Step::WrongCode(_)));
    assert!(matches!(world.go_on(&flow, code(second)).await.unwrap(), Step::Recovered(_)));
}

/// What whoever asks sees of it, without what is drawn at random.
fn seen(flow: &Flow) -> String {
    let base = Flow { id: primitives::FlowId(uuid::Uuid::nil()), ..flow.clone() };
    let schemas = portcullis_identity::schema::Schemas::compile(&Settings::default()).unwrap();
    let view = portcullis_identity::flow::FlowView {
        base_url: "https://id.example",
        schema: schemas.default_schema(),
        csrf_token: Some("x"),
        identity: None,
        providers: &[],
        script_integrity: "sha512-x",
        captcha: None,
    };
    portcullis_identity::flow::flow_document(&base, view).to_string()
}

#[tokio::test]
async fn whether_there_is_an_account_shows_in_nothing() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    world.person("eve@example.com").await;
    world.people.disable(ada.id);
    for kind in [RECOVERY, VERIFICATION] {
        let (known, sent) = world.ask(kind(), "eve@example.com").await;
        assert!(sent.is_sent);
        for address in ["bob@example.com", "ada@example.com"] {
            let (unknown, decoy) = world.ask(kind(), address).await;
            assert_eq!(seen(&unknown).replace(address, "eve@example.com"), seen(&known), "{address}");
            if kind().as_str() == "verification" && address.starts_with("ada") {
                continue;
            }
            assert!(!decoy.is_sent, "{address}: the same write, and nothing is sent");
            assert_eq!((decoy.template, decoy.mail.text.len()), (sent.template, sent.mail.text.len()));
            let right = json!({"method": "code", "code": decoy.mail.text});
            let refused = world.go_on(&unknown, right).await.unwrap();
            assert!(matches!(refused, Step::WrongCode(_)), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn unknown_recipients_are_told_where_the_operator_wants_it() {
    let mut settings = Settings::default();
    settings.recovery.notify_unknown_recipients = true;
    let world = World::with(settings);
    let (_, message) = world.ask(RECOVERY(), "bob@example.com").await;
    assert!(message.is_sent);
    assert_eq!((message.template, message.mail.text.as_str()), (MailTemplate::RecoveryCodeInvalid, ""));
}

#[tokio::test]
async fn the_code_goes_to_the_address_of_the_account_whatever_is_typed() {
    let world = World::new();
    world.person("ada@example.com").await;
    for typed in ["ＡＤＡ@example.com", "ada\u{200b}@EXAMPLE.com"] {
        let (_, message) = world.ask(RECOVERY(), typed).await;
        assert_eq!(message.recipient, "ada@example.com", "{typed:?}");
    }
    let (_, message) = world.ask(RECOVERY(), "\u{430}da@example.com").await;
    assert!(!message.is_sent, "a look-alike is nobody's");
}

#[tokio::test]
async fn codes_to_one_address_and_tries_for_it_are_counted_whatever_the_form() {
    let world = World::new();
    world.person("ada@example.com").await;
    let mut last = None;
    for _ in 0..5 {
        last = Some(world.ask(RECOVERY(), "ada@example.com").await.0);
    }
    let flow = world.flow(RECOVERY(), Transport::Api);
    let sixth = world.go_on(&flow, json!({"method": "code", "email": "Ada@example.com"})).await;
    assert!(matches!(sixth, Err(FlowError::Limited(_))));
    let flow = last.unwrap();
    for _ in 0..15 {
        let wrong = world.go_on(&flow, json!({"method": "code", "code": "1"})).await.unwrap();
        assert!(matches!(wrong, Step::WrongCode(_)));
    }
    let refused = world.go_on(&flow, json!({"method": "code", "code": "1"})).await;
    assert!(matches!(refused, Err(FlowError::Limited(_))));
}

#[tokio::test]
async fn what_is_missing_or_no_address_is_told_at_its_field() {
    let world = World::new();
    for (body, field, id) in [
        (json!({"method": "code"}), "email", 4_000_002),
        (json!({"method": "code", "email": " "}), "email", 4_000_002),
        (json!({"method": "code", "email": "ada"}), "email", 4_000_001),
        (json!({"method": "code", "code": "123456"}), "email", 4_000_002),
    ] {
        let flow = world.flow(RECOVERY(), Transport::Api);
        let Step::Form(flow) = world.go_on(&flow, body.clone()).await.unwrap() else { panic!("{body}") };
        assert_eq!((flow.field_messages[0].0.as_str(), flow.field_messages[0].1.id), (field, id), "{body}");
    }
    let flow = world.flow(RECOVERY(), Transport::Api);
    let other = world.go_on(&flow, json!({"method": "password", "password": "x"})).await.unwrap();
    assert_eq!(message(&other), 4_010_005);
}

#[tokio::test]
async fn closed_forms_are_closed() {
    let mut settings = Settings::default();
    (settings.recovery.enabled, settings.verification.enabled) = (false, false);
    let world = World::with(settings);
    for kind in [RECOVERY(), VERIFICATION()] {
        let flow = world.flow(kind, Transport::Api);
        let step = world.go_on(&flow, json!({"method": "code", "email": "ada@example.com"})).await;
        assert!(matches!(step, Err(FlowError::Closed)), "{step:?}");
    }
}

#[tokio::test]
async fn a_code_of_an_operator_lets_in_and_proves_no_address() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let lifespan = Duration::from_hours(48);
    let (flow, code, _) = recovery_by_operator(world.room(), Actor::System, &ada, (Transport::Api, lifespan));
    assert_eq!(flow.expires_at, world.now.after(lifespan));
    let Step::Recovered(recovered) =
        world.go_on(&flow, json!({"method": "code", "code": code})).await.unwrap()
    else {
        panic!("not back in")
    };
    assert_eq!(recovered.identity.id, ada.id);
    assert_eq!(replaced(&recovered.change.seal(&world.sealer)), None);
    world.people.disable(ada.id);
    let refused = world.go_on(&flow, json!({"method": "code", "code": code})).await.unwrap();
    assert!(matches!(refused, Step::WrongCode(_)), "whoever may not sign in gets in by nothing");
}

#[tokio::test]
async fn signing_up_and_changing_an_address_send_a_code() {
    let world = World::new();
    let body = json!({
        "method": "password", "password": "correct horse", "traits": {"email": "ada@example.com"},
    });
    let step = world.submit(FlowKind::Registration { login_challenge: None }, None, &body).await.unwrap();
    let Step::Registered { verifications, change, .. } = step else { panic!("not registered: {step:?}") };
    let change = change.seal(&world.sealer);
    world.people.apply(&change);
    let letter = |change: &Change<Write>| {
        change.writes.iter().find_map(|write| match write {
            Write::QueueMessage(message) => Some((**message).clone()),
            _ => None,
        })
    };
    let sent = letter(&change).unwrap();
    assert_eq!((sent.recipient.as_str(), verifications.len()), ("ada@example.com", 1));
    assert!(matches!(world.go_on(&verifications[0], code(&sent)).await.unwrap(), Step::Verified { .. }));

    let live = world.sign_in("ada@example.com").await;
    let kind = || FlowKind::Settings { identity: live.identity().id, saved: false };
    for (email, codes) in [("ada@example.com", 0), ("lovelace@example.com", 1)] {
        let body = json!({"method": "profile", "traits": {"email": email}});
        let step = world.submit(kind(), Some(&live), &body).await.unwrap();
        let Step::Saved { verifications, change, .. } = step else { panic!("not saved: {step:?}") };
        assert_eq!((verifications.len(), letter(&change).iter().count()), (codes, codes), "{email}");
    }
}

#[tokio::test]
async fn documents_are_those_of_the_api_in_every_state() {
    let Some(description) = crate::openapi::Description::load() else { return };
    let world = World::new();
    world.person("ada@example.com").await;
    let document = |flow: &Flow| serde_json::from_str(&seen(flow)).unwrap();
    for (kind, schema) in [(RECOVERY, "recoveryFlow"), (VERIFICATION, "verificationFlow")] {
        description.check(schema, &document(&world.flow(kind(), Transport::Browser)));
        let (sent, letter) = world.ask(kind(), "ada@example.com").await;
        description.check(schema, &document(&sent));
        let passed = match world.go_on(&sent, code(&letter)).await.unwrap() {
            Step::Recovered(recovered) => recovered.flow,
            Step::Verified { flow, .. } => *flow,
            step => panic!("{step:?}"),
        };
        description.check(schema, &document(&passed));
    }
}
