//! Somebody signs up with a victim's address, sets all there is to sign in with, and waits for the victim to come.

use portcullis_identity::courier::MailTemplate;
use portcullis_identity::flow::{Challenge, FlowKind, Transport};
use portcullis_identity::ports::{Factors as _, Links as _};
use portcullis_identity::session::LiveSession;
use portcullis_identity::settings::UnprovenCredentials;
use portcullis_identity::{Step, Write};
use primitives::Change;
use primitives::subject::AssuranceLevel;
use serde_json::json;

use crate::keys::ADA;
use crate::recovery::code;
use crate::world::{World, login, message};

const ALL: &[&str] = &["password", "passkey", "oidc"];

/// The attacker's account, and their session.
async fn hijacked() -> (World, LiveSession) {
    let (mut world, live) = World::with_ways(ALL).await;
    world.settings.code.passwordless_enabled = true;
    (world, live)
}

/// Signs in with a code that is sent to the address.
async fn sign_in_by_code(world: &World) -> (LiveSession, Change<Write>) {
    let (flow, letter) = world.login_code(ADA).await;
    let body = json!({"method": "code", "identifier": ADA, "code": letter.mail.text});
    let Step::Once(step) = world.tell(&flow, None, body).await.unwrap() else { panic!("not once") };
    let Step::SignedIn(signed_in) = *step else { panic!("not signed in: {step:?}") };
    let live = LiveSession::check(signed_in.session.clone(), signed_in.identity.clone(), world.now).unwrap();
    (live, signed_in.change.seal(&world.sealer))
}

/// What is left of what the attacker set: nothing.
async fn check_gone(world: &World, victim: &LiveSession, change: &Change<Write>) {
    world.people.apply(change);
    let id = victim.identity().id;
    assert_eq!(message(&world.login(ADA, "correct horse").await.unwrap()), 4_000_006);
    assert!(world.people.list_keys(&world.tenant, id).await.unwrap().is_empty());
    assert!(world.people.list_links(&world.tenant, id).await.unwrap().is_empty());
    assert!(world.people.list_factors(&world.tenant, id).await.unwrap().is_empty());
    assert_eq!(victim.identity().available, AssuranceLevel::Aal1, "no second factor of theirs is asked for");
    let at = |wanted: fn(&Write) -> bool| change.writes.iter().position(wanted).unwrap();
    let ended = at(|write| matches!(write, Write::RevokeSessions { except: None, .. }));
    let removed = at(|write| matches!(write, Write::RemoveCredentials(_)));
    let begun = at(|write| matches!(write, Write::InsertSession(_)));
    assert!(ended < removed && removed < begun, "nobody who is signed in adds one meanwhile");
    at(|write| matches!(write, Write::RevokeTokens { .. }));
    let told = change.writes.iter().find_map(|write| match write {
        Write::QueueMessage(told) => Some(told),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!((told.template, told.recipient.as_str()), (MailTemplate::CredentialsRemoved, ADA));
    let audit = change.audit.iter().find(|event| event.action == "identity.unproven_credentials_removed");
    assert_eq!(audit.unwrap().details, [("types", "password oidc passkey webauthn".to_owned())]);
}

fn keeps(change: &Change<Write>) -> bool {
    !change.writes.iter().any(|write| matches!(write, Write::RemoveCredentials(_)))
}

#[tokio::test]
async fn nothing_that_was_set_before_the_proof_outlives_a_sign_in_by_code() {
    let (world, _) = hijacked().await;
    let (victim, change) = sign_in_by_code(&world).await;
    check_gone(&world, &victim, &change).await;
    // What the owner sets now is theirs.
    let (_, again) = sign_in_by_code(&world).await;
    assert!(keeps(&again));
}

#[tokio::test]
async fn nor_a_recovery() {
    let (world, _) = hijacked().await;
    let (flow, letter) = world.ask(FlowKind::Recovery { challenge: Challenge::ChooseMethod }, ADA).await;
    let Step::Recovered(recovered) = world.go_on(&flow, code(&letter)).await.unwrap() else {
        panic!("not back in")
    };
    let victim =
        LiveSession::check(recovered.session.clone(), recovered.identity.clone(), world.now).unwrap();
    check_gone(&world, &victim, &recovered.change.seal(&world.sealer)).await;
}

#[tokio::test]
async fn who_is_signed_in_and_proves_the_address_keeps_what_they_set() {
    let (world, live) = hijacked().await;
    let refresh = world.flow(login(Some(live.identity().id)), Transport::Browser);
    let asked = json!({"method": "code", "identifier": ADA});
    let Step::Challenged { flow, writes } = world.tell(&refresh, Some(&live), asked).await.unwrap() else {
        panic!("no code was sent")
    };
    let [Write::QueueMessage(letter)] = writes.as_slice() else { panic!("{writes:?}") };
    let body = json!({"method": "code", "code": letter.mail.text});
    let Step::Once(step) = world.tell(&flow, Some(&live), body).await.unwrap() else { panic!("not once") };
    let Step::Refreshed { change, .. } = *step else { panic!("not refreshed: {step:?}") };
    assert!(keeps(&change));
    assert!(change.writes.iter().any(
        |write| matches!(write, Write::ReplaceIdentity(known) if known.verifiable_addresses[0].verified)
    ));
}

#[tokio::test]
async fn code_that_verifies_the_address_of_a_sign_up_keeps_what_was_set_in_it() {
    let (world, _) = hijacked().await;
    let (flow, letter) = world.ask(FlowKind::Verification { challenge: Challenge::ChooseMethod }, ADA).await;
    let Step::Verified { change, .. } = world.go_on(&flow, code(&letter)).await.unwrap() else {
        panic!("not verified")
    };
    assert!(keeps(&change));
    world.people.apply(&change);
    let (_, change) = sign_in_by_code(&world).await;
    assert!(keeps(&change), "it was proven before");
}

#[tokio::test]
async fn tenant_may_keep_it_all() {
    let (mut world, _) = hijacked().await;
    world.settings.verification.unproven_credentials = UnprovenCredentials::Keep;
    let (_, change) = sign_in_by_code(&world).await;
    assert!(keeps(&change));
}
