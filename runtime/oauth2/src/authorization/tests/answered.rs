//! A challenge has one answer: the first, however often it is said again.

use super::external::{
    accept, accept_consent, accept_login, come_back, consented, page, sign_in, verifier, world,
};
use super::*;
use crate::authorization::external::{ChallengeError, RedirectTo, Reject};

const ANSWERED: Result<RedirectTo, ChallengeError> = Err(ChallengeError::Answered);

fn reject_login(world: &World, challenge: &str, answer: &Value) -> Result<RedirectTo, ChallengeError> {
    let answer = accept::<Reject>(answer.clone());
    world.commit(|| now(world.server.reject_login_challenge(challenge, answer.clone())))
}

fn reject_consent(world: &World, challenge: &str, answer: &Value) -> Result<RedirectTo, ChallengeError> {
    let answer = accept::<Reject>(answer.clone());
    world.commit(|| now(world.server.reject_consent_challenge(challenge, answer.clone())))
}

/// Attack: somebody has refused to sign in; whoever has the challenge accepts it as somebody else.
#[test]
fn sign_in_that_was_refused_is_never_accepted() {
    let world = world();
    let asked = page(authorize(&world, &[], None), "login_challenge");
    let refused = verifier(reject_login(&world, &asked, &json!({})), "login_verifier");
    assert_eq!(accept_login(&world, &asked, json!({"subject": "mallory"})), ANSWERED);
    assert_eq!(reject_login(&world, &asked, &json!({"error": "other"})), ANSWERED, "nor in other words");
    reject_login(&world, &asked, &json!({})).unwrap();
    let shown = now(world.server.show_login_challenge(&asked));
    let Err(ChallengeError::Gone { redirect_to }) = shown else { panic!("{shown:?}") };
    assert!(redirect_to.starts_with("https://id.example/oauth2/auth?"), "{redirect_to}");
    let told = answer(Ok(come_back(&world, &refused, browser(None)).unwrap().next));
    assert_eq!(told.find("error"), Some("request_denied"));
    assert_eq!(accept_login(&world, &asked, json!({"subject": "mallory"})), ANSWERED, "nor afterwards");
    assert_eq!(world.rows(|rows| rows.logins.len()), 0);
}

#[test]
fn sign_in_that_was_accepted_is_that_persons_and_not_refused_any_more() {
    let world = world();
    let asked = page(authorize(&world, &[], None), "login_challenge");
    accept_login(&world, &asked, json!({"subject": "ada", "remember": true})).unwrap();
    assert_eq!(accept_login(&world, &asked, json!({"subject": "bob", "remember": true})), ANSWERED);
    assert_eq!(accept_login(&world, &asked, json!({"subject": "ada"})), ANSWERED);
    assert_eq!(reject_login(&world, &asked, &json!({})), ANSWERED);
    assert!(now(world.server.show_login_challenge(&asked)).is_ok(), "the answer may have been lost");
    world.wait(60);
    let again = accept_login(&world, &asked, json!({"subject": "ada", "remember": true, "unknown": 1}));
    let back = come_back(&world, &verifier(again, "login_verifier"), browser(None)).unwrap();
    assert!(matches!(back.next, Next::Page(_)), "{:?}", back.next);
}

#[test]
fn consent_is_given_or_refused_once() {
    let world = world();
    let read = json!({"grant_scope": ["read"], "session": {"id_token": {"desk": 7, "a": {"c": 1, "b": 2}}}});
    let (asked, ..) = sign_in(&world, &[], json!({"subject": "ada"}));
    reject_consent(&world, &asked, &json!({})).unwrap();
    assert_eq!(accept_consent(&world, &asked, read.clone()), ANSWERED);
    let shown = now(world.server.show_consent_challenge(&asked));
    assert!(matches!(shown, Err(ChallengeError::Gone { .. })), "{shown:?}");
    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": "ada"}));
    accept_consent(&world, &asked, read.clone()).unwrap();
    assert_eq!(accept_consent(&world, &asked, json!({"grant_scope": ["openid", "read"]})), ANSWERED);
    assert_eq!(reject_consent(&world, &asked, &json!({})), ANSWERED);
    let again = verifier(accept_consent(&world, &asked, read), "consent_verifier");
    assert_eq!(word(&consented(&world, &again, browser(Some(&ada)))), "code");
    assert_eq!(world.rows(|rows| rows.grants.len()), 1);
}

/// Both were decided before one was written.
#[test]
fn of_two_answers_at_once_one_is_written() {
    let world = world();
    let asked = page(authorize(&world, &[], None), "login_challenge");
    let accepted = now(world.server.accept_login_challenge(&asked, accept(json!({"subject": "ada"}))));
    let refused = now(world.server.reject_login_challenge(&asked, Reject::default()));
    assert!(accepted.result.is_ok() && refused.result.is_ok());
    let written = [refused.change, accepted.change].map(|change| world.memory.apply(change).is_ok());
    assert_eq!(written, [true, false]);
}

/// Nothing is written by what was not taken: a challenge that did not open, an answer that is none.
#[test]
fn answer_that_is_not_taken_leaves_the_challenge_open() {
    let world = world();
    let asked = page(authorize(&world, &[], None), "login_challenge");
    for wrong in [json!({"subject": ""}), json!({"subject": "ada", "remember": true, "remember_for": -1})] {
        assert!(
            matches!(accept_login(&world, &asked, wrong.clone()), Err(ChallengeError::Invalid(_))),
            "{wrong}"
        );
    }
    assert_eq!(accept_login(&world, "x", json!({"subject": "ada"})), Err(ChallengeError::Unknown));
    assert!(world.rows(|rows| rows.answered.is_empty()));
    accept_login(&world, &asked, json!({"subject": "ada"})).unwrap();
}

/// Attack: whoever has refused on our own page goes back in their browser, or is led back, and allows.
#[test]
fn consent_that_was_refused_on_our_page_stays_refused() {
    let world = World::of_app(|_| {}, &json!({}));
    let ada = world.subject(1);
    let Next::Consent { challenge } = authorize(&world, &[], Some(&ada)).unwrap() else { panic!() };
    let here = browser(Some(&ada));
    for _ in 0..2 {
        assert_eq!(
            word(&decide(&world, &challenge, DENY, here)),
            "access_denied",
            "a second click says the same"
        );
    }
    assert_eq!(decide(&world, &challenge, ALLOW, here).err(), Some(PageError::Used));
    assert_eq!(world.rows(|rows| rows.grants.len()), 0);
    let Next::Consent { challenge } = authorize(&world, &[], Some(&ada)).unwrap() else { panic!() };
    assert_eq!(word(&decide(&world, &challenge, ALLOW, here)), "code", "another request is another question");
}
