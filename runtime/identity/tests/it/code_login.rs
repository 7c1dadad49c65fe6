//! Signing in and up with a code, or with the link of its message: what it is worth, and what nobody learns.

use std::time::Duration;

use portcullis_identity::courier::{MailTemplate, NewMessage};
use portcullis_identity::flow::{
    Caller, FlowError, FlowKind, StoredFlow, Transport, flow_document, next_step,
};
use portcullis_identity::session::{LiveSession, Method};
use portcullis_identity::{Flow, Settings, Step, Submission, Write};
use primitives::ClientAddress;
use serde_json::{Value, json};

use crate::world::{World, login, message};

fn world() -> World {
    let mut settings = Settings::default();
    settings.code.passwordless_enabled = true;
    settings.code.magic_link = true;
    World::with(settings)
}

const SIGN_UP: fn() -> FlowKind = || FlowKind::Registration { login_challenge: None };

impl World {
    pub(crate) async fn tell(
        &self,
        flow: &Flow,
        session: Option<&LiveSession>,
        body: Value,
    ) -> Result<Step, FlowError> {
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: Some("test"), session };
        let mut submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        submission.token = body["token"].as_str().map(str::to_owned);
        Box::pin(next_step(self.room(), caller, flow.clone(), submission)).await
    }

    async fn code_for(&self, kind: FlowKind, body: Value) -> (Flow, NewMessage) {
        let flow = self.flow(kind, Transport::Browser);
        sent(self.tell(&flow, None, body).await)
    }

    pub(crate) async fn login_code(&self, identifier: &str) -> (Flow, NewMessage) {
        self.code_for(login(None), json!({"method": "code", "identifier": identifier})).await
    }

    fn document(&self, flow: &Flow) -> Value {
        flow_document(flow, self.view())
    }
}

fn sent(step: Result<Step, FlowError>) -> (Flow, NewMessage) {
    let Step::Challenged { flow, writes } = step.unwrap() else { panic!("no code was sent") };
    let [Write::QueueMessage(message)] = writes.as_slice() else { panic!("{writes:?}") };
    (*flow, (**message).clone())
}

fn refused(step: Result<Step, FlowError>) -> (u32, Flow) {
    match step.unwrap() {
        Step::WrongCode(flow) => (flow.messages[0].id, *flow),
        step => panic!("not refused: {step:?}"),
    }
}

fn token(message: &NewMessage) -> &str {
    message.mail.html.rsplit_once("token=").unwrap().1
}

fn names(document: &Value) -> Vec<&str> {
    let nodes = document["ui"]["nodes"].as_array().unwrap();
    nodes.iter().filter_map(|node| node["attributes"]["name"].as_str()).collect()
}

#[tokio::test]
async fn the_code_of_the_mail_signs_in_and_proves_the_address() {
    let world = world();
    let ada = world.person("ada@example.com").await;
    let (flow, letter) = world.login_code("ADA@example.com").await;
    assert_eq!(
        (letter.template, letter.recipient.as_str()),
        (MailTemplate::LoginCodeValid, "ada@example.com")
    );
    assert_eq!(
        (flow.messages[0].id, world.document(&flow)["state"].as_str()),
        (1_010_014, Some("sent_email"))
    );
    let body = json!({"method": "code", "identifier": "ADA@example.com", "code": letter.mail.text});
    let Step::Once(step) = world.tell(&flow, None, body).await.unwrap() else { panic!("not once") };
    let Step::SignedIn(signed_in) = *step else { panic!("not signed in: {step:?}") };
    assert_eq!((signed_in.identity.id, signed_in.session.methods[0].method), (ada.id, Method::Code));
    assert!(signed_in.identity.verifiable_addresses[0].verified);
}

#[tokio::test]
async fn the_link_of_the_mail_does_without_the_code() {
    let world = world();
    world.person("ada@example.com").await;
    let (flow, letter) = world.login_code("ada@example.com").await;
    let body = |token: &str| json!({"method": "code", "token": token});
    let (other, _) = world.login_code("ada@example.com").await;
    assert_eq!(refused(world.tell(&other, None, body(token(&letter))).await).0, 4_010_008, "another form's");
    let step = world.tell(&flow, None, body(token(&letter))).await.unwrap();
    assert!(matches!(&step, Step::Once(step) if matches!(**step, Step::SignedIn(_))), "{step:?}");

    let stored = StoredFlow::new(flow, None, 1);
    let opened = stored.open(&world.sealer, &world.tenant, None, Some(token(&letter))).unwrap();
    let document = world.document(&opened.flow);
    assert_eq!(names(&document), ["csrf_token", "identifier", "method"], "another device is asked");
    assert!(document["ui"]["action"].as_str().unwrap().contains(token(&letter)));
}

#[tokio::test]
async fn without_magic_links_a_link_only_fills_the_code_in() {
    let mut world = world();
    world.settings.code.magic_link = false;
    world.person("ada@example.com").await;
    let (flow, letter) = world.login_code("ada@example.com").await;
    assert!(letter.mail.html.ends_with(&format!("&code={}", letter.mail.text)) && flow.link.is_none());
}

#[tokio::test]
async fn a_code_is_worth_nothing_elsewhere_later_after_another_or_after_too_many_tries() {
    let mut world = world();
    world.person("ada@example.com").await;
    let body = |letter: &NewMessage| json!({"method": "code", "code": letter.mail.text});
    let (flow, first) = world.login_code("ada@example.com").await;
    let (other, _) = world.login_code("ada@example.com").await;
    assert_eq!(refused(world.tell(&other, None, body(&first)).await).0, 4_010_008, "another form's");
    let again = json!({"method": "code", "identifier": "ada@example.com", "resend": "code"});
    let (flow, second) = sent(world.tell(&flow, None, again).await);
    assert_eq!(refused(world.tell(&flow, None, body(&first)).await).0, 4_010_008, "another was sent");
    let mut tried = flow.clone();
    for _ in 0..5 {
        tried = refused(world.tell(&tried, None, json!({"method": "code", "code": "x"})).await).1;
    }
    assert_eq!(refused(world.tell(&tried, None, body(&second)).await).0, 4_010_008, "tried too often");
    world.now = world.now.after(Duration::from_mins(15));
    assert_eq!(refused(world.tell(&flow, None, body(&second)).await).0, 4_010_008, "too old");
}

#[tokio::test]
async fn whether_there_is_an_account_shows_in_nothing() {
    let world = world();
    world.person("ada@example.com").await;
    let eve = world.person("eve@example.com").await;
    world.people.disable(eve.id);
    let seen = |mut flow: Flow, who: &str| {
        flow.id = primitives::FlowId(uuid::Uuid::nil());
        world.document(&flow).to_string().replace(who, "x@example.com")
    };
    let (flow, letter) = world.login_code("ada@example.com").await;
    let known = seen(flow, "ada@example.com");
    assert!(letter.is_sent);
    for who in ["eve@example.com", "bob@example.com"] {
        let (flow, decoy) = world.login_code(who).await;
        assert!(!decoy.is_sent && decoy.template == letter.template, "{who}");
        assert_eq!(decoy.mail.text.len(), letter.mail.text.len(), "it takes as long to write");
        assert_eq!(seen(flow.clone(), who), known, "{who}");
        assert_eq!(
            refused(world.tell(&flow, None, json!({"method": "code", "code": decoy.mail.text})).await).0,
            4_010_008,
            "it is right for nobody"
        );
    }
}

#[tokio::test]
async fn codes_go_where_the_schema_says_and_nowhere_else() {
    let mut world = world();
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
        "properties": {"traits": {"type": "object", "properties": {
            "username": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
            "phone": {"type": "string", "ory.sh/kratos": {"credentials": {"code": {"identifier": true, "via": "sms"}}}},
        }}},
    });
    let schema = portcullis_identity::settings::SchemaSettings { schema, selfservice_selectable: true };
    world.settings.schemas.insert("x".to_owned(), schema);
    world.settings.default_schema = "x".to_owned();
    world.schemas = portcullis_identity::schema::Schemas::compile(&world.settings).unwrap();
    world
        .create(&json!({"schema_id": "x", "traits": {"username": "ada", "phone": "+4930123456"}}))
        .await
        .unwrap();
    let (_, by_phone) = world.login_code("+4930123456").await;
    assert_eq!((by_phone.via, by_phone.is_sent), (portcullis_identity::identity::AddressKind::Sms, true));
    let (_, spelt) = world.login_code("+49 (0)30 123456").await;
    assert_eq!((spelt.recipient.as_str(), spelt.is_sent), ("+4930123456", true));
    let (_, by_name) = world.login_code("ada").await;
    assert!(!by_name.is_sent, "a user name is no address");
}

#[tokio::test]
async fn somebody_signed_in_proves_it_again_by_their_own_code_only() {
    let world = world();
    world.person("ada@example.com").await;
    world.person("eve@example.com").await;
    let ada = world.sign_in("ada@example.com").await;
    for (who, expected) in [("ada@example.com", true), ("eve@example.com", false)] {
        let flow = world.flow(login(Some(ada.identity().id)), Transport::Browser);
        let ask = json!({"method": "code", "identifier": who});
        let (flow, letter) = sent(world.tell(&flow, Some(&ada), ask).await);
        let body = json!({"method": "code", "code": letter.mail.text});
        let step = world.tell(&flow, Some(&ada), body).await.unwrap();
        let refreshed = matches!(&step, Step::Once(step) if matches!(**step, Step::Refreshed { .. }));
        assert_eq!(refreshed, expected, "{who}: {step:?}");
    }
}

#[tokio::test]
async fn what_is_off_or_missing_is_told() {
    let world = world();
    let flow = world.flow(login(None), Transport::Browser);
    let missing = world.tell(&flow, None, json!({"method": "code"})).await.unwrap();
    assert_eq!(message(&missing), 4_000_002);
    let (flow, _) = world.login_code("ada@example.com").await;
    let body = json!({"method": "code", "identifier": "ada@example.com"});
    assert_eq!(message(&world.tell(&flow, None, body).await.unwrap()), 4_000_002, "the code is missing");
    let off = World::new();
    for (kind, id) in [(login(None), 4_010_002), (SIGN_UP(), 4_010_003)] {
        let flow = off.flow(kind, Transport::Browser);
        assert!(!off.document(&flow).to_string().contains("\"code\""), "it is not offered");
        let step = off.tell(&flow, None, json!({"method": "code", "identifier": "ada@example.com"})).await;
        assert_eq!(message(&step.unwrap()), id);
    }
}

fn sign_up(email: &str) -> Value {
    json!({"method": "code", "traits": {"email": email}})
}

#[tokio::test]
async fn the_code_of_the_mail_signs_up_with_a_proven_address() {
    let world = world();
    let (flow, letter) = world.code_for(SIGN_UP(), sign_up("ada@example.com")).await;
    assert_eq!((letter.template, letter.is_sent), (MailTemplate::RegistrationCodeValid, true));
    let mut body = sign_up("ada@example.com");
    body["code"] = letter.mail.text.clone().into();
    let step = world.tell(&flow, None, body.clone()).await.unwrap();
    let Step::Registered { identity, session, verifications, change } = step else { panic!("{step:?}") };
    assert!(identity.verifiable_addresses[0].verified && verifications.is_empty());
    assert_eq!(session.unwrap().0.methods[0].method, Method::Code);
    world.people.apply(&change.seal(&world.sealer));
    assert_eq!(message(&world.tell(&flow, None, body).await.unwrap()), 4_000_007, "made once");

    let (flow, letter) = world.login_code("ada@example.com").await;
    let step = world.tell(&flow, None, json!({"method": "code", "code": letter.mail.text})).await.unwrap();
    assert!(matches!(step, Step::Once(_)), "and signs in without a password: {step:?}");
}

#[tokio::test]
async fn a_taken_address_is_told_to_whoever_has_it_only() {
    let world = world();
    world.person("ada@example.com").await;
    let mut shown = Vec::new();
    for email in ["ada@example.com", "bob@example.com"] {
        let (mut flow, letter) = world.code_for(SIGN_UP(), sign_up(email)).await;
        assert!(letter.is_sent);
        let wrong = world.tell(&flow, None, json!({"method": "code", "code": "x"})).await;
        assert_eq!(refused(wrong).0, 4_040_003);
        flow.id = primitives::FlowId(uuid::Uuid::nil());
        shown.push(world.document(&flow).to_string().replace(email, "x"));
    }
    assert_eq!(shown[0], shown[1]);
}

#[tokio::test]
async fn a_code_for_one_address_signs_nobody_up_with_another() {
    let world = world();
    let (flow, letter) = world.code_for(SIGN_UP(), sign_up("eve@example.com")).await;
    let mut body = sign_up("ada@example.com");
    body["code"] = letter.mail.text.clone().into();
    assert_eq!(message(&world.tell(&flow, None, body).await.unwrap()), 4_000_036);
}

#[tokio::test]
async fn documents_are_those_of_the_api_in_every_state() {
    let Some(description) = crate::openapi::Description::load() else { return };
    let world = world();
    world.person("ada@example.com").await;
    for (kind, schema, body) in [
        (login(None), "loginFlow", json!({"method": "code", "identifier": "ada@example.com"})),
        (SIGN_UP(), "registrationFlow", sign_up("bob@example.com")),
    ] {
        description.check(schema, &world.document(&world.flow(kind.clone(), Transport::Browser)));
        let (flow, _) = world.code_for(kind, body).await;
        description.check(schema, &world.document(&flow));
        let (_, wrong) = refused(world.tell(&flow, None, json!({"method": "code", "code": "x"})).await);
        description.check(schema, &world.document(&wrong));
    }
}
