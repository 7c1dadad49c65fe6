//! Security keys that sign in alone, once it is known who it is.

use portcullis_identity::flow::{Flow, FlowError, KeyForm};
use portcullis_identity::session::{LiveSession, Method};
use portcullis_identity::settings::WebauthnSettings;
use portcullis_identity::webauthn::KeyKind;
use portcullis_identity::{Settings, Step};
use primitives::subject::AssuranceLevel;
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::keys::{ADA, attribute, authenticator, nodes, options};
use crate::world::{World, message, sealer};

const BOB: &str = "bob@example.com";
const NO_SUCH_KEY: u32 = 4_000_015;

fn passwordless() -> World {
    let webauthn = WebauthnSettings { enabled: true, passwordless: true };
    World::with(Settings { webauthn, ..Settings::default() })
}

impl World {
    /// Somebody with a key that signs in alone.
    async fn with_key(&self, address: &str, seed: u8) -> (LiveSession, Authenticator) {
        self.person(address).await;
        let live = self.sign_in(address).await;
        let mut key = authenticator(seed);
        self.add(&live, "webauthn", &mut key).await;
        (live, key)
    }

    /// The form that asks for a key of a name.
    async fn named(&self, name: &str) -> (Flow, Value) {
        let flow = self.login_form(None, None, false).await;
        let body = json!({ "method": "webauthn", "identifier": name });
        let Step::Form(flow) = self.answer(flow, None, &body).await.unwrap() else { panic!("not asked") };
        let form = self.shown(&flow, None);
        (*flow, form)
    }

    async fn by_key(&self, flow: Flow, name: &str, answer: &str) -> Result<Step, FlowError> {
        let body = json!({ "method": "webauthn", "identifier": name, "webauthn_login": answer });
        self.answer(flow, None, &body).await
    }
}

fn allowed(form: &Value) -> Vec<Value> {
    let asked = options(form, "webauthn_login_trigger");
    asked["publicKey"]["allowCredentials"].as_array().unwrap().clone()
}

fn refused(step: Step) -> u32 {
    match step {
        Step::Refused(flow, _) => flow.messages[0].id,
        step => message(&step),
    }
}

#[tokio::test]
async fn key_signs_in_alone_after_a_name_and_proves_one_factor() {
    let world = passwordless();
    let (live, mut key) = world.with_key(ADA, 1).await;
    let kept = &world.keys(live.identity()).await[0].record;
    assert_eq!((kept.kind, kept.display_name.as_str()), (KeyKind::Passwordless, "My key"));

    let first = world.shown(&world.login_form(None, None, false).await, None);
    assert_eq!(nodes(&first, "webauthn"), ["webauthn_script", "method"]);
    let (flow, form) = world.named(ADA).await;
    assert_eq!(flow.messages[0].id, 1_010_012);
    assert_eq!(nodes(&form, "webauthn"), ["webauthn_login", "webauthn_login_trigger", "webauthn_script"]);
    for other in ["password", "passkey", "code"] {
        assert_eq!(nodes(&form, other), Vec::<String>::new(), "it asks for one thing");
    }
    assert_eq!(attribute(&form, "identifier", "type"), "hidden");
    let asked = options(&form, "webauthn_login_trigger");
    assert_eq!(asked["publicKey"]["userVerification"], "required");
    assert_eq!(allowed(&form), [json!({ "type": "public-key", "id": kept.id.to_string() })]);
    let answer = key.get(&asked);
    let Step::SignedIn(signed_in) = world.by_key(flow, ADA, &answer).await.unwrap() else { panic!("not in") };
    assert_eq!(signed_in.session.assurance, AssuranceLevel::Aal1);
    assert_eq!(signed_in.session.methods[0].method, Method::Webauthn);
    assert_eq!(signed_in.identity.traits["email"], ADA);
    assert_eq!(signed_in.identity.available, AssuranceLevel::Aal1, "it is no second factor beside itself");
    world.people.apply(&signed_in.change.seal(&sealer()));
    assert_eq!(world.keys(&signed_in.identity).await[0].record.sign_count, 2);
}

/// The attack: names are tried, to learn who has an account and with what.
#[tokio::test]
async fn names_of_nobody_lead_to_credentials_all_the_same() {
    let mut world = passwordless();
    // Each counts as an attempt of the address.
    world.settings.limits.address.burst = 10_000;
    world.with_key(ADA, 1).await;
    world.person(BOB).await;
    let shape = |form: &Value| {
        let own: Vec<String> =
            allowed(form).iter().map(|one| one.as_object().unwrap().keys().cloned().collect()).collect();
        (own, nodes(form, "webauthn"), form["ui"]["messages"].clone())
    };
    let (_, known) = world.named(ADA).await;
    let mut seen = Vec::new();
    let mut lengths = std::collections::BTreeSet::new();
    for number in 0..60 {
        let name = if number == 0 { BOB.to_owned() } else { format!("nobody{number}@example.com") };
        let (_, form) = world.named(&name).await;
        let (_, again) = world.named(&format!(" {}", name.to_uppercase())).await;
        assert_eq!(allowed(&form), allowed(&again), "they are the same each time, however it is written");
        let list = allowed(&form);
        assert!((1..=2).contains(&list.len()));
        if list.len() == 1 {
            let (own, nodes, messages) = shape(&form);
            assert_eq!((own, nodes, messages), shape(&known), "{name}");
        }
        for one in list {
            let id = primitives::base64url::decode(one["id"].as_str().unwrap()).unwrap();
            lengths.insert(id.len());
            assert!(!seen.contains(&id), "each name has its own");
            seen.push(id);
        }
    }
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [16, 32, 48, 64]);
    // Nor are they those of another tenant, or of a node with other keys: they are made with a key of its own.
    assert!(seen.len() > 60, "some names have two");
}

#[tokio::test]
async fn names_and_keys_belong_together() {
    let world = passwordless();
    let (_, mut key) = world.with_key(ADA, 1).await;
    let (_, mut bobs) = world.with_key(BOB, 2).await;

    // Of somebody else than was named.
    let (flow, form) = world.named(ADA).await;
    let answer = bobs.get(&options(&form, "webauthn_login_trigger"));
    assert_eq!(refused(world.by_key(flow, ADA, &answer).await.unwrap()), NO_SUCH_KEY);
    let (flow, form) = world.named(ADA).await;
    let answer = key.get(&options(&form, "webauthn_login_trigger"));
    assert_eq!(refused(world.by_key(flow, BOB, &answer).await.unwrap()), NO_SUCH_KEY);

    // Of another form, of nobody, without a PIN: one message.
    let (one, form) = world.named(ADA).await;
    let (other, _) = world.named(ADA).await;
    let answer = key.get(&options(&form, "webauthn_login_trigger"));
    assert_eq!(refused(world.by_key(other, ADA, &answer).await.unwrap()), NO_SUCH_KEY);
    let nobodys = authenticator(9).get(&options(&form, "webauthn_login_trigger"));
    assert_eq!(refused(world.by_key(one.clone(), ADA, &nobodys).await.unwrap()), NO_SUCH_KEY);
    key.flags = 0b001;
    let unverified = key.get(&options(&form, "webauthn_login_trigger"));
    assert_eq!(refused(world.by_key(one, ADA, &unverified).await.unwrap()), NO_SUCH_KEY);

    // Without a name nothing is asked for.
    let flow = world.login_form(None, None, false).await;
    let step = world.answer(flow, None, &json!({ "method": "webauthn" })).await.unwrap();
    assert_eq!(message(&step), 4_000_002);
}

/// The attack: one key proves both factors, or a second one signs in alone.
#[tokio::test]
async fn first_and_second_factor_are_two_keys() {
    // A second factor from before the tenant let keys sign in alone.
    let mut world = World::new();
    let (live, mut second) = world.with_key(ADA, 1).await;
    assert_eq!(world.keys(live.identity()).await[0].record.kind, KeyKind::SecondFactor);
    world.settings.webauthn.passwordless = true;

    let (flow, form) = world.named(ADA).await;
    let answer = second.get(&options(&form, "webauthn_login_trigger"));
    assert_eq!(refused(world.by_key(flow, ADA, &answer).await.unwrap()), NO_SUCH_KEY);

    // It goes on to be asked for, and the new one is not.
    let whole = crate::keys::whole(&world.sign_in(ADA).await);
    let mut first = authenticator(2);
    world.add(&whole, "webauthn", &mut first).await;
    let half = world.sign_in(ADA).await;
    let flow = world.login_form(Some(&half), Some("aal2"), false).await;
    let form = world.shown(&flow, Some(&half));
    assert_eq!(allowed(&form).len(), 1);
    let answer = first.get(&options(&form, "webauthn_login_trigger"));
    let body = json!({ "webauthn_login": answer });
    assert_eq!(refused(world.answer(flow.clone(), Some(&half), &body).await.unwrap()), 8_000_030);
    let answer = second.get(&options(&form, "webauthn_login_trigger"));
    let body = json!({ "webauthn_login": answer });
    assert!(matches!(world.answer(flow, Some(&half), &body).await.unwrap(), Step::Refreshed { .. }));
}

#[tokio::test]
async fn somebody_signs_up_with_a_key_in_one_step() {
    let world = passwordless();
    let flow = world.registration_form().await;
    let form = world.shown(&flow, None);
    assert_eq!(
        nodes(&form, "webauthn"),
        [
            "webauthn_register_displayname",
            "webauthn_register",
            "webauthn_register_trigger",
            "webauthn_script"
        ]
    );
    let asked = options(&form, "webauthn_register_trigger");
    assert_eq!(asked["publicKey"]["authenticatorSelection"]["residentKey"], "discouraged");
    assert_eq!(asked["publicKey"]["authenticatorSelection"]["userVerification"], "required");
    let mut key = authenticator(1);
    let made = key.create(&asked);
    let body = |traits: Value| json!({ "method": "webauthn", "traits": traits, "webauthn_register": made, "webauthn_register_displayname": " Blue\n " });
    let wrong = world.answer(flow.clone(), None, &body(json!({}))).await.unwrap();
    let Step::Form(wrong) = wrong else { panic!("taken") };
    assert_eq!(wrong.field_messages[0].0, "traits.email");
    let step = world.answer(flow.clone(), None, &body(json!({ "email": ADA }))).await.unwrap();
    let Step::Registered { identity, session, change, .. } = step else { panic!("not signed up") };
    let session = session.unwrap().0;
    assert_eq!((session.methods[0].method, session.assurance), (Method::Webauthn, AssuranceLevel::Aal1));
    world.people.apply(&change.seal(&sealer()));
    let kept = &world.keys(&identity).await[0].record;
    assert_eq!((kept.kind, kept.display_name.as_str()), (KeyKind::Passwordless, "Blue"));

    let (flow, form) = world.named(ADA).await;
    let answer = key.get(&options(&form, "webauthn_login_trigger"));
    assert!(matches!(world.by_key(flow, ADA, &answer).await.unwrap(), Step::SignedIn(_)));
    // Without an answer the form asks for it; a name that is taken is said.
    let flow = world.registration_form().await;
    let empty = json!({ "method": "webauthn", "traits": { "email": BOB } });
    assert_eq!(message(&world.answer(flow.clone(), None, &empty).await.unwrap()), 4_000_002);
    let asked = options(&world.shown(&flow, None), "webauthn_register_trigger");
    let body = json!({ "traits": { "email": ADA }, "webauthn_register": authenticator(3).create(&asked) });
    assert_eq!(message(&world.answer(flow, None, &body).await.unwrap()), 4_000_007);
}

#[tokio::test]
async fn tenants_have_it_who_say_so() {
    let world = World::new();
    world.person(ADA).await;
    let flow = world.login_form(None, None, false).await;
    assert_eq!(nodes(&world.shown(&flow, None), "webauthn"), ["webauthn_script"], "which passkeys need");
    let body = json!({ "method": "webauthn", "identifier": ADA });
    assert_eq!(message(&world.answer(flow, None, &body).await.unwrap()), 4_010_002);
    let flow = world.registration_form().await;
    assert_eq!(nodes(&world.shown(&flow, None), "webauthn"), Vec::<String>::new());
    let body = json!({ "method": "webauthn", "traits": { "email": BOB } });
    assert_eq!(message(&world.answer(flow, None, &body).await.unwrap()), 4_010_003);

    // A form that was begun before it was taken away.
    let mut world = passwordless();
    world.with_key(ADA, 1).await;
    let (flow, _) = world.named(ADA).await;
    world.settings.webauthn.passwordless = false;
    assert_eq!(message(&world.by_key(flow, ADA, "{}").await.unwrap()), 4_010_002);
}

#[tokio::test]
async fn last_key_stays() {
    let world = passwordless();
    let (live, _) = world.with_key(ADA, 1).await;
    let without_password = primitives::Change::new(world.tenant.clone())
        .write(portcullis_identity::Write::RemovePassword(live.identity().id));
    world.people.apply(&without_password);
    let flow = world.settings_form(&live).await;
    assert!(matches!(flow.factors.keys, KeyForm::Settings(_)));
    assert_eq!(attribute(&world.shown(&flow, Some(&live)), "webauthn_remove", "disabled"), true);
    let kept = world.keys(live.identity()).await;
    let body = json!({ "webauthn_remove": kept[0].record.id.hex() });
    assert_eq!(message(&world.answer(flow, Some(&live), &body).await.unwrap()), 8_000_031);
}
