//! Attacks on the challenges that go to apps, and on the verifiers that come back.

use super::external::{
    accept, accept_consent, accept_login, both, come_back, consented, page, parameter, sign_in, verifier,
    world,
};
use super::*;
use crate::authorization::external::{AcceptConsent, AcceptLogin, ChallengeError, Reject};

const ADA: &str = "ada";

#[test]
fn login_verifier_is_good_in_the_browser_that_began_and_nowhere_else() {
    let world = world();
    let asked = page(authorize(&world, &[], None), "login_challenge");
    let accepted = verifier(accept_login(&world, &asked, json!({"subject": ADA})), "login_verifier");
    let check =
        |what: &str, found: Option<PageError>, expect: PageError| assert_eq!(found, Some(expect), "{what}");
    for binding in [Some("cookie-of-the-victim"), None] {
        let there = Browser { binding, ..browser(None) };
        check("browser", come_back(&world, &accepted, there).err(), PageError::OtherBrowser);
    }
    let here = browser(None);
    let elsewhere = world.other_tenant();
    check("tenant", now(elsewhere.continue_login(&accepted, here)).result.err(), PageError::UnknownChallenge);
    check(
        "a challenge, which nobody answered",
        come_back(&world, &asked, here).err(),
        PageError::UnknownChallenge,
    );
    check("step", consented(&world, &accepted, here).err(), PageError::UnknownChallenge);
    check("step", resume(&world, &asked, here).err(), PageError::UnknownChallenge);
    check("step", resume(&world, &accepted, here).err(), PageError::UnknownChallenge);
    check("size", come_back(&world, &"A".repeat(20_000), here).err(), PageError::UnknownChallenge);
    assert_eq!(world.rows(|rows| rows.logins.len()), 0, "nobody is signed in by any of it");
    world.wait(1_800);
    check("time", come_back(&world, &accepted, here).err(), PageError::Expired);
}

#[test]
fn consent_verifier_is_of_the_browser_and_session_that_were_asked() {
    let world = world();
    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": ADA}));
    let accepted =
        verifier(accept_consent(&world, &asked, json!({"grant_scope": ["read"]})), "consent_verifier");
    let here = browser(Some(&ada));
    let check = |what: &str, who: Browser<'_>, expect: PageError| {
        assert_eq!(consented(&world, &accepted, who).err(), Some(expect), "{what}");
    };
    check("browser", Browser { binding: Some("cookie-of-the-victim"), ..here }, PageError::OtherBrowser);
    check("nobody", browser(None), PageError::SessionEnded);
    let (_, bob, _) = sign_in(&world, &[], json!({"subject": "bob"}));
    check("somebody else", browser(Some(&bob)), PageError::OtherSubject);
    let (_, again, _) = sign_in(&world, &[], json!({"subject": ADA}));
    assert_eq!(again.subject, ada.subject);
    check("another session of theirs", browser(Some(&again)), PageError::SessionEnded);
    let elsewhere = now(world.other_tenant().continue_consent(&accepted, here)).result;
    assert_eq!(elsewhere.err(), Some(PageError::UnknownChallenge));
    assert_eq!(
        consented(&world, &asked, here).err(),
        Some(PageError::UnknownChallenge),
        "nobody has answered"
    );
    assert_eq!(
        decide(&world, &asked, ALLOW, here).err(),
        Some(PageError::UnknownChallenge),
        "not on our page"
    );
    assert_eq!(world.rows(|rows| rows.grants.len()), 0);
    assert_eq!(word(&consented(&world, &accepted, here)), "code");
}

#[test]
fn verifiers_of_a_repeated_answer_count_once() {
    let world = world();
    let asked = page(authorize(&world, &[], None), "login_challenge");
    let accepted =
        [(); 2].map(|()| verifier(accept_login(&world, &asked, json!({"subject": ADA})), "login_verifier"));
    // Both come back at once: both are decided before one is written.
    let both = [0, 1].map(|n: usize| now(world.server.continue_login(&accepted[n], browser(None))));
    let written = both.map(|decision| world.memory.apply(decision.change).is_ok());
    assert_eq!(written, [true, false]);
    for one in &accepted {
        assert_eq!(come_back(&world, one, browser(None)).err(), Some(PageError::Used));
    }
    let again = accept_login(&world, &asked, json!({"subject": ADA}));
    assert!(matches!(again, Err(ChallengeError::Gone { .. })), "{again:?}");

    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": ADA}));
    let accepted = [(); 2].map(|()| {
        verifier(accept_consent(&world, &asked, json!({"grant_scope": ["read"]})), "consent_verifier")
    });
    let both = [0, 1].map(|n: usize| now(world.server.continue_consent(&accepted[n], browser(Some(&ada)))));
    let written = both.map(|decision| world.memory.apply(decision.change).is_ok());
    assert_eq!(written, [true, false]);
    for one in &accepted {
        assert_eq!(consented(&world, one, browser(Some(&ada))).err(), Some(PageError::Used));
    }
    assert_eq!(world.rows(|rows| (rows.grants.len(), rows.logins.len())), (1, 2));
}

#[test]
fn challenge_is_answered_by_its_own_tenant_and_in_time() {
    let world = world();
    let login = page(authorize(&world, &[], None), "login_challenge");
    let (consent, ..) = sign_in(&world, &[], json!({"subject": ADA}));
    let elsewhere = world.other_tenant();
    assert_eq!(now(elsewhere.show_login_challenge(&login)), Err(ChallengeError::Unknown));
    let answer = || accept::<AcceptLogin>(json!({"subject": ADA}));
    assert_eq!(now(elsewhere.accept_login_challenge(&login, answer())).result, Err(ChallengeError::Unknown));
    assert_eq!(
        now(elsewhere.reject_login_challenge(&login, Reject::default())).result,
        Err(ChallengeError::Unknown)
    );
    let answer = AcceptConsent::default;
    let unknown = Err(ChallengeError::Unknown);
    assert_eq!(now(elsewhere.accept_consent_challenge(&consent, answer())).result, unknown);
    assert_eq!(now(world.server.accept_consent_challenge(&login, answer())).result, unknown);
    for text in ["", "x", consent.as_str()] {
        assert_eq!(
            accept_login(&world, text, json!({"subject": ADA})),
            Err(ChallengeError::Unknown),
            "{text}"
        );
    }
    world.wait(1_799);
    assert!(accept_login(&world, &login, json!({"subject": ADA})).is_ok());
    world.wait(1);
    for late in
        [accept_login(&world, &login, json!({"subject": ADA})), accept_consent(&world, &consent, json!({}))]
    {
        let Err(ChallengeError::Gone { redirect_to }) = late else { panic!("{late:?}") };
        assert_eq!(parameter(&redirect_to, "client_id"), "app", "the browser begins anew there");
    }
}

#[test]
fn app_grants_no_more_than_was_asked_for_and_says_nothing_that_is_ours() {
    let world = world();
    let changes = [("audience", "https://api.example")];
    let check = |answer: serde_json::Value, expect: Option<&str>| {
        let (asked, ..) = sign_in(&world, &changes, json!({"subject": ADA}));
        let found = accept_consent(&world, &asked, answer.clone()).err().map(|error| error.to_string());
        match expect {
            None => assert_eq!(found, None, "{answer}"),
            Some(expect) => assert!(found.as_ref().is_some_and(|found| found.contains(expect)), "{found:?}"),
        }
    };
    check(json!({}), None);
    check(json!({"grant_scope": ["openid", "write"]}), Some("write was not asked for"));
    check(json!({"grant_access_token_audience": ["https://api.example"]}), None);
    check(json!({"grant_access_token_audience": ["https://b.example"]}), Some("was not asked for"));
    check(json!({"remember": true, "remember_for": -1}), Some("remember_for"));
    for name in crate::hooks::PROTECTED_CLAIMS {
        for document in ["access_token", "id_token"] {
            let session = json!({document: {name: "x"}});
            check(json!({"session": session}), Some(&format!("session.{document} sets the claim {name}")));
        }
    }
    check(json!({"session": {"id_token": {"note": "x".repeat(20_000)}}}), Some("too long"));
}

#[test]
fn app_names_somebody_who_may_sign_in() {
    let world = world();
    let ada = world.subject(1).subject;
    let check = |answer: serde_json::Value, expect: Option<&str>| {
        let asked = page(authorize(&world, &[], None), "login_challenge");
        let found = accept_login(&world, &asked, answer.clone()).err().map(|error| error.to_string());
        match expect {
            None => assert_eq!(found, None, "{answer}"),
            Some(expect) => assert!(found.as_ref().is_some_and(|found| found.contains(expect)), "{found:?}"),
        }
    };
    check(json!({"subject": "crm|7 ü"}), None);
    check(json!({"subject": ""}), Some("subject must have"));
    check(json!({"subject": "x".repeat(256)}), Some("subject must have"));
    check(json!({"subject": "a\nb"}), Some("subject must have"));
    let long = "x".repeat(256);
    check(json!({"subject": "ada", "force_subject_identifier": long}), Some("force_subject_identifier"));
    check(json!({"subject": "ada", "remember": true, "remember_for": -1}), Some("remember_for"));
    check(json!({"subject": "ada", "acr": "x".repeat(256)}), Some("too long"));
    check(json!({"subject": "ada", "context": "x".repeat(20_000)}), Some("too long"));
    check(json!({"subject": ada.to_string()}), None);
    // Somebody who was switched off does not come in as a stranger who has their id for a name.
    world.rows(|rows| {
        rows.subjects.clear();
        rows.inactive.insert(ada);
    });
    check(json!({"subject": ada.to_string()}), Some("inactive"));
}

#[test]
fn session_that_was_ended_meanwhile_is_not_skipped_with() {
    let world = world();
    let (_, ada, _) = sign_in(&world, &[], json!({"subject": ADA, "remember": true}));
    let asked = page(authorize(&world, &[], Some(&ada)), "login_challenge");
    let accepted = verifier(accept_login(&world, &asked, json!({"subject": ADA})), "login_verifier");
    world.memory.apply(world.server.end_login_sessions(ada.subject, primitives::Actor::System)).unwrap();
    assert_eq!(come_back(&world, &accepted, browser(None)).err(), Some(PageError::SessionEnded));
}

/// Attack: a browser that several people use. One may skip, another signs in, and opens what was answered about the first.
#[test]
fn answer_that_lets_somebody_skip_is_for_the_session_that_the_browser_still_has() {
    let world = world();
    let (_, ada, _) = sign_in(&world, &[], json!({"subject": ADA, "remember": true}));
    let (_, again, _) = sign_in(&world, &[], json!({"subject": ADA, "remember": true}));
    let (_, bob, _) = sign_in(&world, &[], json!({"subject": "bob", "remember": true}));
    for answer in
        [json!({"subject": ADA}), json!({"subject": ADA, "remember": true, "extend_session_lifespan": true})]
    {
        let asked = page(authorize(&world, &[], Some(&ada)), "login_challenge");
        let accepted = verifier(accept_login(&world, &asked, answer), "login_verifier");
        for (there, expect) in [
            (Some(&bob), Some(PageError::OtherSubject)),
            (None, Some(PageError::SessionEnded)),
            (Some(&ada), None),
        ] {
            assert_eq!(come_back(&world, &accepted, browser(there)).err(), expect, "{there:?}");
        }
        // They have signed in again meanwhile, and go on in the session of that.
        let next = come_back(&world, &accepted, browser(Some(&again))).map(|continued| continued.next);
        let asked = page(next, "consent_challenge");
        let accepted =
            verifier(accept_consent(&world, &asked, json!({"grant_scope": ["read"]})), "consent_verifier");
        assert_eq!(consented(&world, &accepted, browser(Some(&ada))).err(), Some(PageError::SessionEnded));
        assert_eq!(word(&consented(&world, &accepted, browser(Some(&again)))), "code");
    }
}

#[test]
fn person_whom_the_client_has_in_mind_is_nobody_else() {
    let world = world();
    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": ADA}));
    let accepted =
        verifier(accept_consent(&world, &asked, json!({"grant_scope": ["openid"]})), "consent_verifier");
    let code = answer(consented(&world, &accepted, browser(Some(&ada))));
    let hint = world.redeem(code.find("code").unwrap()).unwrap().id_token.unwrap();
    for (subject, expect) in [(ADA, "app: https://login.example/consent"), ("bob", "login_required")] {
        let asked = page(authorize(&world, &[("id_token_hint", &hint)], None), "login_challenge");
        let accepted = verifier(accept_login(&world, &asked, json!({"subject": subject})), "login_verifier");
        let next = come_back(&world, &accepted, browser(None)).map(|continued| continued.next);
        assert_eq!(word(&next), expect, "{subject}");
    }
}

#[test]
fn client_is_looked_at_again_when_the_browser_comes_back() {
    let check = |edit: &dyn Fn(&mut crate::client::ClientRecord), expect: &str| {
        let world = World::of_app(both, &json!({}));
        let (asked, ada, _) = sign_in(&world, &[], json!({"subject": ADA}));
        let accepted =
            verifier(accept_consent(&world, &asked, json!({"grant_scope": ["read"]})), "consent_verifier");
        world.rows(|rows| rows.clients.values_mut().for_each(edit));
        assert_eq!(word(&consented(&world, &accepted, browser(Some(&ada)))), expect);
    };
    check(&|_| {}, "code");
    check(&|client| client.enabled = false, "page: invalid_client");
    check(&|client| client.document.scope = "openid".to_owned(), "invalid_scope");
    check(&|client| client.document.grant_types = Some(Vec::new()), "unauthorized_client");
}

/// Attack: somebody signs out of everything, and the answer of a login app that came before brings the browser in again.
#[test]
fn session_that_ends_before_the_browser_is_back_brings_nobody_in() {
    let world = world();
    let (ada, own) = (world.subject(1), world.subject(1).session);
    let subject = ada.subject.to_string();
    let others = world.subject(2).session;
    for (named, ends, expect) in [
        (own.to_string(), true, Some(PageError::SessionEnded)),
        (own.to_string(), false, None),
        ("a session of the app's own".to_owned(), true, None),
        // It hangs on nothing: the session is not theirs.
        (others.to_string(), true, None),
    ] {
        world.rows(|rows| rows.sessions.extend([own, others]));
        let asked = page(authorize(&world, &[], None), "login_challenge");
        let said = json!({"subject": subject, "identity_provider_session_id": named});
        let accepted = verifier(accept_login(&world, &asked, said), "login_verifier");
        if ends {
            world.rows(|rows| {
                rows.sessions.remove(&own);
                rows.sessions.remove(&others);
            });
        }
        assert_eq!(come_back(&world, &accepted, browser(None)).err(), expect, "{named} {ends}");
    }
}
