//! What a code that was sent is worth, and how often one may guess at it: in one form, and whatever the form.
//!
//! Attack: a form allows few tries, so somebody begins form after form, each with a code of its own for the same victim.

use portcullis_identity::courier::NewMessage;
use portcullis_identity::flow::{
    Caller, Challenge, FlowError, FlowKind, StartRequest, Transport, next_step, start_login,
};
use portcullis_identity::session::LiveSession;
use portcullis_identity::settings::TenantCeiling;
use portcullis_identity::{Flow, Settings, Step, Submission, Write};
use primitives::ClientAddress;
use serde_json::{Value, json};

use crate::world::{World, login};

/// Tries for one address, and of one person's second factor.
const BURST: u32 = 6;

fn world() -> World {
    let mut settings = Settings::default();
    settings.code.passwordless_enabled = true;
    settings.code.mfa_enabled = true;
    settings.limits.code.burst = BURST;
    settings.limits.second_factor.burst = BURST;
    World::with(settings)
}

fn caller(session: Option<&LiveSession>) -> Caller<'_> {
    let address = ClientAddress("203.0.113.9".parse().unwrap());
    Caller { address, user_agent: None, session }
}

fn sent(step: Step) -> (Flow, NewMessage) {
    let Step::Challenged { flow, writes } = step else { panic!("no code was sent: {step:?}") };
    let [Write::QueueMessage(letter)] = writes.as_slice() else { panic!("{writes:?}") };
    (*flow, (**letter).clone())
}

impl World {
    async fn guess(&self, live: Option<&LiveSession>, flow: &Flow, body: &Value) -> Result<Step, FlowError> {
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller(live), flow.clone(), submission)).await
    }

    async fn code_of(&self, kind: FlowKind, body: &Value) -> (Flow, NewMessage) {
        sent(self.guess(None, &self.flow(kind, Transport::Browser), body).await.unwrap())
    }

    /// Guesses in these forms by turns, each as it was when its code was sent; then no more, in none of them.
    async fn use_up(&self, live: Option<&LiveSession>, forms: &[Flow; 2]) {
        let wrong = json!({"method": "code", "code": "000"});
        for number in 0..BURST {
            let form = &forms[usize::from(number % 2 == 1)];
            let step = self.guess(live, form, &wrong).await;
            assert!(matches!(step, Ok(Step::WrongCode(_))), "{number}: {step:?}");
        }
        for form in forms {
            let step = self.guess(live, form, &wrong).await;
            assert!(matches!(step, Err(FlowError::Limited(_))), "{step:?}");
        }
    }
}

#[tokio::test]
async fn tries_to_sign_in_count_by_address_whatever_the_form() {
    let world = world();
    let ask = |email: &str| json!({"method": "code", "identifier": email});
    for email in ["ada@example.com", "nobody@example.com"] {
        if email.starts_with("ada") {
            world.person(email).await;
        }
        let first = world.code_of(login(None), &ask(email)).await.0;
        // Of another spelling, as the address is the same.
        let (second, letter) = world.code_of(login(None), &ask(&email.to_uppercase())).await;
        world.use_up(None, &[first, second.clone()]).await;
        if letter.is_sent {
            let right = json!({"method": "code", "code": letter.mail.text});
            let step = world.guess(None, &second, &right).await;
            assert!(matches!(step, Err(FlowError::Limited(_))), "the right one neither: {step:?}");
        }
    }
    world.person("bob@example.com").await;
    let (flow, letter) = world.code_of(login(None), &ask("bob@example.com")).await;
    let step = world.guess(None, &flow, &json!({"method": "code", "code": letter.mail.text})).await;
    assert!(matches!(step, Ok(Step::Once(_))), "another address has its own: {step:?}");
}

#[tokio::test]
async fn tries_to_sign_up_count_by_address_whatever_the_form() {
    let world = world();
    let kind = || FlowKind::Registration { login_challenge: None };
    let ask = |email: &str| json!({"method": "code", "traits": {"email": email}});
    let first = world.code_of(kind(), &ask("ada@example.com")).await.0;
    let second = world.code_of(kind(), &ask("ada@example.com")).await.0;
    world.use_up(None, &[first, second]).await;
    let (flow, letter) = world.code_of(kind(), &ask("bob@example.com")).await;
    let step = world.guess(None, &flow, &json!({"method": "code", "code": letter.mail.text})).await;
    assert!(matches!(step, Ok(Step::Registered { .. })), "another address has its own: {step:?}");
}

#[tokio::test]
async fn tries_of_a_second_factor_count_by_person_whatever_the_form() {
    let world = world();
    for email in ["ada@example.com", "bob@example.com"] {
        world.person(email).await;
    }
    let (ada, bob) = (world.sign_in("ada@example.com").await, world.sign_in("bob@example.com").await);
    let usual = StartRequest::new(Transport::Browser, &world.base, "/self-service/login/browser");
    let request = StartRequest { aal: Some("aal2"), ..usual };
    let code = async |live: &LiveSession| {
        let flow = start_login(world.room(), caller(Some(live)), request).await.unwrap().0.flow;
        sent(world.guess(Some(live), &flow, &json!({"method": "code"})).await.unwrap())
    };
    let forms = [code(&ada).await.0, code(&ada).await.0];
    world.use_up(Some(&ada), &forms).await;
    let (flow, letter) = code(&bob).await;
    let step = world.guess(Some(&bob), &flow, &json!({"method": "code", "code": letter.mail.text})).await;
    assert!(matches!(step, Ok(Step::Once(_))), "another person has their own: {step:?}");
}

/// Attack: an account is closed, or its owner takes an address away that was broken into, while a code is under way.
#[tokio::test]
async fn code_is_worth_nothing_of_an_account_that_is_off_or_has_the_address_no_more() {
    for what in ["off", "other address", "as it was"] {
        let world = world();
        let ada = world.person("ada@example.com").await;
        let body = json!({"method": "code", "identifier": "ada@example.com"});
        let (flow, letter) = world.code_of(login(None), &body).await;
        match what {
            "off" => world.people.disable(ada.id),
            "other address" => {
                let mut other = ada.clone();
                other.traits = json!({"email": "ada@example.org"}).as_object().unwrap().clone();
                let change = primitives::Change::new(world.tenant.clone());
                world.people.apply(&change.write(Write::ReplaceIdentity(Box::new(other))));
            }
            _ => {}
        }
        let step = world.guess(None, &flow, &json!({"method": "code", "code": letter.mail.text})).await;
        match what {
            "as it was" => assert!(matches!(step, Ok(Step::Once(_))), "{step:?}"),
            _ => assert!(matches!(step, Ok(Step::WrongCode(_))), "{what}: {step:?}"),
        }
    }
}

#[tokio::test]
async fn code_proves_no_address_that_the_account_has_no_more() {
    let challenge = || Challenge::ChooseMethod;
    let recovery = || FlowKind::Recovery { challenge: challenge() };
    let verification = || FlowKind::Verification { challenge: challenge() };
    for (what, kind) in [("recovery", recovery()), ("verification", verification())] {
        let world = world();
        let ada = world.person("ada@example.com").await;
        let (flow, letter) = world.ask(kind, "ada@example.com").await;
        let right = json!({"method": "code", "code": letter.mail.text});
        let as_it_was = world.go_on(&flow, right.clone()).await;
        assert!(!matches!(as_it_was, Ok(Step::WrongCode(_)) | Err(_)), "{what}: {as_it_was:?}");
        let mut other = ada.clone();
        other.recovery_addresses.clear();
        other.verifiable_addresses.clear();
        let change = primitives::Change::new(world.tenant.clone());
        world.people.apply(&change.write(Write::ReplaceIdentity(Box::new(other))));
        let step = world.go_on(&flow, right).await;
        assert!(matches!(step, Ok(Step::WrongCode(_))), "{what}: {step:?}");
    }
}

/// Attack: what is kept of a code or a link that somebody knows is put into the form of somebody else.
#[tokio::test]
async fn what_is_kept_of_a_code_or_a_link_is_of_its_form_alone() {
    let mut world = world();
    world.settings.code.magic_link = true;
    world.person("ada@example.com").await;
    let body = json!({"method": "code", "identifier": "ada@example.com"});
    let (flow, letter) = world.code_of(login(None), &body).await;
    let moved = Flow { id: primitives::FlowId::generate(&world.rng), ..flow.clone() };
    let token = letter.mail.html.rsplit_once("token=").unwrap().1;
    for said in
        [json!({"method": "code", "code": letter.mail.text}), json!({"method": "code", "token": token})]
    {
        let step = world.tell(&moved, None, said.clone()).await;
        assert!(matches!(step, Ok(Step::WrongCode(_))), "{said}: {step:?}");
        let step = world.tell(&flow, None, said.clone()).await;
        assert!(matches!(step, Ok(Step::Once(_))), "{said}: {step:?}");
    }
}

/// Attack: many who guess one password each at many accounts, each from an address of their own.
#[tokio::test]
async fn ceiling_of_the_tenant_counts_whoever_guesses_from_wherever() {
    let mut settings = Settings::default();
    settings.limits.tenant = TenantCeiling { attempts: 4, within_seconds: 3_600 };
    let world = World::with(settings);
    world.person("ada@example.com").await;
    let guess = async |number: u8, identifier: &str, password: &str| {
        let address = ClientAddress(std::net::Ipv4Addr::new(203, 0, 113, number).into());
        let caller = Caller { address, user_agent: None, session: None };
        let body = json!({"method": "password", "identifier": identifier, "password": password}).to_string();
        let submission = Submission::from_json(body.as_bytes()).unwrap();
        let flow = world.flow(login(None), Transport::Api);
        Box::pin(next_step(world.room(), caller, flow, submission)).await
    };
    for number in 0..4 {
        let wrong = guess(number, &format!("p{number}@example.com"), "wrong").await;
        assert!(matches!(wrong, Ok(Step::Form(_))), "{number}: {wrong:?}");
    }
    let refused = guess(4, "ada@example.com", "correct horse").await;
    assert!(matches!(refused, Err(FlowError::Limited(_))), "{refused:?}");
}
