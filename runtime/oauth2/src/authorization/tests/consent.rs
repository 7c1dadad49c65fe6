//! When somebody is asked, and what their answer is worth.

use super::*;

#[test]
fn person_is_asked_and_their_answer_is_told() {
    let world = world();
    let ada = world.subject(1);
    for (verdict, expect) in [(ALLOW, "code"), (DENY, "access_denied")] {
        let asked = challenge(authorize(&world, &[("audience", "https://api.example")], Some(&ada)));
        let shown = now(world.server.consent_request(&asked, browser(Some(&ada)))).unwrap();
        assert_eq!((shown.client_name.as_str(), shown.redirect_host.as_str()), ("App", "app.example"));
        assert_eq!(
            (shown.scopes, shown.audience),
            (vec!["openid".to_owned(), "read".to_owned()], vec!["https://api.example".to_owned()])
        );
        assert_eq!(word(&decide(&world, &asked, verdict, browser(Some(&ada)))), expect);
    }
    assert_eq!(word(&authorize(&world, &[], Some(&ada))), "consent", "neither was remembered");
}

#[test]
fn remembered_consent_covers_what_was_allowed_until_it_ends() {
    let world = World::of_app(|settings| settings.consent_lifespan = Some("1h".parse().unwrap()), &json!({}));
    let ada = world.subject(1);
    let check = |changes: &[(&str, &str)], expect: &str| {
        let next = authorize(&world, changes, Some(&ada));
        assert_eq!(word(&next), expect, "{changes:?}");
    };
    let asked = challenge(authorize(&world, &[], Some(&ada)));
    decide(&world, &asked, REMEMBER, browser(Some(&ada))).unwrap();
    check(&[], "code");
    check(&[("scope", "openid")], "code");
    check(&[("prompt", "consent")], "consent");
    check(&[("audience", "https://api.example")], "consent");
    let asked = challenge(authorize(&world, &[("scope", "write")], Some(&ada)));
    decide(&world, &asked, REMEMBER, browser(Some(&ada))).unwrap();
    check(&[("scope", "openid read write")], "code");
    world.wait(3_600);
    check(&[], "consent");
}

#[test]
fn what_somebody_else_answers_in_the_persons_name_is_not_remembered() {
    let world = world();
    let ada = world.subject(1);
    let actor = Some(primitives::ActingParty { sub: "admin_key:7".to_owned() });
    let operator = AuthenticatedSubject { actor, ..ada.clone() };
    let asked = challenge(authorize(&world, &[], Some(&operator)));
    assert_eq!(word(&decide(&world, &asked, REMEMBER, browser(Some(&operator)))), "code");
    for subject in [&operator, &ada] {
        assert_eq!(word(&authorize(&world, &[], Some(subject))), "consent");
    }
}

#[test]
fn client_that_proves_nobody_is_never_let_through_unseen() {
    let world = World::of_app(
        |_| {},
        &json!({"token_endpoint_auth_method": "none", "redirect_uris": ["http://127.0.0.1/cb"],
            "grant_types": ["authorization_code"], "skip_consent": true}),
    );
    let ada = world.subject(1);
    world.wait(1);
    let local = [("redirect_uri", "http://127.0.0.1:9999/cb")];
    let encoded = query(&local);
    let parameters = Parameters::parse(encoded.as_bytes());
    let silent = now(world.server.authorize(&parameters, browser(Some(&ada)))).result;
    assert!(matches!(silent, Ok(Next::Consent { .. })), "{silent:?}");
    // Somebody who has just signed in for it has seen a page.
    let asked = challenge(now(world.server.authorize(&parameters, browser(None))).result);
    let response = answer(resume(&world, &asked, browser(Some(&world.subject(1)))));
    assert_eq!(response.redirect_uri(), "http://127.0.0.1:9999/cb");
    assert!(response.find("code").is_some());
}

/// Editors and command lines wait at `http://localhost` and whichever port is free (RFC 8252 section 7.3).
#[test]
fn port_of_localhost_is_free_for_public_clients_alone() {
    let check = |method: &str, requested: &str, expect: bool| {
        let world = World::of_app(
            |_| {},
            &json!({"token_endpoint_auth_method": method, "redirect_uris": ["http://localhost/callback"],
                "grant_types": ["authorization_code"]}),
        );
        let encoded = query(&[("redirect_uri", requested)]);
        let parameters = Parameters::parse(encoded.as_bytes());
        let asked = now(world.server.authorize(&parameters, browser(Some(&world.subject(1))))).result;
        assert_eq!(matches!(asked, Ok(Next::Consent { .. })), expect, "{method} {requested}: {asked:?}");
        if !expect {
            assert_eq!(asked.err(), Some(PageError::RedirectUri), "{method} {requested}");
        }
    };
    check("none", "http://localhost:33418/callback", true);
    check("none", "http://localhost:33418/callback/", false);
    check("none", "http://localhost:33418/callback?x=1", false);
    check("none", "http://localhost.evil.example:33418/callback", false);
    check("client_secret_post", "http://localhost/callback", true);
    check("client_secret_post", "http://localhost:33418/callback", false);
}

#[test]
fn consent_is_given_by_the_person_who_was_asked() {
    let world = world();
    world.add_subject(2);
    let (ada, bob) = (world.subject(1), world.subject(2));
    let asked = challenge(authorize(&world, &[], Some(&ada)));
    for (other, expect) in [(Some(&bob), PageError::OtherSubject), (None, PageError::SessionEnded)] {
        let there = browser(other);
        assert_eq!(decide(&world, &asked, ALLOW, there).err().as_ref(), Some(&expect));
        assert_eq!(now(world.server.consent_request(&asked, there)).err(), Some(expect));
    }
    assert_eq!(word(&decide(&world, &asked, ALLOW, browser(Some(&ada)))), "code");
}

#[test]
fn client_is_looked_at_again_when_the_person_comes_back() {
    let check = |edit: &dyn Fn(&mut crate::client::ClientRecord), expect: &str| {
        let world = world();
        let ada = world.subject(1);
        let asked = challenge(authorize(&world, &[("audience", "https://api.example")], Some(&ada)));
        world.rows(|rows| rows.clients.values_mut().for_each(edit));
        assert_eq!(word(&decide(&world, &asked, ALLOW, browser(Some(&ada)))), expect);
    };
    check(&|_| {}, "code");
    check(&|client| client.enabled = false, "page: invalid_client");
    check(
        &|client| client.document.redirect_uris = Some(vec!["https://new.example/cb".to_owned()]),
        "page: invalid_redirect_uri",
    );
    check(&|client| client.document.scope = "openid".to_owned(), "invalid_scope");
    check(&|client| client.document.audience = None, "invalid_target");
    check(&|client| client.document.grant_types = Some(Vec::new()), "unauthorized_client");
}
