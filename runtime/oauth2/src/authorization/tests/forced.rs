//! Names that a login app gives people at a client of pairwise subjects.

use super::external::{
    accept_consent, accept_login, both, code, come_back, consented, page, payload, verifier,
};
use super::*;
use crate::authorization::external::ChallengeError;
use crate::memory::{REQUEST, as_bearer};

fn pairwise(more: &Value) -> World {
    let mut client = json!({"subject_type": "pairwise", "access_token_strategy": "jwt"});
    client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    World::of_app(both, &client)
}

/// Signs somebody in by the app, under a name where there is one: their tokens, and who the browser has.
fn tokens(world: &World, subject: &str, name: &str) -> (crate::token::TokenResponse, AuthenticatedSubject) {
    let asked = page(authorize(world, &[("scope", "openid offline_access")], None), "login_challenge");
    let answer = json!({"subject": subject, "force_subject_identifier": name});
    let accepted = verifier(accept_login(world, &asked, answer), "login_verifier");
    let back = come_back(world, &accepted, browser(None)).unwrap();
    let session = now(world.server.login_session(&back.cookie.unwrap().value)).unwrap().unwrap();
    let who = session.subject(&world.server.tenant);
    let asked = page(Ok(back.next), "consent_challenge");
    let answer = json!({"grant_scope": ["openid", "offline_access"]});
    let accepted = verifier(accept_consent(world, &asked, answer), "consent_verifier");
    let code = code(consented(world, &accepted, browser(Some(&who))));
    (world.redeem(&code).unwrap(), who)
}

fn refused(world: &World, subject: &str, name: &str) -> String {
    let asked = page(authorize(world, &[], None), "login_challenge");
    let answer = json!({"subject": subject, "force_subject_identifier": name});
    match accept_login(world, &asked, answer) {
        Err(ChallengeError::Invalid(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn client_knows_the_person_by_the_name_that_the_app_says_wherever_it_asks() {
    let world = pairwise(&json!({}));
    let (first, _) = tokens(&world, "ada", "crm-7");
    let second = world.refresh(first.refresh_token.as_deref().unwrap()).unwrap();
    for tokens in [first, second] {
        assert_eq!(payload(&tokens.id_token.unwrap())["sub"], "crm-7");
        assert_eq!(payload(&tokens.access_token)["sub"], "crm-7");
        let told = now(world.server.userinfo(as_bearer(&tokens.access_token), REQUEST)).result.unwrap();
        assert_eq!(json!(told)["sub"], "crm-7");
        let said = now(world.server.introspect(&tokens.access_token, None, REQUEST)).unwrap();
        assert_eq!(json!(said)["sub"], "crm-7");
    }
    // It is theirs from then on, also where the app does not say it again.
    assert_eq!(payload(&tokens(&world, "ada", "").0.id_token.unwrap())["sub"], "crm-7");
    assert_eq!(
        payload(&tokens(&world, "ada", "crm-8").0.id_token.unwrap())["sub"],
        "crm-8",
        "the last counts"
    );
}

/// Attack: whoever can have the app say a name signs in as the person whom the client knows by it.
#[test]
fn name_is_one_persons_at_a_client() {
    let world = pairwise(&json!({}));
    tokens(&world, "ada", "crm-7");
    assert!(refused(&world, "bob", "crm-7").contains("somebody else's"));
    // Nor one of those that we give: of nobody, or of somebody else.
    let bob = payload(&tokens(&world, "bob", "").0.id_token.unwrap())["sub"].as_str().unwrap().to_owned();
    assert!(refused(&world, "ada", &bob).contains("looks like"));
    assert_eq!(payload(&tokens(&world, "bob", &bob).0.id_token.unwrap())["sub"], json!(bob), "it is his");
    for wrong in ["x".repeat(256), "a\nb".to_owned()] {
        assert!(refused(&world, "ada", &wrong).contains("force_subject_identifier"), "{wrong}");
    }
    // Two answers at once: one of them has the name.
    let asked = [(); 2].map(|()| page(authorize(&world, &[], None), "login_challenge"));
    let decided = [("carol", &asked[0]), ("dave", &asked[1])].map(|(subject, asked)| {
        let answer = json!({"subject": subject, "force_subject_identifier": "crm-9"});
        now(world.server.accept_login_challenge(asked, serde_json::from_value(answer).unwrap()))
    });
    let written = decided.map(|decision| world.memory.apply(decision.change).is_ok());
    assert_eq!(written, [true, false]);
}

#[test]
fn name_has_no_effect_at_clients_of_public_subjects() {
    let world = pairwise(&json!({"subject_type": "public"}));
    assert_eq!(payload(&tokens(&world, "ada", "crm-7").0.id_token.unwrap())["sub"], "ada");
    assert_eq!(payload(&tokens(&world, "bob", "crm-7").0.id_token.unwrap())["sub"], "bob");
    assert!(world.rows(|rows| rows.forced.is_empty()));
}

#[test]
fn client_may_name_the_person_by_it() {
    let world = pairwise(&json!({}));
    let (given, ada) = tokens(&world, "ada", "crm-7");
    let hint = given.id_token.unwrap();
    for (subject, expect) in [("ada", "app: https://login.example/consent"), ("bob", "login_required")] {
        let asked = page(authorize(&world, &[("id_token_hint", &hint)], None), "login_challenge");
        let accepted = verifier(accept_login(&world, &asked, json!({"subject": subject})), "login_verifier");
        let next = come_back(&world, &accepted, browser(None)).map(|continued| continued.next);
        assert_eq!(word(&next), expect, "{subject}");
    }
    // And ask for the end of their session.
    world.rows(|rows| {
        rows.clients.values_mut().for_each(|client| client.document.skip_logout_consent = Some(true));
    });
    let encoded = form(&[("id_token_hint", &hint)]);
    let ends = now(world.server.end_session(&Parameters::parse(encoded.as_bytes()), Some(&ada))).unwrap();
    let crate::logout::EndSession::Done(done) = ends else { panic!("{ends:?}") };
    assert_eq!(done.session, Some((ada.session, ada.subject)));
}
