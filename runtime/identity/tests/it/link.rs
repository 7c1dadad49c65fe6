//! Links that verify an address or let people back in: where they open, and what they are worth.

use std::time::Duration;

use portcullis_identity::courier::{MailTemplate, NewMessage};
use portcullis_identity::flow::csrf::CsrfCookie;
use portcullis_identity::flow::{
    Caller, Challenge, FlowError, FlowKind, OwnFlow, StoredFlow, Transport, flow_document, next_step,
    recovery_link_by_operator,
};
use portcullis_identity::session::Method;
use portcullis_identity::settings::ProofMeans;
use portcullis_identity::{Flow, Settings, Step, Submission, Write};
use primitives::{Actor, ClientAddress};
use serde_json::{Value, json};

use crate::world::{World, message};

const RECOVERY: fn() -> FlowKind = || FlowKind::Recovery { challenge: Challenge::ChooseMethod };
const VERIFICATION: fn() -> FlowKind = || FlowKind::Verification { challenge: Challenge::ChooseMethod };

fn world() -> World {
    let mut settings = Settings::default();
    settings.recovery.means = ProofMeans::Link;
    settings.verification.means = ProofMeans::Link;
    World::with(settings)
}

impl World {
    async fn say(&self, flow: &Flow, body: Value, token: Option<&str>) -> Result<Step, FlowError> {
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: Some("test"), session: None };
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        let submission = Submission { token: token.map(str::to_owned), ..submission };
        Box::pin(next_step(self.room(), caller, flow.clone(), submission)).await
    }

    async fn ask_for_link(&self, kind: FlowKind, email: &str) -> (Flow, NewMessage) {
        let flow = self.flow(kind, Transport::Browser);
        let step = self.say(&flow, json!({"method": "link", "email": email}), None).await.unwrap();
        let Step::Challenged { flow, writes } = step else { panic!("no link was sent: {step:?}") };
        let [Write::QueueMessage(message)] = writes.as_slice() else { panic!("{writes:?}") };
        (*flow, (**message).clone())
    }

    fn shown_link(&self, flow: &Flow) -> Value {
        flow_document(flow, self.view())
    }
}

fn token(message: &NewMessage) -> String {
    message.mail.html.rsplit_once("token=").unwrap().1.to_owned()
}

fn names(document: &Value) -> Vec<&str> {
    let nodes = document["ui"]["nodes"].as_array().unwrap();
    nodes.iter().filter_map(|node| node["attributes"]["name"].as_str()).collect()
}

#[tokio::test]
async fn the_link_of_the_mail_proves_the_address() {
    let world = world();
    world.person("ada@example.com").await;
    let (flow, letter) = world.ask_for_link(VERIFICATION(), "ADA@example.com").await;
    assert_eq!(letter.template, MailTemplate::VerificationValid);
    assert_eq!((letter.mail.text.as_str(), flow.messages[0].id), ("", 1_080_001), "there is no code");
    let Step::Verified { flow, identity, .. } =
        world.say(&flow, json!({"method": "link"}), Some(&token(&letter))).await.unwrap()
    else {
        panic!("not verified")
    };
    assert!(identity.verifiable_addresses[0].verified);
    let again = world.say(&flow, json!({"method": "link"}), Some(&token(&letter))).await.unwrap();
    assert_eq!(message(&again), 4_070_002);
}

#[tokio::test]
async fn the_link_of_the_mail_lets_its_owner_in() {
    let world = world();
    let ada = world.person("ada@example.com").await;
    let (flow, letter) = world.ask_for_link(RECOVERY(), "ada@example.com").await;
    assert_eq!((letter.template, flow.messages[0].id), (MailTemplate::RecoveryValid, 1_060_002));
    let step = world.say(&flow, json!({}), Some(&token(&letter))).await.unwrap();
    let Step::Recovered(recovered) = step else { panic!("not back in: {step:?}") };
    assert_eq!(recovered.identity.id, ada.id);
    assert_eq!(recovered.session.methods[0].method, Method::LinkRecovery);
    let document = world.shown_link(&recovered.flow);
    assert_eq!(
        (document["active"].as_str(), document["state"].as_str()),
        (Some("link"), Some("passed_challenge"))
    );
}

#[tokio::test]
async fn a_link_is_worth_nothing_elsewhere_later_or_after_another() {
    let mut world = world();
    world.person("ada@example.com").await;
    let refused = |step: Result<Step, FlowError>| match step.unwrap() {
        Step::WrongCode(flow) => flow.messages[0].id,
        step => panic!("not refused: {step:?}"),
    };
    let (flow, first) = world.ask_for_link(RECOVERY(), "ada@example.com").await;
    let (other, _) = world.ask_for_link(RECOVERY(), "ada@example.com").await;
    let first = token(&first);
    assert_eq!(refused(world.say(&other, json!({}), Some(&first)).await), 4_060_004, "another flow's");
    assert_eq!(
        refused(world.say(&flow, json!({"code": "123456"}), None).await),
        4_060_006,
        "no code was sent"
    );
    let step = world.say(&flow, json!({"method": "link", "email": "ada@example.com"}), Some(&first)).await;
    let Step::Challenged { flow, writes } = step.unwrap() else { panic!("no link was sent") };
    assert_eq!(refused(world.say(&flow, json!({}), Some(&first)).await), 4_060_004, "another was sent");
    let [Write::QueueMessage(second)] = writes.as_slice() else { panic!("{writes:?}") };
    let second = token(second);
    world.now = world.now.after(Duration::from_mins(15));
    assert_eq!(refused(world.say(&flow, json!({}), Some(&second)).await), 4_060_004, "too old");
}

#[tokio::test]
async fn a_link_opens_its_form_in_any_browser_and_nothing_else_does() {
    let world = world();
    world.person("ada@example.com").await;
    let (mut flow, letter) = world.ask_for_link(RECOVERY(), "ada@example.com").await;
    flow.waiting = Some("challenge".to_owned());
    let token = token(&letter);
    let ours = CsrfCookie::generate(&world.rng);
    let theirs = CsrfCookie::generate(&world.rng);
    let open = |cookie: Option<&CsrfCookie>, token: Option<&str>| {
        let browser = Some(ours.hash(&world.sealer, &world.tenant));
        StoredFlow::new(flow.clone(), browser, 1).open(&world.sealer, &world.tenant, cookie, token)
    };
    for (cookie, presented, elsewhere) in [
        (Some(&ours), None, Some(false)),
        (Some(&ours), Some("x"), Some(false)),
        (Some(&ours), Some(token.as_str()), Some(false)),
        (Some(&theirs), Some(token.as_str()), Some(true)),
        (None, Some(token.as_str()), Some(true)),
        (Some(&theirs), Some("x"), None),
        (Some(&theirs), Some(""), None),
        (Some(&theirs), None, None),
        (None, None, None),
    ] {
        let opened = open(cookie, presented);
        assert_eq!(opened.as_ref().ok().map(OwnFlow::is_elsewhere), elsewhere, "{presented:?}");
        if let Ok(own) = opened {
            let waits = own.flow.login_challenge().is_some();
            assert_eq!(waits, elsewhere == Some(false), "what waits stays in its browser");
        }
    }
    let asks = world.shown_link(&open(Some(&ours), None).unwrap().flow);
    assert_eq!(names(&asks), ["csrf_token", "email", "method"]);
    let opened = world.shown_link(&open(Some(&theirs), Some(&token)).unwrap().flow);
    assert_eq!(
        names(&opened),
        ["csrf_token", "method"],
        "a button, and nothing is used up before it is pressed"
    );
    assert!(opened["ui"]["action"].as_str().unwrap().ends_with(&format!("&token={token}")));
}

#[tokio::test]
async fn whether_there_is_an_account_shows_in_no_form() {
    let world = world();
    world.person("ada@example.com").await;
    for kind in [RECOVERY, VERIFICATION] {
        let (mut known, sent) = world.ask_for_link(kind(), "ada@example.com").await;
        let (mut unknown, decoy) = world.ask_for_link(kind(), "bob@example.com").await;
        assert!(sent.is_sent && !decoy.is_sent && decoy.template == sent.template);
        assert_eq!(decoy.mail.html.len(), sent.mail.html.len(), "it takes as long to write");
        for flow in [&mut known, &mut unknown] {
            flow.id = primitives::FlowId(uuid::Uuid::nil());
        }
        let text = |flow: &Flow| world.shown_link(flow).to_string();
        assert_eq!(text(&unknown).replace("bob", "ada"), text(&known));
    }
}

#[tokio::test]
async fn a_form_sends_what_its_tenant_uses() {
    for (world, other) in [(world(), "code"), (World::new(), "link")] {
        for kind in [RECOVERY, VERIFICATION] {
            let flow = world.flow(kind(), Transport::Browser);
            let step = world.say(&flow, json!({"method": other, "email": "ada@example.com"}), None).await;
            let expected = if kind().as_str() == "recovery" { 4_010_005 } else { 4_010_006 };
            assert_eq!(message(&step.unwrap()), expected, "{other}");
        }
    }
}

#[tokio::test]
async fn a_link_of_an_operator_lets_in_and_proves_no_address() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let lifespan = Duration::from_hours(2);
    let (flow, place, _) = recovery_link_by_operator(world.room(), Actor::System, &ada, (None, lifespan));
    assert_eq!(flow.expires_at, world.now.after(lifespan));
    assert_eq!(names(&world.shown_link(&flow)), ["csrf_token"], "without the link it lets nobody in");
    let token = place.rsplit_once("token=").unwrap().1;
    let step = world.say(&flow, json!({"method": "link"}), Some(token)).await.unwrap();
    let Step::Recovered(recovered) = step else { panic!("not back in: {step:?}") };
    let change = recovered.change.seal(&world.sealer);
    assert!(!change.writes.iter().any(|write| matches!(write, Write::ReplaceIdentity(_))));
    world.people.disable(ada.id);
    let refused = world.say(&flow, json!({"method": "link"}), Some(token)).await.unwrap();
    assert!(matches!(refused, Step::WrongCode(_)), "whoever may not sign in gets in by nothing");
}

#[tokio::test]
async fn documents_are_those_of_the_api_in_every_state() {
    let Some(description) = crate::openapi::Description::load() else { return };
    let world = world();
    world.person("ada@example.com").await;
    for (kind, schema) in [(RECOVERY, "recoveryFlow"), (VERIFICATION, "verificationFlow")] {
        description.check(schema, &world.shown_link(&world.flow(kind(), Transport::Browser)));
        let (sent, letter) = world.ask_for_link(kind(), "ada@example.com").await;
        description.check(schema, &world.shown_link(&sent));
        let token = token(&letter);
        let stored = StoredFlow::new(sent.clone(), None, 1);
        let opened = stored.open(&world.sealer, &world.tenant, None, Some(&token)).unwrap().flow;
        description.check(schema, &world.shown_link(&opened));
        let passed = match world.say(&opened, json!({}), Some(&token)).await.unwrap() {
            Step::Recovered(recovered) => recovered.flow,
            Step::Verified { flow, .. } => *flow,
            step => panic!("{step:?}"),
        };
        description.check(schema, &world.shown_link(&passed));
    }
}

#[tokio::test]
async fn what_waits_goes_on_after_a_new_password() {
    let world = World::new();
    world.person("ada@example.com").await;
    let mut flow = world.flow(RECOVERY(), Transport::Browser);
    flow.waiting = Some("challenge".to_owned());
    let step = world.say(&flow, json!({"method": "code", "email": "ada@example.com"}), None).await.unwrap();
    let Step::Challenged { flow, writes } = step else { panic!("{step:?}") };
    let [Write::QueueMessage(letter)] = writes.as_slice() else { panic!("{writes:?}") };
    let step = world.say(&flow, json!({"method": "code", "code": letter.mail.text}), None).await.unwrap();
    let Step::Recovered(recovered) = step else { panic!("{step:?}") };
    assert_eq!(recovered.settings.as_ref().unwrap().login_challenge(), Some("challenge"));
}
