//! When somebody must sign in, and what an old sign-in is worth.

use super::*;

#[test]
fn request_says_who_must_sign_in_and_when() {
    let world = first_party();
    let ada = world.subject(1);
    world.wait(100);
    let check = |changes: &[(&str, &str)], subject: Option<&AuthenticatedSubject>, expect: &str| {
        assert_eq!(word(&authorize(&world, changes, subject)), expect, "{changes:?}");
    };
    check(&[], None, "login");
    check(&[], Some(&ada), "code");
    check(&[("prompt", "login")], Some(&ada), "login again");
    check(&[("prompt", "select_account")], Some(&ada), "login elsewhere");
    check(&[("prompt", "select_account login")], Some(&ada), "login elsewhere");
    check(&[("prompt", "create")], None, "registration");
    check(&[("prompt", "create")], Some(&ada), "code");
    check(&[("prompt", "create login")], Some(&ada), "login again");
    check(&[("prompt", "login")], None, "login");
    check(&[("max_age", "100")], Some(&ada), "code");
    check(&[("max_age", "99")], Some(&ada), "login again");
    check(&[("max_age", "0")], Some(&ada), "login again");
    let elsewhere = AuthenticatedSubject { tenant: "other".parse().unwrap(), ..ada.clone() };
    check(&[], Some(&elsewhere), "login");
}

#[test]
fn nothing_is_shown_with_prompt_none() {
    let none = |changes: &[(&'static str, &'static str)]| [&[("prompt", "none")], changes].concat();
    let world = world();
    let ada = world.subject(1);
    world.wait(100);
    let check = |changes: &[(&str, &str)], subject: Option<&AuthenticatedSubject>, expect: &str| {
        assert_eq!(word(&authorize(&world, changes, subject)), expect, "{changes:?}");
    };
    check(&none(&[]), None, "login_required");
    check(&none(&[("max_age", "99")]), Some(&ada), "login_required");
    check(&none(&[]), Some(&ada), "consent_required");
    let asked = challenge(authorize(&world, &[], Some(&ada)));
    decide(&world, &asked, REMEMBER, browser(Some(&ada))).unwrap();
    check(&none(&[]), Some(&ada), "code");
    let native = World::of_app(
        |_| {},
        &json!({"token_endpoint_auth_method": "none", "redirect_uris": ["com.example.app:/cb"],
            "grant_types": ["authorization_code"], "skip_consent": true}),
    );
    let ada = native.subject(1);
    native.wait(1);
    let encoded = query(&none(&[("redirect_uri", "com.example.app:/cb")]));
    let parameters = Parameters::parse(encoded.as_bytes());
    let next = now(native.server.authorize(&parameters, browser(Some(&ada)))).result;
    assert_eq!(answer(next).find("error"), Some("interaction_required"));
}

#[test]
fn hint_says_who_it_must_be() {
    let world = first_party();
    world.add_subject(2);
    let (ada, bob) = (world.subject(1), world.subject(2));
    let code = answer(authorize(&world, &[], Some(&ada))).find("code").unwrap().to_owned();
    let tokens = world.redeem(&code).unwrap();
    let hint = tokens.id_token.unwrap();
    // An expired one still tells.
    world.wait(86_400);
    let hinted = [("id_token_hint", &*hint)];
    assert_eq!(word(&authorize(&world, &hinted, Some(&ada))), "code");
    assert_eq!(word(&authorize(&world, &hinted, Some(&bob))), "login again");
    let none = [("id_token_hint", &*hint), ("prompt", "none")];
    assert_eq!(word(&authorize(&world, &none, Some(&bob))), "login_required");
    // Whoever signs in as somebody else after all is not passed off as the one who was meant.
    let asked = challenge(authorize(&world, &hinted, Some(&bob)));
    world.wait(5);
    assert_eq!(word(&resume(&world, &asked, browser(Some(&world.subject(2))))), "login_required");
    assert_eq!(word(&resume(&world, &asked, browser(Some(&world.subject(1))))), "code");
    let access = [("id_token_hint", &*tokens.access_token)];
    assert_eq!(word(&authorize(&world, &access, Some(&ada))), "invalid_request", "not an ID token");
    world.add_client(&json!({"client_id": "other", "redirect_uris": [CALLBACK]}));
    let foreign = [("id_token_hint", &*hint), ("client_id", "other")];
    assert_eq!(word(&authorize(&world, &foreign, Some(&ada))), "invalid_request", "another client's");
}

#[test]
fn sign_in_goes_on_where_it_began() {
    let world = first_party();
    let asked = challenge(authorize(&world, &[("login_hint", "ada"), ("ui_locales", "de en")], None));
    let shown = world.server.login_request(&asked, Some(COOKIE)).unwrap();
    assert_eq!((shown.client_name.as_str(), shown.login_hint.as_deref()), ("App", Some("ada")));
    assert_eq!((shown.ui_locales, shown.reauthenticate), (vec!["de".to_owned(), "en".to_owned()], false));
    assert_eq!(word(&resume(&world, &asked, browser(None))), "login");
    world.wait(30);
    assert_eq!(word(&resume(&world, &asked, browser(Some(&world.subject(1))))), "code");
}

#[test]
fn old_sign_in_does_not_satisfy_a_demand_for_a_new_one() {
    for demand in [[("prompt", "login")], [("max_age", "60")], [("prompt", "select_account")]] {
        let world = first_party();
        let before = world.subject(1);
        world.wait(100);
        let asked = challenge(authorize(&world, &demand, Some(&before)));
        // Whoever chooses need not be the one they were.
        let (is_again, expect) = match demand {
            [("prompt", "select_account")] => (false, "login elsewhere"),
            _ => (true, "login again"),
        };
        assert_eq!(world.server.login_request(&asked, Some(COOKIE)).unwrap().reauthenticate, is_again);
        world.wait(100);
        assert_eq!(word(&resume(&world, &asked, browser(Some(&before)))), expect, "{demand:?}");
        // However long the person takes afterwards.
        let after = world.subject(1);
        world.wait(600);
        assert_eq!(word(&resume(&world, &asked, browser(Some(&after)))), "code", "{demand:?}");
    }
}

/// Attack: a client gets a token in the name of an organisation for which nobody signed in.
#[test]
fn organisation_that_is_asked_for_is_the_one_of_the_session() {
    let world = first_party();
    let (acme, rival) = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b");
    let asks = [("organization", acme)];
    let of = |organisation: Option<&str>| AuthenticatedSubject {
        organisation: organisation.map(|id| id.parse().unwrap()),
        ..world.subject(1)
    };
    let before = [of(None), of(Some(rival)), of(Some(acme))];
    world.wait(5);
    assert_eq!(word(&authorize(&world, &asks, None)), "login");
    assert_eq!(word(&authorize(&world, &asks, Some(&before[0]))), "login elsewhere");
    assert_eq!(word(&authorize(&world, &asks, Some(&before[1]))), "login elsewhere");
    assert_eq!(word(&authorize(&world, &asks, Some(&before[2]))), "code");
    let none = [("organization", acme), ("prompt", "none")];
    assert_eq!(word(&authorize(&world, &none, Some(&before[1]))), "login_required");
    assert_eq!(word(&authorize(&world, &[("organization", "acme")], None)), "invalid_request");

    let asked = challenge(authorize(&world, &asks, Some(&before[1])));
    let shown = world.server.login_request(&asked, Some(COOKIE)).unwrap();
    assert_eq!(shown.organisation.map(|id| id.to_string()).as_deref(), Some(acme));
    world.wait(5);
    // Who signs in for another one after all gets nothing for this one, and is not asked for ever.
    assert_eq!(word(&resume(&world, &asked, browser(Some(&of(Some(rival)))))), "login_required");
    assert_eq!(word(&resume(&world, &asked, browser(Some(&of(Some(acme)))))), "code");
}
