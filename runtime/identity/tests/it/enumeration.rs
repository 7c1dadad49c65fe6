//! Nothing tells whether an account exists: not words, not status, not the work that is done.

use portcullis_identity::flow::{FlowError, FlowKind};
use portcullis_identity::settings::{AccountEnumeration, Argon2Settings};
use portcullis_identity::{Settings, Step};
use serde_json::json;

use crate::world::{World, message};

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

#[tokio::test]
async fn mitigated_registration_pays_the_hash_before_it_refuses() {
    let settings = Settings { account_enumeration: AccountEnumeration::Mitigate, ..Settings::default() };
    let mut world = World::with(settings);
    world.person("ada@example.com").await;
    let kind = || FlowKind::Registration { login_challenge: None };
    let body =
        |email: &str| json!({"method": "password", "password": "battery staple", "traits": {"email": email}});
    let taken = world.submit(kind(), None, &body("ada@example.com")).await.unwrap();
    assert_eq!(message(&taken), 4_000_001, "the words are those of any invalid input");

    world.settings.argon2 = UNUSABLE;
    for email in ["ada@example.com", "bob@example.com"] {
        assert!(matches!(world.submit(kind(), None, &body(email)).await, Err(FlowError::Hash(_))), "{email}");
    }
    world.settings.account_enumeration = AccountEnumeration::Disclose;
    let taken = world.submit(kind(), None, &body("ada@example.com")).await.unwrap();
    assert_eq!(message(&taken), 4_000_007, "disclosed at once");
}
