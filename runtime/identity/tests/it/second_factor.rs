//! Second factors: set up, proven, taken away, and what needs them.

use portcullis_identity::factor::{FactorKind, StoredFactor};
use portcullis_identity::flow::{
    Caller, FlowError, FlowView, LookupForm, StartError, StartRequest, TotpForm, Transport, flow_document,
    start_login, start_settings,
};
use portcullis_identity::ports::Factors as _;
use portcullis_identity::session::LiveSession;
use portcullis_identity::settings::{Rate, RequiredAssurance};
use portcullis_identity::{Flow, Identity, Step, Submission, next_step};
use primitives::subject::AssuranceLevel;
use primitives::{ClientAddress, Timestamp};
use serde_json::{Value, json};

use crate::openapi::Description;
use crate::world::{BASE, NOW, World, aged, message};

const ADA: &str = "ada@example.com";

/// A code as an authenticator app shows it, computed apart from the code under test.
fn code(secret: &str, at: Timestamp) -> String {
    let mut bits = secret.bytes().flat_map(|letter| {
        let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
        (0..5).rev().map(move |bit| value >> bit & 1)
    });
    let mut key = Vec::new();
    while let Some(first) = bits.next() {
        key.push((0..7).fold(first, |byte, _| byte << 1 | bits.next().unwrap_or_default()));
    }
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let step = u64::try_from(at.seconds() / 30).unwrap();
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let from = usize::from(tag.as_ref()[19] & 15);
    let four: [u8; 4] = tag.as_ref()[from..from + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}

fn caller(session: Option<&LiveSession>) -> Caller<'_> {
    Caller { address: ClientAddress("203.0.113.9".parse().unwrap()), user_agent: Some("test"), session }
}

fn request<'a>(base: &'a url::Url, aal: Option<&'a str>, refresh: bool) -> StartRequest<'a> {
    StartRequest { refresh, aal, ..StartRequest::new(Transport::Api, base, "/self-service/login/api") }
}

impl World {
    async fn begin_login(
        &self,
        session: Option<&LiveSession>,
        aal: Option<&str>,
        refresh: bool,
    ) -> Result<Flow, StartError> {
        let base = BASE.parse().unwrap();
        let (own, _) = start_login(self.room(), caller(session), request(&base, aal, refresh)).await?;
        Ok(own.flow)
    }

    async fn begin_settings(&self, session: &LiveSession) -> Flow {
        let base = BASE.parse().unwrap();
        start_settings(self.room(), caller(Some(session)), request(&base, None, false)).await.unwrap().0.flow
    }

    async fn send(&self, flow: Flow, session: Option<&LiveSession>, body: &Value) -> Result<Step, FlowError> {
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller(session), flow, submission)).await
    }

    async fn factors(&self, identity: &Identity) -> Vec<StoredFactor> {
        self.people.list_factors(&self.tenant, identity.id).await.unwrap()
    }

    /// Sets up an authenticator app and returns its secret.
    async fn enrol(&self, session: &LiveSession) -> String {
        let flow = self.begin_settings(session).await;
        let secret = secret(&flow);
        let body = json!({"method": "totp", "totp_code": code(&secret, self.now)});
        let Step::Saved { flow, change, .. } = self.send(flow, Some(session), &body).await.unwrap() else {
            panic!("not set up")
        };
        assert_eq!(flow.factors.totp, TotpForm::Set);
        self.people.apply(&change);
        secret
    }

    /// Makes backup codes and returns them.
    async fn make_codes(&self, session: &LiveSession) -> Vec<String> {
        let flow = self.begin_settings(session).await;
        let body = json!({"method": "lookup_secret", "lookup_secret_regenerate": true});
        let Step::Shown(flow, _) = self.send(flow, Some(session), &body).await.unwrap() else {
            panic!("not shown")
        };
        let codes = shown(&flow);
        let body = json!({"method": "lookup_secret", "lookup_secret_confirm": true});
        let Step::Saved { change, .. } = self.send(*flow, Some(session), &body).await.unwrap() else {
            panic!("not taken")
        };
        self.people.apply(&change);
        codes
    }
}

fn secret(flow: &Flow) -> String {
    let TotpForm::Offered { secret, .. } = &flow.factors.totp else { panic!("nothing to set up") };
    secret.base32()
}

fn shown(flow: &Flow) -> Vec<String> {
    let (LookupForm::Proposed(codes) | LookupForm::Revealed(codes)) = &flow.factors.lookup_secret else {
        panic!("no codes are shown")
    };
    codes.list().iter().map(|code| code.expose().to_owned()).collect()
}

/// A session in which only the password was given.
async fn half(world: &World) -> LiveSession {
    world.sign_in(ADA).await
}

#[tokio::test]
async fn app_is_set_up_by_its_first_code_and_then_asked_for() {
    let mut world = World::new();
    let ada = world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let flow = world.begin_settings(&live).await;
    for (typed, expected) in [("", 4_000_002), ("000000", 4_000_008)] {
        let body = json!({"method": "totp", "totp_code": typed});
        let again = world.send(flow.clone(), Some(&live), &body).await.unwrap();
        assert_eq!(message(&again), expected, "{typed:?}");
    }
    assert!(world.factors(&ada).await.is_empty(), "a wrong code sets nothing up");
    let secret = world.enrol(&live).await;

    let live = half(&world).await;
    assert!(!live.satisfies(RequiredAssurance::HighestAvailable));
    assert!(live.satisfies(RequiredAssurance::Aal1));
    world.now = Timestamp::from_seconds(NOW.seconds() + 60);
    let flow = world.begin_login(Some(&live), Some("aal2"), false).await.unwrap();
    assert_eq!(flow.messages[0].id, 1_010_004);
    let body = json!({"method": "totp", "totp_code": code(&secret, world.now)});
    let Step::Refreshed { session, change } = world.send(flow, Some(&live), &body).await.unwrap() else {
        panic!("not proven")
    };
    world.people.apply(&change);
    assert_eq!((session.id, session.assurance), (live.session().id, AssuranceLevel::Aal2));
    let whole = LiveSession::check(session, live.identity().clone(), world.now).unwrap();
    assert!(whole.satisfies(RequiredAssurance::HighestAvailable));
    assert_eq!(whole.subject(&world.tenant).methods, ["pwd", "otp", "mfa"]);
}

#[tokio::test]
async fn a_code_counts_once_whether_it_set_the_app_up_or_signed_in() {
    let world = World::new();
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let secret = world.enrol(&live).await;
    let live = half(&world).await;
    let replayed = json!({"method": "totp", "totp_code": code(&secret, world.now)});
    let flow = world.begin_login(Some(&live), Some("aal2"), false).await.unwrap();
    assert_eq!(message(&world.send(flow.clone(), Some(&live), &replayed).await.unwrap()), 4_000_008);
    let next =
        json!({"method": "totp", "totp_code": code(&secret, Timestamp::from_seconds(NOW.seconds() + 30))});
    let Step::Refreshed { change, .. } = world.send(flow.clone(), Some(&live), &next).await.unwrap() else {
        panic!("not proven")
    };
    world.people.apply(&change);
    assert_eq!(message(&world.send(flow, Some(&live), &next).await.unwrap()), 4_000_008);
}

#[tokio::test]
async fn backup_codes_are_made_shown_taken_and_each_counts_once() {
    let world = World::new();
    let ada = world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let codes = world.make_codes(&live).await;
    assert_eq!(codes.len(), 12);
    let live = half(&world).await;
    let flow = world.begin_login(Some(&live), Some("aal2"), false).await.unwrap();
    let body = |code: &str| json!({"method": "lookup_secret", "lookup_secret": code});
    assert_eq!(message(&world.send(flow.clone(), Some(&live), &body("nonsense")).await.unwrap()), 4_000_016);
    assert_eq!(message(&world.send(flow.clone(), Some(&live), &body("")).await.unwrap()), 4_000_002);
    let Step::Refreshed { session, change } =
        world.send(flow.clone(), Some(&live), &body(&codes[4])).await.unwrap()
    else {
        panic!("not proven")
    };
    world.people.apply(&change);
    assert_eq!(message(&world.send(flow, Some(&live), &body(&codes[4])).await.unwrap()), 4_000_012);

    let live = LiveSession::check(session, world.sign_in(ADA).await.identity().clone(), world.now).unwrap();
    let reveal = json!({"method": "lookup_secret", "lookup_secret_reveal": true});
    let flow = world.begin_settings(&live).await;
    let Step::Shown(flow, change) = world.send(flow, Some(&live), &reveal).await.unwrap() else {
        panic!("not shown")
    };
    assert_eq!(shown(&flow), codes);
    assert_eq!(change.audit[0].action, "identity.credential_revealed");
    let disable = json!({"lookup_secret_disable": "true"});
    let Step::Saved { change, .. } = world.send(*flow, Some(&live), &disable).await.unwrap() else {
        panic!("not taken away")
    };
    world.people.apply(&change);
    assert!(world.factors(&ada).await.is_empty());
}

#[tokio::test]
async fn codes_that_were_only_proposed_are_worth_nothing() {
    let world = World::new();
    let ada = world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let flow = world.begin_settings(&live).await;
    let confirm = json!({"method": "lookup_secret", "lookup_secret_confirm": true});
    assert_eq!(message(&world.send(flow.clone(), Some(&live), &confirm).await.unwrap()), 4_010_004);
    let regenerate = json!({"method": "lookup_secret", "lookup_secret_regenerate": true});
    world.send(flow, Some(&live), &regenerate).await.unwrap();
    assert!(world.factors(&ada).await.is_empty());
}

/// The attack: whoever has the password alone, or an old session, changes the factors of the owner.
#[tokio::test]
async fn factors_change_in_a_young_session_that_has_proven_one() {
    for required in [RequiredAssurance::HighestAvailable, RequiredAssurance::Aal1] {
        let mut world = World::new();
        world.settings.flow.settings.required_aal = required;
        let ada = world.person(ADA).await;
        let first = world.sign_in(ADA).await;
        let flow = world.begin_settings(&first).await;
        world.enrol(&first).await;
        let half = half(&world).await;
        let mut proven = half.session().clone();
        proven.assurance = AssuranceLevel::Aal2;
        let whole = LiveSession::check(proven, half.identity().clone(), world.now).unwrap();
        let old = aged(&whole, 3600, world.now);
        for body in [
            json!({"totp_unlink": true}),
            json!({"method": "totp", "totp_code": "123456"}),
            json!({"lookup_secret_regenerate": true}),
            json!({"lookup_secret_reveal": true}),
            json!({"lookup_secret_confirm": true}),
            json!({"lookup_secret_disable": true}),
        ] {
            let refused = world.send(flow.clone(), Some(&half), &body).await.unwrap_err();
            assert_eq!(refused, FlowError::SecondFactorRequired, "{body}");
            let refused = world.send(flow.clone(), Some(&old), &body).await.unwrap_err();
            assert_eq!(refused, FlowError::RefreshRequired, "{body}");
        }
        let body = json!({"totp_unlink": true});
        let Step::Saved { flow, change, .. } = world.send(flow, Some(&whole), &body).await.unwrap() else {
            panic!("not taken away")
        };
        assert_eq!(change.audit[0].action, "identity.credential_removed");
        assert!(matches!(flow.factors.totp, TotpForm::Offered { .. }), "another can be set up");
        world.people.apply(&change);
        assert!(world.factors(&ada).await.is_empty());
    }
}

#[tokio::test]
async fn settings_ask_for_what_the_tenant_requires() {
    let mut world = World::new();
    let ada = world.person(ADA).await;
    world.enrol(&world.sign_in(ADA).await).await;
    let half = half(&world).await;
    let kind = || portcullis_identity::flow::FlowKind::Settings { identity: ada.id, saved: false };
    let body = json!({"method": "profile", "traits": {"email": ADA}});
    let refused = world.submit(kind(), Some(&half), &body).await.unwrap_err();
    assert_eq!(refused, FlowError::SecondFactorRequired);
    world.settings.flow.settings.required_aal = RequiredAssurance::Aal1;
    assert!(matches!(world.submit(kind(), Some(&half), &body).await, Ok(Step::Saved { .. })));
}

#[tokio::test]
async fn a_sign_in_asks_for_the_second_factor_when_it_is_wanted_or_needed() {
    let mut world = World::new();
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let begun = |flow: Result<Flow, StartError>| flow.map(|flow| flow.is_step_up());
    assert_eq!(
        begun(world.begin_login(None, Some("aal2"), false).await),
        Err(StartError::FirstFactorRequired)
    );
    assert_eq!(
        begun(world.begin_login(None, Some("aal9"), false).await),
        Err(StartError::UnknownAssuranceLevel)
    );
    assert_eq!(
        begun(world.begin_login(Some(&live), Some("aal2"), false).await),
        Err(StartError::SecondFactorUnavailable)
    );
    world.enrol(&live).await;
    let half = half(&world).await;
    for (aal, refresh, expected) in [
        (Some("aal2"), false, Ok(true)),
        (None, false, Ok(true)),
        (Some("aal1"), false, Err(StartError::SessionAlreadyAvailable)),
        (None, true, Ok(false)),
    ] {
        assert_eq!(begun(world.begin_login(Some(&half), aal, refresh).await), expected, "{aal:?} {refresh}");
    }
    world.settings.session.whoami.required_aal = RequiredAssurance::Aal1;
    let refused = begun(world.begin_login(Some(&half), None, false).await);
    assert_eq!(refused, Err(StartError::SessionAlreadyAvailable), "the session counts as it is");
    let mut proven = half.session().clone();
    proven.assurance = AssuranceLevel::Aal2;
    let whole = LiveSession::check(proven, half.identity().clone(), world.now).unwrap();
    for (refresh, expected) in [(false, Err(StartError::SessionAlreadyAvailable)), (true, Ok(true))] {
        assert_eq!(begun(world.begin_login(Some(&whole), Some("aal2"), refresh).await), expected);
    }
}

/// The attacks: a form of one's own with another's session, without one, and with the password once more.
#[tokio::test]
async fn second_factor_counts_for_its_owner_only() {
    let world = World::new();
    world.person(ADA).await;
    world.person("bob@example.com").await;
    let secret = world.enrol(&world.sign_in(ADA).await).await;
    let half = half(&world).await;
    let bob = world.sign_in("bob@example.com").await;
    let flow = world.begin_login(Some(&half), Some("aal2"), false).await.unwrap();
    let right = code(&secret, Timestamp::from_seconds(NOW.seconds() + 30));
    let body = json!({"method": "totp", "totp_code": right});
    assert_eq!(world.send(flow.clone(), Some(&bob), &body).await.unwrap_err(), FlowError::IdentityMismatch);
    assert_eq!(world.send(flow.clone(), None, &body).await.unwrap_err(), FlowError::SessionRequired);
    let password = json!({"method": "password", "identifier": ADA, "password": "correct horse"});
    assert_eq!(message(&world.send(flow.clone(), Some(&half), &password).await.unwrap()), 4_010_002);
    let codes = json!({"method": "lookup_secret", "lookup_secret": "aaaaaaaa"});
    assert_eq!(message(&world.send(flow, Some(&half), &codes).await.unwrap()), 4_000_014);
    let first = world.begin_login(None, None, false).await.unwrap();
    assert_eq!(
        message(&world.send(first, None, &body).await.unwrap()),
        4_010_002,
        "nothing signs in by it alone"
    );
}

#[tokio::test]
async fn guesses_are_counted_by_person_and_forgiven_when_right() {
    let mut world = World::new();
    world.settings.limits.second_factor = Rate { burst: 3, refill_seconds: 300 };
    world.person(ADA).await;
    let secret = world.enrol(&world.sign_in(ADA).await).await;
    let live = half(&world).await;
    let flow = world.begin_login(Some(&live), Some("aal2"), false).await.unwrap();
    let wrong = json!({"method": "totp", "totp_code": "000000"});
    let right =
        json!({"method": "totp", "totp_code": code(&secret, Timestamp::from_seconds(NOW.seconds() + 30))});
    for _ in 0..2 {
        world.send(flow.clone(), Some(&live), &wrong).await.unwrap();
    }
    for _ in 0..5 {
        let step = world.send(flow.clone(), Some(&live), &right).await.unwrap();
        assert!(matches!(step, Step::Refreshed { .. }), "one that is right takes nothing");
    }
    world.send(flow.clone(), Some(&live), &wrong).await.unwrap();
    for body in [&wrong, &right] {
        assert!(matches!(world.send(flow.clone(), Some(&live), body).await, Err(FlowError::Limited(_))));
    }
}

#[tokio::test]
async fn a_factor_that_the_tenant_switched_off_is_not_offered_but_goes_on_to_count() {
    let mut world = World::new();
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    world.enrol(&live).await;
    world.settings.totp.enabled = false;
    world.settings.lookup_secret.enabled = false;
    let half = half(&world).await;
    assert!(world.begin_login(Some(&half), Some("aal2"), false).await.unwrap().is_step_up());
    world.person("bob@example.com").await;
    let bob = world.sign_in("bob@example.com").await;
    let flow = world.begin_settings(&bob).await;
    assert_eq!((&flow.factors.totp, &flow.factors.lookup_secret), (&TotpForm::Hidden, &LookupForm::Hidden));
    let regenerate = json!({"lookup_secret_regenerate": true});
    assert_eq!(message(&world.send(flow, Some(&bob), &regenerate).await.unwrap()), 4_010_004);
}

/// The nodes by name, in their order.
fn nodes(document: &Value) -> Vec<String> {
    let nodes = document["ui"]["nodes"].as_array().unwrap().iter();
    let of_factors = nodes.filter(|node| node["group"] == "totp" || node["group"] == "lookup_secret");
    let name = |node: &Value| {
        let attributes = &node["attributes"];
        attributes["name"].as_str().or(attributes["id"].as_str()).unwrap().to_owned()
    };
    of_factors.map(name).collect()
}

#[tokio::test]
async fn documents_have_the_nodes_of_the_api() {
    let world = World::new();
    world.person(ADA).await;
    let live = world.sign_in(ADA).await;
    let description = Description::load();
    let document = |flow: &Flow| {
        let view = FlowView {
            base_url: BASE,
            schema: world.schemas.default_schema(),
            csrf_token: None,
            identity: Some(live.identity()),
            providers: &[],
            script_integrity: "sha512-x",
            captcha: None,
        };
        let document = flow_document(flow, view);
        if let Some(description) = &description {
            let schema = if flow.kind.as_str() == "login" { "loginFlow" } else { "settingsFlow" };
            description.check(schema, &document);
        }
        document
    };
    let flow = world.begin_settings(&live).await;
    let offered = document(&flow);
    assert_eq!(
        nodes(&offered),
        ["totp_qr", "totp_secret_key", "totp_code", "method", "lookup_secret_regenerate"]
    );
    assert!(offered.to_string().contains("data:image/png;base64,iVBORw0KGgo"));
    let regenerate = json!({"lookup_secret_regenerate": true});
    let Step::Shown(proposed, _) = world.send(flow, Some(&live), &regenerate).await.unwrap() else {
        panic!("not shown")
    };
    assert_eq!(nodes(&document(&proposed))[4..], ["lookup_secret_codes", "lookup_secret_confirm"]);
    world.make_codes(&live).await;
    world.enrol(&whole(&world.sign_in(ADA).await)).await;
    let whole = whole(&half(&world).await);
    let set = world.begin_settings(&whole).await;
    assert_eq!(nodes(&document(&set)), ["totp_unlink", "lookup_secret_reveal", "lookup_secret_disable"]);
    let reveal = json!({"lookup_secret_reveal": true});
    let Step::Shown(revealed, _) = world.send(set, Some(&whole), &reveal).await.unwrap() else {
        panic!("not shown")
    };
    assert_eq!(
        nodes(&document(&revealed)),
        ["totp_unlink", "lookup_secret_codes", "lookup_secret_regenerate", "lookup_secret_disable"]
    );
    let login = world.begin_login(Some(&half(&world).await), Some("aal2"), false).await.unwrap();
    let login = document(&login);
    assert_eq!(login["requested_aal"], "aal2");
    assert_eq!(nodes(&login), ["totp_code", "method", "lookup_secret", "method"]);
    assert_eq!(login["ui"]["nodes"].as_array().unwrap().len(), 5, "nothing asks for the password");
}

fn whole(half: &LiveSession) -> LiveSession {
    let mut session = half.session().clone();
    session.assurance = AssuranceLevel::Aal2;
    LiveSession::check(session, half.identity().clone(), NOW).unwrap()
}

#[test]
fn kinds_are_named_as_the_api_names_them() {
    for (name, kind) in [("totp", FactorKind::Totp), ("lookup_secret", FactorKind::LookupSecret)] {
        assert_eq!(FactorKind::parse(name), Some(kind));
    }
    assert_eq!(FactorKind::parse("password"), None);
}
