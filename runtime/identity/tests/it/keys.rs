//! Passkeys and security keys in forms: signing in and up, the second factor, and the settings page.

use portcullis_identity::flow::{
    Caller, FlowError, FlowView, KeyForm, StartRequest, Transport, flow_document, start_login,
    start_registration, start_settings,
};
use portcullis_identity::identity::IdentityState;
use portcullis_identity::session::{LiveSession, Method};
use portcullis_identity::settings::{RelyingPartySettings, RequiredAssurance, Settings, WebauthnSettings};
use portcullis_identity::webauthn::{KeyKind, StoredKey};
use portcullis_identity::{Flow, Identity, Step, Submission, next_step};
use primitives::ClientAddress;
use primitives::subject::AssuranceLevel;
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::openapi::Description;
use crate::world::{BASE, World, aged, message, sealer};

pub(crate) const ADA: &str = "ada@example.com";
const ORIGIN: &str = "https://id.example";

fn caller(session: Option<&LiveSession>) -> Caller<'_> {
    Caller { address: ClientAddress("203.0.113.9".parse().unwrap()), user_agent: Some("test"), session }
}

fn request<'a>(base: &'a url::Url, aal: Option<&'a str>, refresh: bool) -> StartRequest<'a> {
    StartRequest {
        refresh,
        aal,
        ..StartRequest::new(Transport::Browser, base, "/self-service/login/browser")
    }
}

pub(crate) fn authenticator(seed: u8) -> Authenticator {
    Authenticator::new(seed, ORIGIN).unwrap()
}

/// The attribute of a node.
pub(crate) fn attribute(document: &Value, name: &str, attribute: &str) -> Value {
    let nodes = document["ui"]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["attributes"]["name"] == name);
    node.unwrap_or_else(|| panic!("no node `{name}`"))["attributes"][attribute].clone()
}

/// The options in a node's value.
pub(crate) fn options(document: &Value, name: &str) -> Value {
    serde_json::from_str(attribute(document, name, "value").as_str().unwrap()).unwrap()
}

/// The nodes of a group, by name or id.
pub(crate) fn nodes(document: &Value, group: &str) -> Vec<String> {
    let nodes = document["ui"]["nodes"].as_array().unwrap().iter();
    let of = nodes.filter(|node| node["group"] == group).map(|node| &node["attributes"]);
    of.map(|node| node["name"].as_str().or(node["id"].as_str()).unwrap().to_owned()).collect()
}

impl World {
    pub(crate) async fn login_form(
        &self,
        session: Option<&LiveSession>,
        aal: Option<&str>,
        refresh: bool,
    ) -> Flow {
        let base = BASE.parse().unwrap();
        start_login(self.room(), caller(session), request(&base, aal, refresh)).await.unwrap().0.flow
    }

    pub(crate) async fn registration_form(&self) -> Flow {
        let base = BASE.parse().unwrap();
        start_registration(self.room(), caller(None), request(&base, None, false)).await.unwrap().0.flow
    }

    pub(crate) async fn settings_form(&self, session: &LiveSession) -> Flow {
        let base = BASE.parse().unwrap();
        start_settings(self.room(), caller(Some(session)), request(&base, None, false)).await.unwrap().0.flow
    }

    pub(crate) async fn answer(
        &self,
        flow: Flow,
        session: Option<&LiveSession>,
        body: &Value,
    ) -> Result<Step, FlowError> {
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller(session), flow, submission)).await
    }

    /// What a client sees, which is what the API describes.
    pub(crate) fn shown(&self, flow: &Flow, session: Option<&LiveSession>) -> Value {
        let view = FlowView {
            csrf_token: Some("token"),
            identity: session.map(LiveSession::identity),
            ..self.view()
        };
        let document = flow_document(flow, view);
        if let Some(description) = Description::load() {
            description.check(&format!("{}Flow", flow.kind.as_str()), &document);
        }
        document
    }

    pub(crate) async fn keys(&self, identity: &Identity) -> Vec<StoredKey> {
        self.room().factors.list_keys(&self.tenant, identity.id).await.unwrap()
    }

    /// Adds a key on the settings page.
    pub(crate) async fn add(
        &self,
        live: &LiveSession,
        kind: &str,
        authenticator: &mut Authenticator,
    ) -> Flow {
        let flow = self.settings_form(live).await;
        let form = self.shown(&flow, Some(live));
        let (data, field) = match kind {
            "passkey" => ("passkey_create_data", "passkey_settings_register"),
            _ => ("webauthn_register_trigger", "webauthn_register"),
        };
        let answer = authenticator.create(&options(&form, data));
        let body = json!({ field: answer, "webauthn_register_displayname": "My key" });
        let Step::Saved { flow, change, .. } = self.answer(flow, Some(live), &body).await.unwrap() else {
            panic!("not added")
        };
        self.people.apply(&change);
        *flow
    }

    /// Somebody with a passkey.
    async fn with_passkey(&self) -> (LiveSession, Authenticator) {
        self.person(ADA).await;
        let live = self.sign_in(ADA).await;
        let mut authenticator = authenticator(1);
        self.add(&live, "passkey", &mut authenticator).await;
        (live, authenticator)
    }

    pub(crate) async fn by_passkey(&self, flow: Flow, answer: &str) -> Result<Step, FlowError> {
        self.answer(flow, None, &json!({ "method": "passkey", "passkey_login": answer })).await
    }
}

#[tokio::test]
async fn passkey_signs_in_without_a_name_and_proves_one_factor() {
    let world = World::new();
    let (_, mut authenticator) = world.with_passkey().await;
    let flow = world.login_form(None, None, false).await;
    let form = world.shown(&flow, None);
    assert_eq!(nodes(&form, "passkey"), ["passkey_challenge", "passkey_login", "passkey_login_trigger"]);
    assert_eq!(attribute(&form, "identifier", "autocomplete"), "username webauthn");
    assert_eq!(attribute(&form, "passkey_login_trigger", "onloadTrigger"), "oryPasskeyLoginAutocompleteInit");
    let asked = options(&form, "passkey_challenge");
    assert_eq!(asked["publicKey"]["userVerification"], "required");
    assert_eq!(asked["publicKey"].get("allowCredentials"), None, "whoever has one may answer");
    let answer = authenticator.get(&asked);
    // A script sends the form without a button.
    let body = json!({ "passkey_login": answer, "identifier": "", "password": "" });
    let Step::SignedIn(signed_in) = world.answer(flow, None, &body).await.unwrap() else {
        panic!("not signed in")
    };
    assert_eq!(signed_in.session.assurance, AssuranceLevel::Aal1);
    assert_eq!(signed_in.session.methods[0].method, Method::Passkey);
    assert_eq!(signed_in.identity.traits["email"], ADA);
    let live = LiveSession::check(signed_in.session.clone(), signed_in.identity.clone(), world.now).unwrap();
    assert_eq!(live.subject(&world.tenant).methods, ["pop"]);
    world.people.apply(&signed_in.change.seal(&sealer()));
    let kept = &world.keys(&signed_in.identity).await[0];
    assert_eq!((kept.record.sign_count, kept.version), (2, 2));
}

/// The attacks: an answer from another form, from a phishing page, of a key that was copied, without its user, of a key
/// that nobody has, of somebody who may not sign in. All but the last are one message.
#[tokio::test]
async fn answers_that_prove_nothing_are_one_message() {
    let world = World::new();
    let (live, mut authenticator) = world.with_passkey().await;
    let ask = |flow: &Flow| options(&world.shown(flow, None), "passkey_challenge");
    let refused = |step: Step, what: &str| {
        let Step::Refused(flow, change) = step else { panic!("{what}: {step:?}") };
        assert_eq!(flow.messages[0].id, 4_000_015, "{what}");
        (flow, change.audit)
    };

    let (one, other) = (world.login_form(None, None, false).await, world.login_form(None, None, false).await);
    let answer = authenticator.get(&ask(&one));
    refused(world.by_passkey(other, &answer).await.unwrap(), "another form");

    let flow = world.login_form(None, None, false).await;
    authenticator.origin = "https://id.example.attacker.example".to_owned();
    let answer = authenticator.get(&ask(&flow));
    let (again, _) = refused(world.by_passkey(flow.clone(), &answer).await.unwrap(), "phishing");
    authenticator.origin = ORIGIN.to_owned();
    assert_ne!(ask(&again)["publicKey"]["challenge"], ask(&flow)["publicKey"]["challenge"]);
    let late = authenticator.get(&ask(&flow));
    refused(world.by_passkey(*again, &late).await.unwrap(), "a challenge that was answered");

    let flow = world.login_form(None, None, false).await;
    authenticator.flags = 0b001;
    let answer = authenticator.get(&ask(&flow));
    refused(world.by_passkey(flow, &answer).await.unwrap(), "nobody verified");
    authenticator.flags = 0b101;

    let flow = world.login_form(None, None, false).await;
    let mut elsewhere = ask(&flow);
    elsewhere["publicKey"]["rpId"] = json!("example");
    let answer = authenticator.get(&elsewhere);
    refused(world.by_passkey(flow, &answer).await.unwrap(), "another relying party");

    let flow = world.login_form(None, None, false).await;
    let mut stranger = super::authenticator::Authenticator::new(9, ORIGIN).unwrap();
    let answer = stranger.get(&ask(&flow));
    refused(world.by_passkey(flow, &answer).await.unwrap(), "nobody's");

    let flow = world.login_form(None, None, false).await;
    authenticator.sign_count = 0;
    let answer = authenticator.get(&ask(&flow));
    let (_, seen) = refused(world.by_passkey(flow, &answer).await.unwrap(), "a copy");
    assert_eq!(seen[0].action, "credential.counter_went_back");
    authenticator.sign_count = 7;

    for broken in ["", "{}", "[]", "nonsense", &"[".repeat(40_000)] {
        let flow = world.login_form(None, None, false).await;
        let step = world.by_passkey(flow, broken).await.unwrap();
        if broken.is_empty() {
            assert_eq!(message(&step), 4_000_002);
        } else {
            refused(step, broken);
        }
    }

    world.people.disable(live.identity().id);
    let flow = world.login_form(None, None, false).await;
    let answer = authenticator.get(&ask(&flow));
    let disabled = world.by_passkey(flow, &answer).await;
    assert!(matches!(disabled, Err(FlowError::IdentityDisabled)));
}

#[tokio::test]
async fn refresh_takes_the_passkey_of_whoever_is_signed_in() {
    let world = World::new();
    let (live, mut authenticator) = world.with_passkey().await;
    world.person("bob@example.com").await;
    let bob = world.sign_in("bob@example.com").await;
    for (whose, is_right) in [(&live, true), (&bob, false)] {
        let flow = world.login_form(Some(whose), None, true).await;
        let answer = authenticator.get(&options(&world.shown(&flow, Some(whose)), "passkey_challenge"));
        let body = json!({ "passkey_login": answer });
        let step = world.answer(flow, Some(whose), &body).await.unwrap();
        assert_eq!(matches!(step, Step::Refreshed { .. }), is_right);
        if !is_right {
            assert_eq!(message(&step), 4_000_015);
        }
    }
}

#[tokio::test]
async fn somebody_signs_up_with_a_passkey_in_two_steps() {
    let world = World::new();
    let flow = world.registration_form().await;
    assert_eq!(nodes(&world.shown(&flow, None), "passkey"), ["method"]);
    let traits = json!({ "email": ADA });
    let first = json!({ "method": "passkey", "traits": traits });
    let Step::Form(flow) = world.answer(flow, None, &first).await.unwrap() else { panic!("not asked") };
    let form = world.shown(&flow, None);
    assert_eq!(nodes(&form, "passkey"), ["passkey_register", "passkey_create_data", "method"]);
    assert_eq!(attribute(&form, "passkey_register", "onloadTrigger"), "oryPasskeyRegistration");
    assert_eq!(attribute(&form, "traits.email", "value"), ADA);
    let asked = options(&form, "passkey_create_data");
    assert_eq!(asked["publicKey"]["user"]["name"], ADA);
    assert_eq!(asked["publicKey"]["authenticatorSelection"]["residentKey"], "required");

    let mut authenticator = authenticator(1);
    authenticator.flags = 0b001;
    let unverified = authenticator.create(&asked);
    let body = |answer: &str| json!({ "method": "passkey", "traits": traits, "passkey_register": answer });
    let again = world.answer((*flow).clone(), None, &body(&unverified)).await.unwrap();
    assert_eq!(message(&again), 8_000_030);
    authenticator.flags = 0b101;
    let answer = authenticator.create(&asked);
    let Step::Registered { identity, session, change, .. } =
        world.answer((*flow).clone(), None, &body(&answer)).await.unwrap()
    else {
        panic!("not signed up")
    };
    assert_eq!(session.unwrap().0.methods[0].method, Method::Passkey);
    world.people.apply(&change.seal(&sealer()));
    let keys = world.keys(&identity).await;
    assert_eq!((keys.len(), keys[0].record.kind), (1, KeyKind::Passkey));

    // The account that the authenticator was told of is the one that signs in.
    let flow = world.login_form(None, None, false).await;
    let answer = authenticator.get(&options(&world.shown(&flow, None), "passkey_challenge"));
    let Step::SignedIn(signed_in) = world.by_passkey(flow, &answer).await.unwrap() else { panic!("not in") };
    assert_eq!(signed_in.identity.id, identity.id);

    // A name that is taken is told before anybody has a passkey for nothing.
    let flow = world.registration_form().await;
    assert_eq!(message(&world.answer(flow, None, &first).await.unwrap()), 4_000_007);
}

#[tokio::test]
async fn security_key_is_a_second_factor() {
    let world = World::new();
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let mut key = authenticator(1);
    key.flags = 0b001;
    let flow = world.add(&live, "webauthn", &mut key).await;
    let form = world.shown(&flow, Some(&live));
    assert_eq!(
        nodes(&form, "webauthn"),
        [
            "webauthn_remove",
            "webauthn_register_displayname",
            "webauthn_register",
            "webauthn_register_trigger",
            "webauthn_script"
        ]
    );
    let removal = form["ui"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["attributes"]["name"] == "webauthn_remove");
    assert_eq!(removal.unwrap()["meta"]["label"]["text"], "Remove security key \"My key\"");
    let exclude = options(&form, "webauthn_register_trigger")["publicKey"]["excludeCredentials"].clone();
    assert_eq!(exclude.as_array().unwrap().len(), 1, "one authenticator is added once");

    // The identity that is signed in now has a second factor to prove.
    let half = world.sign_in(ADA).await;
    assert_eq!(
        (half.session().assurance, half.identity().available),
        (AssuranceLevel::Aal1, AssuranceLevel::Aal2)
    );
    let flow = world.login_form(Some(&half), Some("aal2"), false).await;
    let form = world.shown(&flow, Some(&half));
    assert_eq!(nodes(&form, "webauthn"), ["webauthn_login", "webauthn_login_trigger", "webauthn_script"]);
    assert_eq!(nodes(&form, "passkey"), Vec::<String>::new(), "a passkey is a first factor");
    let asked = options(&form, "webauthn_login_trigger");
    assert_eq!(asked["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
    let answer = key.get(&asked);
    let body = json!({ "method": "webauthn", "webauthn_login": answer });
    let Step::Refreshed { session, change } = world.answer(flow, Some(&half), &body).await.unwrap() else {
        panic!("not proven")
    };
    assert_eq!(session.assurance, AssuranceLevel::Aal2);
    assert_eq!(session.methods.last().unwrap().method, Method::Webauthn);
    assert_eq!(change.audit[0].action, "session.second_factor");
    world.people.apply(&change);

    // It does not sign in alone, and another person's proves nothing.
    let flow = world.login_form(None, None, false).await;
    let answer = key.get(&options(&world.shown(&flow, None), "passkey_challenge"));
    assert!(matches!(world.by_passkey(flow, &answer).await.unwrap(), Step::Refused(..)));
    world.person("bob@example.com").await;
    let bob = world.sign_in("bob@example.com").await;
    world.add(&bob, "webauthn", &mut authenticator(2)).await;
    let half = world.sign_in("bob@example.com").await;
    let flow = world.login_form(Some(&half), Some("aal2"), false).await;
    let answer = key.get(&options(&world.shown(&flow, Some(&half)), "webauthn_login_trigger"));
    let body = json!({ "webauthn_login": answer });
    assert_eq!(message(&world.answer(flow, Some(&half), &body).await.unwrap()), 8_000_030);
}

#[tokio::test]
async fn keys_change_in_a_young_session_that_has_proven_all() {
    let world = World::new();
    let (live, mut first) = world.with_passkey().await;
    let old = aged(&live, 3601, world.now);
    let body = json!({ "passkey_remove": "00" });
    let refused = world.answer(world.settings_form(&old).await, Some(&old), &body).await;
    assert!(matches!(refused, Err(FlowError::RefreshRequired)));
    world.add(&live, "webauthn", &mut authenticator(2)).await;
    let half = world.sign_in(ADA).await;
    let refused = world.answer(world.settings_form(&half).await, Some(&half), &body).await;
    assert!(matches!(refused, Err(FlowError::SecondFactorRequired)));

    // One credential is one account's, once.
    let flow = world.settings_form(&live).await;
    let again = first.create(&options(&world.shown(&flow, Some(&live)), "passkey_create_data"));
    let body = json!({ "passkey_settings_register": again });
    let whole = whole(&live);
    assert_eq!(message(&world.answer(flow, Some(&whole), &body).await.unwrap()), 8_000_030);
}

pub(crate) fn whole(half: &LiveSession) -> LiveSession {
    let mut session = half.session().clone();
    session.assurance = AssuranceLevel::Aal2;
    LiveSession::check(session, half.identity().clone(), half.session().issued_at).unwrap()
}

/// The attack: the tenant lets one factor change an account, and whoever has the password adds a factor of theirs beside
/// the owner's security key.
#[tokio::test]
async fn security_key_guards_the_other_factors() {
    let mut settings = Settings::default();
    settings.flow.settings.required_aal = RequiredAssurance::Aal1;
    let world = World::with(settings);
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    world.add(&live, "webauthn", &mut authenticator(1)).await;
    let half = world.sign_in(ADA).await;
    for body in [
        json!({ "method": "totp", "totp_code": "123456" }),
        json!({ "lookup_secret_regenerate": true }),
        json!({ "passkey_settings_register": "{}" }),
        json!({ "webauthn_remove": "00" }),
        json!({ "link": "acme" }),
        json!({ "unlink": "acme" }),
    ] {
        let refused = world.answer(world.settings_form(&half).await, Some(&half), &body).await;
        assert!(matches!(refused, Err(FlowError::SecondFactorRequired)), "{body}");
    }
}

#[tokio::test]
async fn last_credential_cannot_be_removed() {
    let world = World::new();
    let (live, _) = world.with_passkey().await;
    let identity = live.identity();
    let remove = |key: &StoredKey| json!({ "passkey_remove": key.record.id.hex() });
    let mut second = authenticator(2);
    world.add(&live, "passkey", &mut second).await;
    let without_password = primitives::Change::new(world.tenant.clone())
        .write(portcullis_identity::Write::RemovePassword(identity.id));
    world.people.apply(&without_password);
    let keys = world.keys(identity).await;
    let step = world.answer(world.settings_form(&live).await, Some(&live), &remove(&keys[0])).await.unwrap();
    let Step::Saved { flow, change, .. } = step else { panic!("not removed") };
    world.people.apply(&change);
    assert_eq!(attribute(&world.shown(&flow, Some(&live)), "passkey_remove", "disabled"), true);
    let left = world.keys(identity).await;
    assert_eq!(left.len(), 1);
    let last = world.answer(world.settings_form(&live).await, Some(&live), &remove(&left[0])).await.unwrap();
    assert_eq!(message(&last), 8_000_031);
    let nobodys = json!({ "passkey_remove": "00" });
    let unknown = world.answer(world.settings_form(&live).await, Some(&live), &nobodys);
    assert_eq!(message(&unknown.await.unwrap()), 4_000_013);
    assert_eq!(identity.state, IdentityState::Active);
}

#[tokio::test]
async fn forms_offer_what_the_tenant_has() {
    let none = Settings {
        passkey: portcullis_identity::settings::PasskeySettings { enabled: false },
        webauthn: WebauthnSettings { enabled: false, ..WebauthnSettings::default() },
        ..Settings::default()
    };
    let elsewhere = Settings {
        relying_party: RelyingPartySettings { id: Some("other.example".to_owned()), ..Default::default() },
        ..Settings::default()
    };
    for settings in [none, elsewhere] {
        let world = World::with(settings);
        world.person(ADA).await;
        let live = world.sign_in(ADA).await;
        assert_eq!(world.login_form(None, None, false).await.factors.keys, KeyForm::Hidden);
        assert_eq!(world.registration_form().await.factors.keys, KeyForm::Hidden);
        let form = world.shown(&world.settings_form(&live).await, Some(&live));
        assert_eq!(nodes(&form, "passkey"), Vec::<String>::new());
        let flow = world.login_form(None, None, false).await;
        assert_eq!(message(&world.by_passkey(flow, "{}").await.unwrap()), 4_010_002);
    }
}

/// Attack: somebody has keys made without end, and every sign-in reads them all.
#[tokio::test]
async fn nobody_has_more_than_thirty_keys() {
    let world = World::new();
    let (live, _) = world.with_passkey().await;
    for seed in 2..=30 {
        world.add(&live, "passkey", &mut authenticator(seed)).await;
    }
    assert_eq!(world.keys(live.identity()).await.len(), 30);
    let flow = world.settings_form(&live).await;
    let mut one_more = authenticator(31);
    let answer = one_more.create(&options(&world.shown(&flow, Some(&live)), "passkey_create_data"));
    let body = json!({ "passkey_settings_register": answer, "webauthn_register_displayname": "One more" });
    let step = world.answer(flow, Some(&live), &body).await.unwrap();
    assert!(matches!(step, Step::Form(_)), "it is added: {step:?}");
}
