//! Attacks on the challenges that travel through the browser.

use super::*;

#[test]
fn challenge_opens_only_where_it_was_made() {
    let world = world();
    let ada = world.subject(1);
    let login = challenge(authorize(&world, &[], None));
    let consent = challenge(authorize(&world, &[], Some(&ada)));
    let here = browser(Some(&ada));
    let check = |what: &str, found: Result<Next, PageError>, expect: PageError| {
        assert_eq!(found.err(), Some(expect), "{what}");
    };
    for (what, binding, expect) in [
        ("another browser, as in login CSRF", Some("cookie-of-the-victim"), PageError::OtherBrowser),
        ("no cookie", None, PageError::OtherBrowser),
    ] {
        let there = Browser { binding, ..here };
        check(what, resume(&world, &login, there), expect.clone());
        check(what, decide(&world, &consent, ALLOW, there), expect.clone());
        assert_eq!(world.server.login_request(&login, binding).err(), Some(expect.clone()));
        assert_eq!(now(world.server.consent_request(&consent, there)).err(), Some(expect));
    }
    check("step", resume(&world, &consent, here), PageError::UnknownChallenge);
    check("step", decide(&world, &login, ALLOW, here), PageError::UnknownChallenge);
    check("text", resume(&world, "x", here), PageError::UnknownChallenge);
    check("size", resume(&world, &"A".repeat(20_000), here), PageError::UnknownChallenge);
    let elsewhere = world.other_tenant();
    check("tenant", now(elsewhere.resume(&login, here)).result, PageError::UnknownChallenge);
    check("tenant", now(elsewhere.decide_consent(&consent, ALLOW, here)).result, PageError::UnknownChallenge);
    world.wait(1_799);
    assert_eq!(word(&resume(&world, &login, here)), "consent");
    world.wait(1);
    check("time", resume(&world, &login, here), PageError::Expired);
    check("time", decide(&world, &consent, ALLOW, here), PageError::Expired);
}

#[test]
fn request_is_answered_once() {
    for (patch, is_asked) in [(json!({"skip_consent": true}), false), (json!({}), true)] {
        let world = World::of_app(|_| {}, &patch);
        let login = challenge(authorize(&world, &[], None));
        let ada = world.subject(1);
        let mut next = resume(&world, &login, browser(Some(&ada)));
        if is_asked {
            next = decide(&world, &challenge(next), ALLOW, browser(Some(&ada)));
        }
        assert_eq!(word(&next), "code");
        assert_eq!(resume(&world, &login, browser(Some(&ada))).err(), Some(PageError::Used));
        assert_eq!(world.rows(|rows| rows.grants.len()), 1);
    }
    // Two answers at once: both are decided before one is written.
    let world = world();
    let ada = world.subject(1);
    let asked = challenge(authorize(&world, &[], Some(&ada)));
    let both = [(); 2].map(|()| now(world.server.decide_consent(&asked, ALLOW, browser(Some(&ada)))));
    assert_eq!(both.map(|decision| world.memory.apply(decision.change).is_ok()), [true, false]);
    assert_eq!(decide(&world, &asked, ALLOW, browser(Some(&ada))).err(), Some(PageError::Used));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    /// A challenge that differs in any byte is not one of ours.
    #[test]
    fn changed_challenge_does_not_open(at in 0_usize..1_000, to in "[A-Za-z0-9_-]") {
        let world = first_party();
        let asked = challenge(authorize(&world, &[], None));
        let at = at % asked.len();
        let mut forged = asked.clone();
        forged.replace_range(at..=at, &to);
        let opened = world.server.login_request(&forged, Some(COOKIE));
        assert_eq!(opened.is_ok(), forged == asked);
    }
}
