//! Text messages: whom they let back in, what they cost at most, and what nobody learns by them.

use portcullis_identity::courier::NewMessage;
use portcullis_identity::flow::{Challenge, FlowError, FlowKind, Transport};
use portcullis_identity::identity::AddressKind;
use portcullis_identity::settings::{AccountEnumeration, Rate, SchemaSettings, SmsSettings};
use portcullis_identity::{Flow, Identity, Settings, Step, Write};
use primitives::Change;
use serde_json::json;

use crate::recovery::code;
use crate::world::{World, message};

const ADA: &str = "+49301234567";
const RECOVERY: fn() -> FlowKind = || FlowKind::Recovery { challenge: Challenge::ChooseMethod };
const VERIFICATION: fn() -> FlowKind = || FlowKind::Verification { challenge: Challenge::ChooseMethod };

fn with_phones() -> Settings {
    let phone = json!({"type": "string", "format": "tel", "ory.sh/kratos": {
        "credentials": {"password": {"identifier": true}},
        "verification": {"via": "sms"},
        "recovery": {"via": "sms"},
    }});
    let email = json!({"type": "string", "format": "email", "ory.sh/kratos": {
        "credentials": {"password": {"identifier": true}}, "recovery": {"via": "email"},
    }});
    let traits = json!({"type": "object", "properties": {"phone": phone, "email": email}});
    let schema = json!({"type": "object", "properties": {"traits": traits}});
    let mut settings = Settings::default();
    settings.schemas.insert("default".to_owned(), SchemaSettings { schema, selfservice_selectable: true });
    settings
}

impl World {
    async fn caller_of(&self, phone: &str) -> Identity {
        let body = json!({
            "schema_id": "default",
            "traits": {"phone": phone},
            "credentials": {"password": {"config": {"password": "correct horse"}}},
        });
        self.create(&body).await.unwrap().identity
    }

    fn form_for_numbers(&self, kind: FlowKind) -> Flow {
        Flow { phones: true, ..self.flow(kind, Transport::Browser) }
    }

    async fn text(&self, kind: FlowKind, number: &str) -> (Flow, NewMessage) {
        let name = if kind.as_str() == "recovery" { "recovery_address" } else { "email" };
        let step = self
            .submit_to(&self.form_for_numbers(kind), &json!({"method": "code", name: number}))
            .await
            .unwrap();
        let Step::Challenged { flow, writes } = step else { panic!("no code was sent: {step:?}") };
        let [Write::QueueMessage(message)] = writes.as_slice() else { panic!("{writes:?}") };
        (*flow, (**message).clone())
    }
}

#[tokio::test]
async fn code_of_a_text_message_lets_its_owner_back_in() {
    let world = World::with(with_phones());
    let ada = world.caller_of("+49 30 1234567").await;
    for typed in [ADA, "+49 (0)30 / 123 45 67"] {
        let (flow, message) = world.text(RECOVERY(), typed).await;
        assert_eq!((message.via, message.recipient.as_str()), (AddressKind::Sms, ADA), "{typed}");
        assert!(message.is_sent);
        let Step::Recovered(recovered) = world.submit_to(&flow, &code(&message)).await.unwrap() else {
            panic!("not back in")
        };
        assert_eq!(recovered.identity.id, ada.id);
        assert!(recovered.identity.verifiable_addresses[0].verified, "whoever has the code has the number");
    }
}

#[tokio::test]
async fn code_of_a_text_message_verifies_the_number() {
    let world = World::with(with_phones());
    world.caller_of(ADA).await;
    let (flow, message) = world.text(VERIFICATION(), ADA).await;
    assert_eq!((message.via, flow.messages[0].id), (AddressKind::Sms, 1_080_004));
    let Step::Verified { identity, flow, .. } = world.submit_to(&flow, &code(&message)).await.unwrap() else {
        panic!("not verified")
    };
    assert!(identity.verifiable_addresses[0].verified);
    assert!(flow.messages[0].text.contains("phone number"));
}

#[tokio::test]
async fn whether_a_number_is_anybodys_shows_in_nothing() {
    let world = World::with(with_phones());
    world.caller_of(ADA).await;
    let nobody = "+49301234467";
    for kind in [RECOVERY, VERIFICATION] {
        let ((known, sent), (unknown, decoy)) =
            (world.text(kind(), ADA).await, world.text(kind(), nobody).await);
        assert!(sent.is_sent && !decoy.is_sent);
        assert_eq!((decoy.template, decoy.mail.text.len()), (sent.template, sent.mail.text.len()));
        let seen = |flow: &Flow, number: &str| {
            world.shown_form(flow).replace(&flow.id.to_string(), "ID").replace(number, "NUMBER")
        };
        assert_eq!(seen(&known, ADA), seen(&unknown, nobody));
        let refused = world.submit_to(&unknown, &json!({"method": "code", "code": decoy.mail.text})).await;
        assert!(matches!(refused.unwrap(), Step::WrongCode(_)), "it is right for nobody");
    }
}

#[tokio::test]
async fn numbers_are_refused_where_no_message_goes() {
    let plain = World::new();
    let limited = with_phones();
    let limited = Settings {
        sms: SmsSettings { prefixes: ["+43".to_owned()].into(), ..limited.sms.clone() },
        ..limited
    };
    let limited = World::with(limited);
    let open = World::with(with_phones());
    for (world, number, what) in [
        (&plain, ADA, "no schema has numbers"),
        (&limited, ADA, "the tenant does not reach it"),
        (&open, "030 1234567", "it is of no country"),
        (&open, "0049301234567", "00 is dialled abroad in some countries only"),
    ] {
        let form = world.form_for_numbers(RECOVERY());
        let step = world.submit_to(&form, &json!({"method": "code", "recovery_address": number})).await;
        assert_eq!(message(&step.unwrap()), 4_000_001, "{what}");
    }
}

#[tokio::test]
async fn flood_of_messages_ends_by_source_whatever_the_numbers() {
    let mut settings = with_phones();
    settings.sms.source = Rate { burst: 2, refill_seconds: 3600 };
    let world = World::with(settings);
    for number in ["+49301000001", "+49301000002"] {
        world.text(RECOVERY(), number).await;
    }
    let body = json!({"method": "code", "recovery_address": "+49301000003"});
    let third = world.submit_to(&world.form_for_numbers(RECOVERY()), &body).await;
    assert!(matches!(third, Err(FlowError::Limited(_))));
    let body = json!({"method": "code", "recovery_address": "ada@example.com"});
    let mail = world.submit_to(&world.form_for_numbers(RECOVERY()), &body).await.unwrap();
    assert!(matches!(mail, Step::Challenged { .. }), "mail costs nothing");
}

#[tokio::test]
async fn trait_to_which_messages_go_is_an_international_number() {
    let world = World::with(with_phones());
    for phone in ["030 1234567", "0049301234567", "ada"] {
        let body = json!({"schema_id": "default", "traits": {"phone": phone}});
        assert!(world.create(&body).await.is_err(), "{phone}");
    }
}

/// Attack: signing up has messages sent to numbers that the tenant does not reach, or without end.
#[tokio::test]
async fn signing_up_sends_no_more_than_may_be_sent() {
    let sign_up = |phone: &str| {
        let traits = json!({"phone": phone});
        json!({"method": "password", "password": "battery staple", "traits": traits})
    };
    let kind = || FlowKind::Registration { login_challenge: None };
    let messages = |step: &Step| match step {
        Step::Registered { change, .. } => format!("{change:?}").matches("QueueMessage").count(),
        other => panic!("not signed up: {other:?}"),
    };
    let mut settings = with_phones();
    settings.sms.tenant = Rate { burst: 1, refill_seconds: 3600 };
    let world = World::with(settings);
    for (phone, sent) in [("+49301000001", 1), ("+49301000002", 0)] {
        let step = world.submit(kind(), None, &sign_up(phone)).await.unwrap();
        assert_eq!(messages(&step), sent, "{phone}");
    }

    let mut settings = with_phones();
    settings.sms.prefixes = ["+43".to_owned()].into();
    settings.account_enumeration = AccountEnumeration::Mitigate;
    settings.schemas.get_mut("default").unwrap().schema["properties"]["traits"]["properties"]["phone"]["ory.sh/kratos"]
        ["credentials"]["code"] = json!({"identifier": true, "via": "sms"});
    let world = World::with(settings);
    let step = world.submit(kind(), None, &sign_up(ADA)).await.unwrap();
    assert_eq!(message(&step), 4_000_001, "nobody waits for a message that does not come");
}

/// Attack: an account from before numbers had to be international has messages sent to a number of whatever country, which count
/// as none.
#[tokio::test]
async fn national_number_of_an_older_account_gets_nothing() {
    let mut settings = with_phones();
    settings.code.passwordless_enabled = true;
    let world = World::with(settings);
    let mut ada = world.caller_of(ADA).await;
    "030 1234567".clone_into(&mut ada.recovery_addresses[0].value);
    "030 1234567".clone_into(&mut ada.verifiable_addresses[0].value);
    world.people.apply(&Change::new(world.tenant.clone()).write(Write::ReplaceIdentity(Box::new(ada))));
    for kind in [RECOVERY, VERIFICATION] {
        let body = json!({"method": "code", "recovery_address": "030 1234567", "email": "030 1234567"});
        let step = world.submit_to(&world.form_for_numbers(kind()), &body).await.unwrap();
        assert!(matches!(step, Step::Form(_)), "{step:?}");
    }
}
