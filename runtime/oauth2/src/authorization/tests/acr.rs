//! How strongly somebody must have proven who they are.

use primitives::ExternalLogin;
use primitives::subject::{AssuranceLevel, SecondFactor};

use super::external::payload;
use super::*;

const UNMET: &str = "unmet_authentication_requirements";

fn at(world: &World, assurance: AssuranceLevel) -> AuthenticatedSubject {
    AuthenticatedSubject { assurance, ..world.subject(1) }
}

fn essential(values: &Value) -> String {
    json!({"id_token": {"acr": {"essential": true, "values": values}}}).to_string()
}

#[test]
fn level_that_is_asked_for_is_reached_or_the_request_fails() {
    let world = first_party();
    let (one, two) = (at(&world, AssuranceLevel::Aal1), at(&world, AssuranceLevel::Aal2));
    // What is answered to one factor, to two, and to one that comes back from the page of the second factor.
    let check = |changes: &[(&str, &str)], expect: [&str; 3]| {
        let asked = authorize(&world, changes, Some(&one));
        let strong = authorize(&world, changes, Some(&two));
        assert_eq!([word(&asked), word(&strong)], expect[..2], "{changes:?}");
        if expect[0] == "second factor" {
            let challenge = challenge(asked);
            assert_eq!(word(&resume(&world, &challenge, browser(Some(&one)))), expect[2], "{changes:?}");
            // A request is answered once.
            let then = if expect[2] == "code" { "page: challenge_used" } else { "code" };
            assert_eq!(word(&resume(&world, &challenge, browser(Some(&two)))), then, "{changes:?}");
        }
    };
    check(&[("acr_values", "aal1")], ["code", "code", ""]);
    check(&[("acr_values", "aal2")], ["second factor", "code", UNMET]);
    check(&[("acr_values", "aal2 aal1")], ["second factor", "code", "code"]);
    check(&[("acr_values", "aal1 aal2")], ["code", "code", ""]);
    check(&[("acr_values", "gold")], ["code", "code", ""]);
    check(&[("acr_values", "gold aal2")], ["second factor", "code", UNMET]);
    check(&[("acr_values", "aal2"), ("prompt", "none")], ["login_required", "code", ""]);
    check(&[("acr_values", "aal2 aal1"), ("prompt", "none")], ["code", "code", ""]);
    let claims = |values: Value| essential(&values);
    check(&[("claims", &claims(json!(["aal2"])))], ["second factor", "code", UNMET]);
    check(&[("claims", &claims(json!(["gold"])))], [UNMET, UNMET, ""]);
    check(&[("claims", &claims(json!(["gold", "aal2"])))], ["second factor", "code", UNMET]);
    check(&[("claims", &claims(json!([2])))], [UNMET, UNMET, ""]);
    check(&[("claims", &claims(json!([])))], ["code", "code", ""]);
    let wish = json!({"id_token": {"acr": {"value": "gold"}}}).to_string();
    check(&[("claims", &wish)], ["code", "code", ""]);
    // What is essential decides, whatever stands beside it.
    check(&[("claims", &claims(json!(["aal2"]))), ("acr_values", "aal1")], ["second factor", "code", UNMET]);
}

#[test]
fn sign_in_comes_first_and_the_second_factor_after_it() {
    let world = first_party();
    let asked = challenge(authorize(&world, &[("acr_values", "aal2")], None));
    let one = at(&world, AssuranceLevel::Aal1);
    let next = resume(&world, &asked, browser(Some(&one)));
    assert_eq!(word(&next), "second factor", "whoever has just signed in is asked for more");
    let asked = challenge(next);
    let two = at(&world, AssuranceLevel::Aal2);
    assert_eq!(word(&resume(&world, &asked, browser(Some(&two)))), "code");
}

/// Attack: a consent page is answered once the session behind it is a weaker one.
#[test]
fn session_is_as_strong_when_the_grant_is_made() {
    let world = world();
    let (one, two) = (at(&world, AssuranceLevel::Aal1), at(&world, AssuranceLevel::Aal2));
    for (subject, expect) in [(&one, UNMET), (&two, "code")] {
        let asked = challenge(authorize(&world, &[("acr_values", "aal2")], Some(&two)));
        assert_eq!(word(&decide(&world, &asked, ALLOW, browser(Some(subject)))), expect);
    }
}

#[test]
fn tokens_say_what_was_reached() {
    for (claims, expect) in [(json!(["aal1"]), "aal1"), (json!(["aal2"]), "aal2"), (json!([]), "aal2")] {
        let world = first_party();
        let two = at(&world, AssuranceLevel::Aal2);
        let response = answer(authorize(&world, &[("claims", &essential(&claims))], Some(&two)));
        let tokens = world.redeem(response.find("code").unwrap()).unwrap();
        let answer =
            now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST)).unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!(
            (&answer["acr"], &answer["auth_time"]),
            (&json!(expect), &json!(1_800_000_000)),
            "{claims}"
        );
        for token in [tokens.access_token, tokens.id_token.unwrap()] {
            assert_eq!(payload(&token)["acr"], expect, "{claims}");
        }
    }
}

#[test]
fn word_of_a_login_app_is_held_against_what_is_essential() {
    let world = first_party();
    let said = |acr: &str| AuthenticatedSubject {
        external: Some(ExternalLogin { subject: None, acr: acr.to_owned() }),
        ..at(&world, AssuranceLevel::Aal1)
    };
    let gold = json!({"id_token": {"acr": {"essential": true, "values": ["gold"]}}}).to_string();
    let parameters = query(&[("claims", &gold)]);
    let parameters = Parameters::parse(parameters.as_bytes());
    let world = World::of_app(
        |settings| settings.urls.login = Some("https://login.example".to_owned()),
        &json!({"skip_consent": true}),
    );
    let redirect = now(crate::authorization::redirect::prove(&world.server, &parameters)).unwrap();
    let asked = (crate::client_policy::DetailsAt::Authorization, crate::memory::REQUEST);
    let request =
        now(crate::authorization::request::check(&world.server, &redirect, &parameters, asked)).unwrap();
    for (acr, is_enough) in [("gold", true), ("silver", false), ("", false)] {
        assert_eq!(crate::authorization::acr::check(&request, &said(acr), true).is_ok(), is_enough, "{acr}");
    }
}

/// Two factors, each proven so many seconds ago.
fn aged(world: &World, first: u64, second: u64) -> AuthenticatedSubject {
    let before = |seconds| world.server.now().before(std::time::Duration::from_secs(seconds));
    AuthenticatedSubject {
        authenticated_at: before(first.min(second)),
        methods: ["pwd", "otp", "mfa"].map(str::to_owned).to_vec(),
        second_factor: Some(SecondFactor { proven_at: before(second), beside: vec!["pwd".to_owned()] }),
        ..at(world, AssuranceLevel::Aal2)
    }
}

/// Attack: whoever has somebody's password and a browser in which they proved two factors last week gets a token of two factors of now.
#[test]
fn each_factor_ages_by_itself() {
    let essential = essential(&json!(["aal2"]));
    for (first, second, changes, expect) in [
        // The second factor of a minute ago makes an old password young; the reverse does not.
        (3_600, 60, &[("acr_values", "aal2"), ("max_age", "300")][..], "code"),
        (60, 3_600, &[("acr_values", "aal2"), ("max_age", "300")], "second factor again"),
        (60, 3_600, &[("claims", &*essential), ("max_age", "300")], "second factor again"),
        (60, 3_600, &[("acr_values", "aal2"), ("max_age", "300"), ("prompt", "none")], "login_required"),
        (60, 3_600, &[("acr_values", "aal2")], "code"),
        (60, 3_600, &[("max_age", "300")], "code"),
        (60, 3_600, &[("acr_values", "aal2 aal1"), ("max_age", "300"), ("prompt", "none")], "code"),
        (3_600, 3_600, &[("acr_values", "aal2"), ("max_age", "300")], "login again"),
        (3_600, 60, &[("max_age", "300")], "code"),
    ] {
        let world = first_party();
        let subject = aged(&world, first, second);
        assert_eq!(word(&authorize(&world, changes, Some(&subject))), expect, "{first} {second} {changes:?}");
    }
}

#[test]
fn old_second_factor_is_proven_again_or_the_request_fails() {
    let world = first_party();
    let changes = [("acr_values", "aal2"), ("max_age", "300")];
    let old = aged(&world, 60, 3_600);
    let asked = challenge(authorize(&world, &changes, Some(&old)));
    assert_eq!(
        word(&resume(&world, &asked, browser(Some(&old)))),
        UNMET,
        "they were there and proved nothing"
    );
    let asked = challenge(authorize(&world, &changes, Some(&old)));
    let renewed = aged(&world, 60, 0);
    assert_eq!(word(&resume(&world, &asked, browser(Some(&renewed)))), "code");
}

#[test]
fn tokens_say_of_one_proof_what_it_was_and_when() {
    for (first, second, changes, expect) in [
        (3_600, 60, &[][..], ("aal2", 60, json!(["pwd", "otp", "mfa"]))),
        (60, 3_600, &[], ("aal2", 3_600, json!(["pwd", "otp", "mfa"]))),
        (60, 3_600, &[("max_age", "300")], ("aal1", 60, json!(["pwd"]))),
        (3_600, 60, &[("max_age", "300")], ("aal2", 60, json!(["pwd", "otp", "mfa"]))),
    ] {
        let world = first_party();
        let now_is = world.server.now().seconds();
        let subject = aged(&world, first, second);
        let response = answer(authorize(&world, changes, Some(&subject)));
        let tokens = world.redeem(response.find("code").unwrap()).unwrap();
        for token in [tokens.access_token, tokens.id_token.unwrap()] {
            let said = payload(&token);
            assert_eq!(said["acr"], expect.0, "{first} {second} {changes:?}");
            assert_eq!(said["auth_time"], json!(now_is - expect.1), "{first} {second} {changes:?}");
            assert_eq!(said["amr"], expect.2, "{first} {second} {changes:?}");
        }
    }
}
