//! Every member of the documents that apps read, by the names of the Hydra API.

use super::external::{
    accept_consent, accept_login, code, come_back, consented, page, payload, sign_in, verifier, world,
};
use super::*;
use crate::access::Granted;
use crate::ports::GrantFilter;

const LOGIN_REQUEST: [&str; 9] = [
    "challenge",
    "client",
    "oidc_context",
    "request_url",
    "requested_access_token_audience",
    "requested_scope",
    "session_id",
    "skip",
    "subject",
];
/// Without `login_challenge`, which does not fit into another challenge.
const CONSENT_REQUEST: [&str; 13] = [
    "acr",
    "amr",
    "challenge",
    "client",
    "consent_request_id",
    "context",
    "login_session_id",
    "oidc_context",
    "request_url",
    "requested_access_token_audience",
    "requested_scope",
    "skip",
    "subject",
];
const OIDC_CONTEXT: [&str; 5] = ["acr_values", "display", "id_token_hint_claims", "login_hint", "ui_locales"];
const CONSENT_SESSION: [&str; 9] = [
    "consent_request",
    "consent_request_id",
    "context",
    "grant_access_token_audience",
    "grant_scope",
    "handled_at",
    "remember",
    "remember_for",
    "session",
];

fn members(document: &Value) -> Vec<&str> {
    let mut names: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn every_member_is_there_and_the_hint_is_of_this_client() {
    let world = world();
    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": "ada@crm"}));
    let accepted =
        verifier(accept_consent(&world, &asked, json!({"grant_scope": ["openid"]})), "consent_verifier");
    let tokens = world.redeem(&code(consented(&world, &accepted, browser(Some(&ada))))).unwrap();
    let hint = tokens.id_token.unwrap();
    let changes = [("id_token_hint", &*hint), ("login_hint", "ada"), ("display", "popup")];
    let asked = page(authorize(&world, &changes, Some(&ada)), "login_challenge");
    let login = now(world.server.show_login_challenge(&asked)).unwrap();
    assert_eq!(members(&login), LOGIN_REQUEST);
    assert_eq!(members(&login["oidc_context"]), OIDC_CONTEXT);
    assert_eq!(login["oidc_context"]["id_token_hint_claims"], payload(&hint), "as it was signed");
    let accepted = verifier(accept_login(&world, &asked, json!({"subject": "ada@crm"})), "login_verifier");
    let next = come_back(&world, &accepted, browser(Some(&ada))).map(|continued| continued.next);
    let consent = now(world.server.show_consent_challenge(&page(next, "consent_challenge"))).unwrap();
    assert_eq!(members(&consent), CONSENT_REQUEST);
    assert_eq!(consent["oidc_context"]["id_token_hint_claims"]["sub"], "ada@crm");
    // Attack: what another client was told of somebody is shown to an app as if it were this one's.
    let forged = format!("{hint}x");
    let refused = authorize(&world, &[("id_token_hint", &*forged)], Some(&ada));
    assert_eq!(word(&refused), "invalid_request");
}

#[test]
fn consent_session_says_what_was_asked_and_granted_also_when_its_session_is_over() {
    let world = world();
    let login = json!({"subject": "ada@crm", "acr": "gold", "amr": ["otp"]});
    let (asked, ada, _) = sign_in(&world, &[], login);
    let answer = json!({
        "grant_scope": ["openid"], "remember": true, "remember_for": 600, "context": {"ticket": 12},
        "session": {"access_token": {"floor": 3}, "id_token": {"desk": 7}}
    });
    let accepted = verifier(accept_consent(&world, &asked, answer), "consent_verifier");
    let tokens = world.redeem(&code(consented(&world, &accepted, browser(Some(&ada))))).unwrap();
    assert_eq!(payload(&tokens.access_token)["ticket"], Value::Null);
    assert_eq!(payload(&tokens.access_token)["context"], Value::Null, "it is in no token");
    let listed = || now(world.server.list_access(ada.subject, GrantFilter::default(), 10)).unwrap();
    let check = |document: &Value| {
        assert_eq!(members(document), CONSENT_SESSION);
        let request = &document["consent_request"];
        assert_eq!(request["requested_scope"], json!(["openid", "read"]));
        assert_eq!(document["grant_scope"], json!(["openid"]));
        assert_eq!(
            (&request["subject"], &request["acr"], &request["amr"]),
            (&json!("ada@crm"), &json!("gold"), &json!(["otp"]))
        );
        assert_eq!(request["login_session_id"], ada.session.to_string());
        assert_eq!(document["session"], json!({"access_token": {"floor": 3}, "id_token": {"desk": 7}}));
        assert_eq!(document["context"], json!({"ticket": 12}));
        assert_eq!((&document["remember"], &document["remember_for"]), (&json!(true), &json!(600)));
    };
    let Ok([live]) = <[_; 1]>::try_from(listed()) else { panic!("one is listed") };
    assert!(matches!(live.granted, Granted::Live { .. }));
    check(&live.document());
    // As the end of a session does it, whose grants have no refresh token.
    let ended = world.server.end_login_sessions(ada.subject, primitives::Actor::System);
    world.memory.apply(ended).unwrap();
    world.memory.apply(world.server.end_grants_of_session(ada.session, primitives::Actor::System)).unwrap();
    let Ok([left]) = <[_; 1]>::try_from(listed()) else { panic!("one is listed") };
    assert!(matches!(left.granted, Granted::Remembered(_)));
    check(&left.document());
    assert_eq!(live.granted.place(), left.granted.place(), "by the same name");
    world.wait(600);
    assert!(listed().is_empty(), "it is remembered no longer");
}
