//! A device's way to its tokens, and what attackers try on it.

use serde_json::json;

use super::{DeviceAuthorizationResponse, DeviceOutcome, DeviceStep, MOST_WAITING};
use crate::authorization::{Browser, PageError};
use crate::client::ClientDocument;
use crate::memory::{REQUEST, World, as_app, form, now, request};
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::settings::Settings;
use crate::token::{InvalidGrant, TokenError, TokenResponse};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn world() -> World {
    world_with(|_| {})
}

fn world_with(edit: impl FnOnce(&mut Settings)) -> World {
    World::of_app(edit, &json!({}))
}

impl World {
    fn begin(&self, encoded: &str) -> Result<DeviceAuthorizationResponse, TokenError> {
        let parameters = Parameters::parse(encoded.as_bytes());
        self.commit(|| now(self.server.device_authorization(request(&parameters))))
    }

    fn device(&self, scope: &str) -> DeviceAuthorizationResponse {
        self.begin(&as_app(&[("scope", scope)])).unwrap()
    }

    fn poll(&self, code: &str) -> Result<TokenResponse, TokenError> {
        self.token(&[("grant_type", GRANT), ("device_code", code)])
    }

    /// As person `n`, whose browser's cookie is `binding`.
    fn browser<T>(&self, n: Option<u128>, binding: &str, act: impl FnOnce(Browser<'_>) -> T) -> T {
        let subject = n.map(|n| self.subject(n));
        act(Browser { subject: subject.as_ref(), binding: Some(binding), request: REQUEST })
    }

    fn enter(&self, n: Option<u128>, binding: &str, typed: &str) -> Option<String> {
        self.browser(n, binding, |browser| now(self.server.enter_user_code(typed, browser)).unwrap())
    }

    fn question(&self, n: Option<u128>, binding: &str, challenge: &str) -> Result<DeviceStep, PageError> {
        self.browser(n, binding, |browser| now(self.server.device_step(challenge, browser)))
    }

    /// Enters a code as person `n` and gives the challenge of the question.
    fn asked(&self, n: u128, user_code: &str) -> String {
        let entered = self.enter(Some(n), "b", user_code).unwrap();
        match self.question(Some(n), "b", &entered).unwrap() {
            DeviceStep::Question(question) => question.challenge,
            other => panic!("is signed in: {other:?}"),
        }
    }

    fn answer(
        &self,
        n: u128,
        binding: &str,
        challenge: &str,
        allow: bool,
    ) -> Result<DeviceOutcome, PageError> {
        self.commit(|| {
            self.browser(Some(n), binding, |browser| {
                now(self.server.answer_device(challenge, allow, browser))
            })
        })
    }
}

#[test]
fn device_gets_tokens_of_the_person_who_entered_its_code_once() {
    let world = world();
    let device = world.device("openid read offline_access");
    assert_eq!(world.poll(&device.device_code).err(), Some(TokenError::AuthorizationPending));
    let challenge = world.asked(1, &device.user_code.to_lowercase().replace('-', " "));
    assert_eq!(world.answer(1, "b", &challenge, true), Ok(DeviceOutcome::Allowed));
    let tokens = world.poll(&device.device_code).unwrap();
    assert_eq!(tokens.scope, "openid read offline_access");
    assert!(tokens.id_token.is_some() && world.refresh(tokens.refresh_token.as_ref().unwrap()).is_ok());
    let replayed = Some(TokenError::InvalidGrant(InvalidGrant::ReplayedCode));
    assert_eq!(world.poll(&device.device_code).err(), replayed);
    assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
}

#[test]
fn fifty_parallel_polls_give_one_answer() {
    let world = world();
    let device = world.device("openid");
    let challenge = world.asked(1, &device.user_code);
    world.answer(1, "b", &challenge, true).unwrap();
    let encoded = as_app(&[("grant_type", GRANT), ("device_code", &device.device_code)]);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let poll = || world.commit(|| world.decide_token(&encoded));
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(poll)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
}

#[test]
fn who_asks_too_often_is_slowed_down_and_writes_little() {
    let world = world();
    let code = world.device("openid").device_code;
    let polling = || world.rows(|rows| rows.devices.values().next().unwrap().polling);
    assert_eq!(world.poll(&code).err(), Some(TokenError::AuthorizationPending));
    world.wait(5);
    assert_eq!(world.poll(&code).err(), Some(TokenError::AuthorizationPending));
    world.wait(3);
    assert_eq!(world.poll(&code).err(), Some(TokenError::SlowDown));
    assert_eq!(polling().interval, 10);
    world.wait(10);
    assert_eq!(world.poll(&code).err(), Some(TokenError::AuthorizationPending));
    for _ in 0..30 {
        assert_eq!(world.poll(&code).err(), Some(TokenError::SlowDown));
    }
    assert_eq!(polling().interval, 60);
    let poll = as_app(&[("grant_type", GRANT), ("device_code", &code)]);
    assert!(world.decide_token(&poll).change.writes.is_empty(), "a flood of polls writes nothing more");
    world.wait(60);
    assert_eq!(world.poll(&code).err(), Some(TokenError::AuthorizationPending));
}

#[test]
fn refused_and_late_devices_are_told_so() {
    let world = world();
    let refused = world.device("openid");
    let challenge = world.asked(1, &refused.user_code);
    assert_eq!(world.answer(1, "b", &challenge, false), Ok(DeviceOutcome::Denied));
    assert_eq!(world.poll(&refused.device_code).unwrap_err().code().as_str(), "access_denied");
    assert_eq!(world.answer(1, "b", &challenge, true), Err(PageError::Used), "nothing is taken back");

    let late = world.device("openid");
    let challenge = world.asked(1, &late.user_code);
    world.wait(600);
    assert_eq!(world.poll(&late.device_code).err(), Some(TokenError::ExpiredToken));
    assert_eq!(world.answer(1, "b", &challenge, true), Err(PageError::Expired));
    assert_eq!(world.enter(Some(1), "b", &late.user_code), None);

    // Allowed in time, and fetched too late.
    let slow = world.device("openid");
    let challenge = world.asked(1, &slow.user_code);
    world.answer(1, "b", &challenge, true).unwrap();
    world.wait(600);
    assert_eq!(world.poll(&slow.device_code).err(), Some(TokenError::ExpiredToken));
}

/// Attack: another client redeems the code that it has seen.
#[test]
fn code_of_another_client_or_tenant_is_unknown_and_stays_good() {
    let world = world();
    world.add_client(
        &json!({"client_id": "thief", "token_endpoint_auth_method": "none", "grant_types": [GRANT]}),
    );
    let device = world.device("openid");
    let challenge = world.asked(1, &device.user_code);
    world.answer(1, "b", &challenge, true).unwrap();
    let stolen = form(&[("client_id", "thief"), ("grant_type", GRANT), ("device_code", &device.device_code)]);
    let unknown = Some(TokenError::InvalidGrant(InvalidGrant::UnknownDeviceCode));
    assert_eq!(world.commit(|| world.decide_token(&stolen)).err(), unknown);
    let other = world.other_tenant();
    let elsewhere =
        world.browser(Some(1), "b", |browser| now(other.enter_user_code(&device.user_code, browser)));
    assert_eq!(elsewhere, Ok(None));
    assert!(world.poll(&device.device_code).is_ok());
    assert_eq!(world.commit(|| world.decide_token(&stolen)).err(), unknown, "nor is a used one an alarm");
    assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_none())));
}

/// Attack: a challenge is handed to somebody else's browser, or answered by somebody else in the same one.
#[test]
fn whoever_entered_the_code_answers_in_the_same_browser() {
    let world = world();
    world.add_subject(2);
    let device = world.device("openid");
    let entered = world.enter(None, "b", &device.user_code).unwrap();
    assert_eq!(world.question(None, "b", &entered), Ok(DeviceStep::Login));
    assert_eq!(world.question(Some(2), "other", &entered), Err(PageError::OtherBrowser));
    let challenge = world.asked(1, &device.user_code);
    assert_eq!(world.answer(1, "other", &challenge, true), Err(PageError::OtherBrowser));
    assert_eq!(world.answer(2, "b", &challenge, true), Err(PageError::OtherSubject));
    // What was entered is no answer: the question comes in between.
    assert_eq!(world.answer(1, "b", &entered, true), Err(PageError::UnknownChallenge));
    assert!(world.rows(|rows| rows.grants.is_empty()));
    assert_eq!(world.answer(1, "b", &challenge, true), Ok(DeviceOutcome::Allowed));
    assert_eq!(world.answer(1, "b", &challenge, true), Err(PageError::Used));
}

/// Attack (RFC 8628 section 5.4): the sender of a code hopes that nobody is asked, since they have said yes before.
#[test]
fn person_is_asked_whatever_the_client_is_and_nothing_is_remembered() {
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post", "skip_consent": true}));
    for _ in 0..2 {
        let device = world.device("openid");
        let challenge = world.asked(1, &device.user_code);
        assert_eq!(world.poll(&device.device_code).err(), Some(TokenError::AuthorizationPending));
        world.answer(1, "b", &challenge, true).unwrap();
        assert!(world.rows(|rows| rows.consents.is_empty()));
    }
}

#[test]
fn client_asks_for_what_it_may_have() {
    let check = |patch: serde_json::Value, pairs: &[(&str, &str)], expect: Result<(), &str>| {
        let world = World::new();
        let mut document = json!({"token_endpoint_auth_method": "client_secret_post"});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        world.add_client(&document);
        let begun = world.begin(&as_app(pairs));
        assert_eq!(begun.map(|_| ()).map_err(|error| error.code().as_str()), expect, "{patch} {pairs:?}");
    };
    check(json!({}), &[("scope", "openid read")], Ok(()));
    check(json!({}), &[("scope", "admin")], Err("invalid_scope"));
    check(json!({}), &[("audience", "https://c.example")], Err("invalid_target"));
    check(json!({"grant_types": ["authorization_code"]}), &[], Err("unauthorized_client"));
    check(json!({"token_endpoint_auth_method": "client_secret_basic"}), &[], Err("invalid_client"));
    check(json!({"client_id": "somebody"}), &[], Err("invalid_client"));
}

#[test]
fn client_that_may_not_refresh_is_not_given_what_only_refreshing_is_for() {
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post", "grant_types": [GRANT]}));
    let device = world.device("openid offline_access");
    let challenge = world.asked(1, &device.user_code);
    world.answer(1, "b", &challenge, true).unwrap();
    let tokens = world.poll(&device.device_code).unwrap();
    assert_eq!((tokens.scope.as_str(), tokens.refresh_token), ("openid", None));
}

/// Attack: a flood of requests fills the table, or drowns the codes of others.
#[test]
fn requests_of_a_client_that_wait_are_bounded_and_others_are_not_held_up() {
    let world = world();
    world.add_client(
        &json!({"client_id": "tv", "token_endpoint_auth_method": "none", "grant_types": [GRANT]}),
    );
    let first = world.device("openid");
    world.rows(|rows| {
        let row = rows.devices.values().next().unwrap().clone();
        for n in 1..MOST_WAITING {
            let hash = primitives::KeyedHash(n.to_be_bytes().to_vec());
            rows.devices
                .insert(hash.clone(), super::DeviceCode { user_code: hash.clone(), hash, ..row.clone() });
        }
    });
    let refused = world.begin(&as_app(&[]));
    assert!(matches!(refused, Err(TokenError::Port(PortError::Busy(_)))), "{refused:?}");
    assert!(world.begin(&form(&[("client_id", "tv")])).is_ok(), "another client");
    assert!(world.enter(None, "b", &first.user_code).is_some());
    world.wait(600);
    assert!(world.begin(&as_app(&[])).is_ok(), "what has expired waits no more");
}

#[test]
fn grant_dies_with_the_person_the_session_and_the_client_before_it_is_fetched() {
    let later = primitives::Timestamp::from_seconds(1_800_000_001);
    let check = |break_it: &dyn Fn(&World), expect: &str| {
        let world = world();
        let device = world.device("openid offline_access");
        let challenge = world.asked(1, &device.user_code);
        world.answer(1, "b", &challenge, true).unwrap();
        break_it(&world);
        assert_eq!(world.poll(&device.device_code).unwrap_err().code().as_str(), expect);
    };
    check(&|world| world.rows(|rows| rows.subjects.clear()), "invalid_grant");
    check(&|world| world.rows(|rows| rows.sessions.clear()), "invalid_grant");
    check(
        &|world| world.rows(|rows| rows.grants.values_mut().for_each(|grant| grant.revoked_at = Some(later))),
        "invalid_grant",
    );
    check(
        &|world| world.rows(|rows| rows.clients.values_mut().for_each(|client| client.not_before = later)),
        "invalid_grant",
    );
}

/// Attack: a client is deleted while its device waits, and made anew by somebody else under the same id.
#[test]
fn client_made_anew_inherits_no_waiting_device() {
    let world = world();
    let device = world.device("openid");
    let challenge = world.asked(1, &device.user_code);
    world.wait(1);
    world.rows(|rows| {
        for client in rows.clients.values_mut() {
            client.created_at = world.server.now();
            client.document = ClientDocument { skip_consent: true, ..client.document.clone() };
        }
    });
    assert_eq!(world.answer(1, "b", &challenge, true), Err(PageError::UnknownClient));
}

#[test]
fn code_that_was_redeemed_long_ago_is_still_an_alarm() {
    let world = world();
    let device = world.device("openid");
    let challenge = world.asked(1, &device.user_code);
    world.answer(1, "b", &challenge, true).unwrap();
    world.poll(&device.device_code).unwrap();
    // As the job does that deletes what has expired.
    world.rows(|rows| rows.devices.clear());
    let replayed = Some(TokenError::InvalidGrant(InvalidGrant::ReplayedCode));
    assert_eq!(world.poll(&device.device_code).err(), replayed);
    assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
}

#[test]
fn codes_and_addresses_are_as_the_settings_say() {
    let world = world_with(|settings| {
        settings.device_code_lifespan = "2m".parse().unwrap();
        settings.device_poll_interval = "7s".parse().unwrap();
    });
    let device = world.device("openid");
    assert_eq!((device.expires_in, device.interval), (120, 7));
    assert_eq!(device.verification_uri, "https://id.example/oauth2/device/verify");
    let complete = format!("{}?user_code={}", device.verification_uri, device.user_code);
    assert_eq!(device.verification_uri_complete, complete);
}
