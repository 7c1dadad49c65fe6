//! What a tenant asks of new passkeys and security keys, and how long it waits for them.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_identity::Settings;
use portcullis_identity::Step;
use portcullis_identity::settings::{AttestationSettings, BoundKeys, CeremonySettings, Conveyance, Hint};
use serde_json::{Value, json};

use crate::keys::{ADA, authenticator, options};
use crate::world::{World, message};

const TOO_LATE: u32 = 8_000_032;
const NOT_ACCEPTED: u32 = 8_000_033;

/// The message of a form that comes again, whether or not that is written.
fn told(step: &Step) -> u32 {
    match step {
        Step::Refused(flow, _) => flow.messages[0].id,
        _ => message(step),
    }
}

/// The attack: a form that stays open for an hour, and an answer that was got from its owner's browser long before it is
/// sent.
#[tokio::test]
async fn challenge_ends_before_its_form() {
    let mut world = World::new();
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let mut key = authenticator(1);
    world.add(&live, "passkey", &mut key).await;
    let begun = world.now;

    let flow = world.login_form(None, None, false).await;
    let asked = options(&world.shown(&flow, None), "passkey_challenge");
    assert_eq!(asked["publicKey"]["timeout"], 300_000);
    let answer = key.get(&asked);
    world.now = begun.after(Duration::from_mins(5));
    let Step::Refused(again, _) = world.by_passkey(flow.clone(), &answer).await.unwrap() else {
        panic!("taken")
    };
    assert_eq!(again.messages[0].id, TOO_LATE);
    // A key that nobody has is told the same: what is late says nothing of who has an account.
    let nobody = authenticator(9).get(&asked);
    assert_eq!(told(&world.by_passkey(flow.clone(), &nobody).await.unwrap()), TOO_LATE);
    // The form goes on with another challenge, whose time begins now.
    let anew = options(&world.shown(&again, None), "passkey_challenge");
    assert_ne!(anew["publicKey"]["challenge"], asked["publicKey"]["challenge"]);
    let answer = key.get(&anew);
    world.now = begun.after(Duration::from_secs(599));
    assert!(matches!(world.by_passkey(*again, &answer).await.unwrap(), Step::SignedIn(_)));
}

#[tokio::test]
async fn new_keys_and_second_factors_come_in_time() {
    let mut world = World::with(Settings {
        ceremony: CeremonySettings { timeout_seconds: 60, ..CeremonySettings::default() },
        ..Settings::default()
    });
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let begun = world.now;
    let late = begun.after(Duration::from_mins(1));

    let flow = world.settings_form(&live).await;
    let asked = options(&world.shown(&flow, Some(&live)), "passkey_create_data");
    assert_eq!(asked["publicKey"]["timeout"], 60_000);
    let body = json!({ "passkey_settings_register": authenticator(1).create(&asked) });
    world.now = late;
    let refused = world.answer(flow.clone(), Some(&live), &body).await.unwrap();
    assert_eq!(message(&refused), TOO_LATE);
    world.now = begun.after(Duration::from_secs(59));
    assert!(matches!(world.answer(flow, Some(&live), &body).await.unwrap(), Step::Saved { .. }));

    world.now = begun;
    let flow = world.registration_form().await;
    let traits = json!({ "email": "bob@example.com" });
    let first = json!({ "method": "passkey", "traits": traits });
    let Step::Form(flow) = world.answer(flow, None, &first).await.unwrap() else { panic!("not asked") };
    let made = authenticator(2).create(&options(&world.shown(&flow, None), "passkey_create_data"));
    let body = json!({ "method": "passkey", "traits": traits, "passkey_register": made });
    world.now = late;
    assert_eq!(message(&world.answer((*flow).clone(), None, &body).await.unwrap()), TOO_LATE);

    world.now = begun;
    let mut key = authenticator(3);
    world.add(&live, "webauthn", &mut key).await;
    let half = world.sign_in(ADA).await;
    let flow = world.login_form(Some(&half), Some("aal2"), false).await;
    let answer = key.get(&options(&world.shown(&flow, Some(&half)), "webauthn_login_trigger"));
    let body = json!({ "webauthn_login": answer });
    world.now = late;
    assert_eq!(told(&world.answer(flow.clone(), Some(&half), &body).await.unwrap()), TOO_LATE);
    world.now = begun;
    assert!(matches!(world.answer(flow, Some(&half), &body).await.unwrap(), Step::Refreshed { .. }));
}

/// A form that an earlier version began has no end of its own challenge: it is answered as long as the form.
#[tokio::test]
async fn forms_of_earlier_versions_are_answered() {
    let mut world = World::new();
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let mut key = authenticator(1);
    world.add(&live, "passkey", &mut key).await;
    let mut kept = serde_json::to_value(world.login_form(None, None, false).await).unwrap();
    let ceremony = kept["factors"]["keys"]["sign_in"].as_object_mut().unwrap();
    assert!(ceremony.remove("expires_at").is_some());
    let flow: portcullis_identity::Flow = serde_json::from_value(kept).unwrap();
    let answer = key.get(&options(&world.shown(&flow, None), "passkey_challenge"));
    world.now = world.now.after(Duration::from_mins(50));
    assert!(matches!(world.by_passkey(flow, &answer).await.unwrap(), Step::SignedIn(_)));
}

fn asking(attestation: AttestationSettings) -> World {
    World::with(Settings { attestation, ..Settings::default() })
}

/// The attack: an authenticator of any make, or none at all, where the tenant takes those of its own.
#[tokio::test]
async fn authenticator_that_attests_nothing_is_refused_where_it_must() {
    let direct = AttestationSettings { conveyance: Conveyance::Direct, ..AttestationSettings::default() };
    let world = asking(direct.clone());
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    for (data, field) in [
        ("passkey_create_data", "passkey_settings_register"),
        ("webauthn_register_trigger", "webauthn_register"),
    ] {
        let flow = world.settings_form(&live).await;
        let asked = options(&world.shown(&flow, Some(&live)), data);
        assert_eq!(asked["publicKey"]["attestation"], "direct");
        let body = json!({ field: authenticator(1).create(&asked) });
        let refused = world.answer(flow, Some(&live), &body).await.unwrap();
        assert_eq!(message(&refused), NOT_ACCEPTED, "{field}");
    }
    let flow = world.registration_form().await;
    let traits = json!({ "email": "bob@example.com" });
    let first = json!({ "method": "passkey", "traits": traits });
    let Step::Form(flow) = world.answer(flow, None, &first).await.unwrap() else { panic!("not asked") };
    let made = authenticator(2).create(&options(&world.shown(&flow, None), "passkey_create_data"));
    let body = json!({ "method": "passkey", "traits": traits, "passkey_register": made });
    assert_eq!(message(&world.answer(*flow, None, &body).await.unwrap()), NOT_ACCEPTED);
    assert!(world.keys(live.identity()).await.is_empty());

    // Passkeys go on where security keys alone are bound.
    let world = asking(AttestationSettings { binds: BTreeSet::from([BoundKeys::Webauthn]), ..direct });
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let form = world.shown(&world.settings_form(&live).await, Some(&live));
    assert_eq!(options(&form, "passkey_create_data")["publicKey"]["attestation"], "none");
    assert_eq!(options(&form, "webauthn_register_trigger")["publicKey"]["attestation"], "direct");
    world.add(&live, "passkey", &mut authenticator(1)).await;
    assert_eq!(world.keys(live.identity()).await[0].record.attestation, "none");
}

#[tokio::test]
async fn browsers_are_told_what_to_offer_first() {
    let hinted = CeremonySettings {
        passkey_hints: vec![Hint::ClientDevice, Hint::Hybrid],
        webauthn_hints: vec![Hint::SecurityKey],
        ..CeremonySettings::default()
    };
    let world = World::with(Settings { ceremony: hinted, ..Settings::default() });
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let hints = |form: &Value, name: &str| options(form, name)["publicKey"]["hints"].clone();
    let form = world.shown(&world.settings_form(&live).await, Some(&live));
    assert_eq!(hints(&form, "passkey_create_data"), json!(["client-device", "hybrid"]));
    assert_eq!(hints(&form, "webauthn_register_trigger"), json!(["security-key"]));
    let form = world.shown(&world.login_form(None, None, false).await, None);
    assert_eq!(hints(&form, "passkey_challenge"), json!(["client-device", "hybrid"]));
    let without = World::new();
    let form = without.shown(&without.login_form(None, None, false).await, None);
    assert_eq!(options(&form, "passkey_challenge")["publicKey"].get("hints"), None);
}
