//! Nothing tells whether an account exists: not words, not status, not the work that is done.

use portcullis_identity::flow::{Challenge, FlowError, FlowKind};
use portcullis_identity::settings::{AccountEnumeration, Argon2Settings};
use portcullis_identity::{Settings, Step, Write};
use serde_json::json;

use crate::world::{World, login, message};

/// Parameters that no hash can be made with, so that a step that hashes shows it.
const UNUSABLE: Argon2Settings = Argon2Settings { memory_kib: 0, iterations: 0, parallelism: 0 };

#[tokio::test]
async fn unknown_account_wrong_password_and_disabled_account_answer_alike() {
    let world = World::new();
    world.person("ada@example.com").await;
    let eve = world.person("eve@example.com").await;
    world.people.disable(eve.id);
    let no_password = json!({"schema_id": "default", "traits": {"email": "nop@example.com"}});
    world.create(&no_password).await.unwrap();
    let mut answers = Vec::new();
    for identifier in
        ["ada@example.com", "eve@example.com", "nop@example.com", "nobody@example.com", "\u{200B}"]
    {
        let Step::Form(flow) = world.login(identifier, "wrong").await.unwrap() else {
            panic!("{identifier}")
        };
        answers.push((flow.messages, flow.field_messages));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    let disabled = world.login("eve@example.com", "correct horse").await;
    assert_eq!(disabled.unwrap_err(), FlowError::IdentityDisabled, "told to who knows the password");
}

#[tokio::test]
async fn login_of_an_unknown_account_pays_a_hash() {
    let mut world = World::new();
    world.settings.argon2 = UNUSABLE;
    assert!(matches!(world.login("nobody@example.com", "wrong").await, Err(FlowError::Hash(_))));
}

/// What a step writes, without what is drawn at random: the kinds of its writes, in order.
fn written(step: &Step) -> Vec<String> {
    let Step::Challenged { writes, .. } = step else { panic!("nothing was sent: {step:?}") };
    let kind = |write: &Write| format!("{write:?}").split(['(', ' ']).next().unwrap().to_owned();
    writes.iter().map(kind).collect()
}

fn mitigating() -> World {
    let mut settings = Settings { account_enumeration: AccountEnumeration::Mitigate, ..Settings::default() };
    settings.code.passwordless_enabled = true;
    World::with(settings)
}

#[tokio::test]
async fn mitigated_forms_do_the_same_work_for_everybody() {
    let mut world = mitigating();
    world.person("ada@example.com").await;
    let sign_up =
        |email: &str| json!({"method": "password", "password": "battery staple", "traits": {"email": email}});
    let registration = || FlowKind::Registration { login_challenge: None };
    let recovery = FlowKind::Recovery { challenge: Challenge::ChooseMethod };
    let verification = FlowKind::Verification { challenge: Challenge::ChooseMethod };
    for (kind, body) in [
        (registration(), sign_up("ada@example.com")),
        (registration(), json!({"method": "code", "traits": {"email": "ada@example.com"}})),
        (login(None), json!({"method": "code", "identifier": "ada@example.com"})),
        (recovery, json!({"method": "code", "email": "ada@example.com"})),
        (verification, json!({"method": "code", "email": "ada@example.com"})),
    ] {
        let mut work = Vec::new();
        for email in ["ada@example.com", "bob@example.com"] {
            let body = serde_json::from_str(&body.to_string().replace("ada@example.com", email)).unwrap();
            let (asked, hashed) = (world.people.asked(), world.hashing.asked());
            let step = world.submit(kind.clone(), None, &body).await.unwrap();
            let asked = world.people.asked() - asked;
            work.push((written(&step), asked, world.hashing.asked() - hashed));
        }
        assert_eq!(work[0], work[1], "{}", kind.as_str());
    }
    // The hash is one, and comes before the answer.
    world.settings.argon2 = UNUSABLE;
    for email in ["ada@example.com", "bob@example.com"] {
        let step = world.submit(registration(), None, &sign_up(email)).await;
        assert!(matches!(step, Err(FlowError::Hash(_))), "{email}");
    }
    world.settings.account_enumeration = AccountEnumeration::Disclose;
    let taken = world.submit(registration(), None, &sign_up("ada@example.com")).await.unwrap();
    assert_eq!(message(&taken), 4_000_007, "disclosed at once");
}

#[tokio::test]
async fn mitigated_registration_ends_in_a_message_and_signs_in_after_the_proof() {
    let world = mitigating();
    world.person("ada@example.com").await;
    let body =
        |email: &str| json!({"method": "password", "password": "battery staple", "traits": {"email": email}});
    let kind = || FlowKind::Registration { login_challenge: None };
    let mut seen = Vec::new();
    for email in ["ada@example.com", "bob@example.com"] {
        let step = world.submit(kind(), None, &body(email)).await.unwrap();
        let Step::Challenged { flow, writes } = step else { panic!("nothing was sent: {step:?}") };
        let [Write::QueueMessage(letter)] = writes.as_slice() else { panic!("{writes:?}") };
        assert!(letter.is_sent, "whoever has the address is told in any case");
        assert_eq!(
            letter.mail.text.is_empty(),
            email.starts_with("ada"),
            "a code for whoever has no account"
        );
        let mut shown = (*flow).clone();
        shown.id = primitives::FlowId(uuid::Uuid::nil());
        seen.push(world.shown_form(&shown).replace(email, "x"));
        if email.starts_with("bob") {
            let kept: portcullis_identity::Flow =
                serde_json::from_str(&serde_json::to_string(&*flow).unwrap()).unwrap();
            let code = json!({"method": "code", "code": letter.mail.text});
            let step = world.submit_to(&kept, &code).await.unwrap();
            let Step::Registered { identity, session, change, .. } = step else { panic!("{step:?}") };
            assert!(identity.verifiable_addresses[0].verified && session.is_some());
            world.people.apply(&change.seal(&world.sealer));
        }
    }
    assert_eq!(seen[0], seen[1]);
    assert!(matches!(world.login("bob@example.com", "battery staple").await.unwrap(), Step::SignedIn(_)));
}
