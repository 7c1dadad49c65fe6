//! A consent app that is asked about devices, and what attackers try with its questions and answers.

use serde_json::{Value, json};

use super::{DeviceOutcome, DeviceStep};
use crate::authorization::external::{AcceptConsent, ChallengeError, RedirectTo, Reject};
use crate::authorization::{Browser, PageError};
use crate::memory::{REQUEST, World, as_app, now, request};
use crate::parameters::Parameters;
use crate::token::{TokenError, TokenResponse};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const APP: &str = "https://login.example/consent?theme=dark";

fn world_of(client: &Value) -> World {
    World::of_app(|settings| settings.urls.consent = Some(APP.to_owned()), client)
}

fn world() -> World {
    world_of(&json!({}))
}

/// A device that waits: its own code, and the one that it shows.
fn begun(world: &World) -> (String, String) {
    let encoded = as_app(&[("scope", "openid read offline_access"), ("audience", "https://api.example")]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let begun = world.commit(|| now(world.server.device_authorization(request(&parameters)))).unwrap();
    (begun.device_code, begun.user_code)
}

fn poll(world: &World, code: &str) -> Result<TokenResponse, TokenError> {
    world.token(&[("grant_type", GRANT), ("device_code", code)])
}

/// As person `n`, whose browser's cookie is `binding`.
fn browse<T>(world: &World, n: u128, binding: &str, act: impl FnOnce(Browser<'_>) -> T) -> T {
    let subject = world.subject(n);
    act(Browser { subject: Some(&subject), binding: Some(binding), request: REQUEST })
}

fn last(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find_map(|(other, value)| (other == name).then(|| value.into_owned())).unwrap()
}

/// Ada enters a code, and is sent to the app.
fn asked(world: &World, user_code: &str) -> String {
    browse(world, 1, "b", |browser| {
        let entered = now(world.server.enter_user_code(user_code, browser)).unwrap().unwrap();
        match now(world.server.device_step(&entered, browser)).unwrap() {
            DeviceStep::ConsentApp(url) => {
                assert!(url.starts_with(APP), "{url}");
                last(&url, "consent_challenge")
            }
            other => panic!("{other:?}"),
        }
    })
}

fn accept(world: &World, challenge: &str, answer: &Value) -> Result<RedirectTo, ChallengeError> {
    let answer: AcceptConsent = serde_json::from_value(answer.clone()).unwrap();
    world.commit(|| now(world.server.accept_consent_challenge(challenge, answer.clone())))
}

fn reject(world: &World, challenge: &str) -> Result<RedirectTo, ChallengeError> {
    world.commit(|| now(world.server.reject_consent_challenge(challenge, Reject::default())))
}

fn verifier(answer: Result<RedirectTo, ChallengeError>) -> String {
    let url = answer.unwrap().redirect_to;
    assert!(url.starts_with("https://id.example/oauth2/device/verify?"), "{url}");
    last(&url, "consent_verifier")
}

fn back(world: &World, verifier: &str, n: u128, binding: &str) -> Result<DeviceOutcome, PageError> {
    world.commit(|| {
        browse(world, n, binding, |browser| now(world.server.continue_device_consent(verifier, browser)))
    })
}

#[test]
fn app_is_asked_who_wants_what_and_the_device_gets_what_it_grants() {
    let world = world();
    let (device, user_code) = begun(&world);
    let challenge = asked(&world, &user_code);
    let shown = now(world.server.show_consent_challenge(&challenge)).unwrap();
    assert_eq!((&shown["skip"], &shown["device_user_code"]), (&json!(false), &json!(user_code)));
    assert_eq!((&shown["client"]["client_id"], &shown["challenge"]), (&json!("app"), &json!(challenge)));
    assert_eq!(shown["requested_scope"], json!(["openid", "read", "offline_access"]));
    assert_eq!(shown["requested_access_token_audience"], json!(["https://api.example"]));
    assert_eq!(shown["subject"], world.subject(1).sub());
    assert_eq!(poll(&world, &device).err(), Some(TokenError::AuthorizationPending));
    let answer = json!({"grant_scope": ["openid", "offline_access"], "remember": true,
        "session": {"id_token": {"desk": 7}}});
    let given = verifier(accept(&world, &challenge, &answer));
    assert!(world.rows(|rows| rows.grants.is_empty()), "nobody came back");
    assert_eq!(back(&world, &given, 1, "b"), Ok(DeviceOutcome::Allowed));
    world.wait(5);
    let tokens = poll(&world, &device).unwrap();
    assert_eq!(tokens.scope, "openid offline_access", "less than the device asked for");
    let claims = tokens.id_token.unwrap();
    let claims = claims.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&claims).unwrap()["desk"], 7);
    assert_eq!(back(&world, &given, 1, "b"), Err(PageError::Used));
    assert!(world.rows(|rows| rows.consents.is_empty()), "nothing is remembered of a device");
    let shown = now(world.server.show_consent_challenge(&challenge));
    assert!(matches!(shown, Err(ChallengeError::Gone { .. })), "{shown:?}");
}

#[test]
fn device_whose_person_refuses_is_told_so_and_stays_refused() {
    let world = world();
    let (device, user_code) = begun(&world);
    let challenge = asked(&world, &user_code);
    let given = verifier(reject(&world, &challenge));
    assert_eq!(
        accept(&world, &challenge, &json!({"grant_scope": ["openid"]})),
        Err(ChallengeError::Answered)
    );
    assert_eq!(back(&world, &given, 1, "b"), Ok(DeviceOutcome::Denied));
    assert!(matches!(poll(&world, &device), Err(TokenError::AccessDenied(_))));
    let late = accept(&world, &challenge, &json!({"grant_scope": ["openid"]}));
    assert!(matches!(late, Err(ChallengeError::Gone { .. })), "{late:?}");
}

/// RFC 8628 section 5.4: the client may be one's own, and known to the person; the device in front of the sender is not.
#[test]
fn nobody_is_spared_the_question() {
    let world = world_of(&json!({"skip_consent": true}));
    let (_, user_code) = begun(&world);
    let shown = now(world.server.show_consent_challenge(&asked(&world, &user_code))).unwrap();
    assert_eq!(shown["skip"], false);
}

#[test]
fn answer_is_of_the_browser_and_person_that_were_asked() {
    let world = world();
    world.add_subject(2);
    let (device, user_code) = begun(&world);
    let given = verifier(accept(&world, &asked(&world, &user_code), &json!({"grant_scope": ["openid"]})));
    assert_eq!(back(&world, &given, 1, "of the victim"), Err(PageError::OtherBrowser));
    assert_eq!(back(&world, &given, 2, "b"), Err(PageError::OtherSubject));
    let there = browse(&world, 1, "b", |browser| {
        now(world.other_tenant().continue_device_consent(&given, browser)).result
    });
    assert_eq!(there, Err(PageError::UnknownChallenge));
    assert_eq!(poll(&world, &device).err(), Some(TokenError::AuthorizationPending));
    world.wait(1_800);
    assert_eq!(back(&world, &given, 1, "b"), Err(PageError::Expired));
}

#[test]
fn challenge_is_no_verifier_and_no_other_kind_of_either() {
    let world = world();
    let (_, user_code) = begun(&world);
    let challenge = asked(&world, &user_code);
    assert_eq!(back(&world, &challenge, 1, "b"), Err(PageError::UnknownChallenge), "nobody has answered");
    let given = verifier(accept(&world, &challenge, &json!({"grant_scope": ["openid"]})));
    // Attack: what was said of a device becomes a code for an app, with a redirect.
    let to_app = browse(&world, 1, "b", |browser| now(world.server.continue_consent(&given, browser)).result);
    assert_eq!(to_app.err(), Some(PageError::UnknownChallenge));
    assert_eq!(now(world.server.show_consent_challenge(&given)), Err(ChallengeError::Unknown));
    assert_eq!(now(world.server.show_login_challenge(&challenge)), Err(ChallengeError::Unknown));
    let there = now(world.other_tenant().show_consent_challenge(&challenge));
    assert_eq!(there, Err(ChallengeError::Unknown));
}

#[test]
fn app_grants_a_device_no_more_than_it_asked_for() {
    let world = world();
    let (_, user_code) = begun(&world);
    let challenge = asked(&world, &user_code);
    for more in [
        json!({"grant_scope": ["openid", "write"]}),
        json!({"grant_access_token_audience": ["https://b.example"]}),
        json!({"grant_authorization_details": [{"type": "files"}]}),
        json!({"session": {"access_token": {"sub": "mallory"}}}),
    ] {
        let refused = accept(&world, &challenge, &more);
        assert!(matches!(refused, Err(ChallengeError::Invalid(_))), "{more}: {refused:?}");
    }
}

/// The client was switched off, or lost the scope, while somebody thought about it.
#[test]
fn client_is_looked_at_again_when_the_browser_comes_back() {
    for edit in [
        (|client: &mut crate::client::ClientRecord| client.enabled = false) as fn(&mut _),
        |client: &mut crate::client::ClientRecord| client.document.scope = "openid".to_owned(),
    ] {
        let world = world();
        let (_, user_code) = begun(&world);
        let answer = json!({"grant_scope": ["openid", "read"]});
        let given = verifier(accept(&world, &asked(&world, &user_code), &answer));
        world.rows(|rows| rows.clients.values_mut().for_each(edit));
        assert_eq!(back(&world, &given, 1, "b"), Err(PageError::UnknownClient));
        assert!(world.rows(|rows| rows.grants.is_empty()));
    }
}

/// A device is told that its person was not let in, once, and by nobody but the browser in which its code was entered.
#[test]
fn device_is_told_that_the_login_app_lets_nobody_in() {
    const LOGIN: &str = "https://login.example/login";
    let world = World::of_app(|settings| settings.urls.login = Some(LOGIN.to_owned()), &json!({}));
    let (code, user_code) = begun(&world);
    let nobody = |binding| Browser { subject: None, binding: Some(binding), request: REQUEST };
    let entered = now(world.server.enter_user_code(&user_code, nobody("b"))).unwrap().unwrap();
    let DeviceStep::LoginApp(url) = now(world.server.device_step(&entered, nobody("b"))).unwrap() else {
        panic!("the person signs in elsewhere")
    };
    let challenge = last(&url, "login_challenge");
    let rejected = world.commit(|| now(world.server.reject_login_challenge(&challenge, Reject::default())));
    let verifier = last(&rejected.unwrap().redirect_to, "login_verifier");
    let back = |binding| world.commit(|| now(world.server.continue_login(&verifier, nobody(binding)))).err();
    let told = || poll(&world, &code).unwrap_err().code().as_str();
    assert_eq!((back("another"), told()), (Some(PageError::OtherBrowser), "authorization_pending"));
    assert_eq!(back("b"), Some(PageError::Refused));
    world.wait(10);
    assert_eq!(told(), "access_denied");
    assert_eq!(back("b"), Some(PageError::Used));
}
