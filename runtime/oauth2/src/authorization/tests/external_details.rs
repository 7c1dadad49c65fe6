//! Details and claims where a consent app of the tenant's own asks.

use super::external::{accept_consent, both, code, consented, sign_in, verifier};
use super::*;
use crate::authorization::external::ChallengeError;
use crate::details::tests::world_with;

const FILES: &str = r#"[{"type":"files","actions":["read","write"]},{"type":"payment","amount":1}]"#;

fn asked(world: &World) -> (String, AuthenticatedSubject) {
    let claims = r#"{"userinfo":{"email":null}}"#;
    let changes = [("authorization_details", FILES), ("claims", claims)];
    let (challenge, ada, _) = sign_in(world, &changes, json!({"subject": "ada"}));
    (challenge, ada)
}

#[test]
fn app_is_told_and_grants_them_or_less() {
    for (answered, expect) in [
        (json!({}), json!([])),
        (
            json!({"grant_authorization_details": serde_json::from_str::<Value>(FILES).unwrap()}),
            serde_json::from_str(FILES).unwrap(),
        ),
        (
            json!({"grant_authorization_details": [{"type": "files", "actions": ["read"]}]}),
            json!([{"type": "files", "actions": ["read"]}]),
        ),
    ] {
        let world = world_with(both, &json!({}));
        let (challenge, ada) = asked(&world);
        let shown = now(world.server.show_consent_challenge(&challenge)).unwrap();
        assert_eq!(shown["requested_authorization_details"].to_string(), FILES);
        let mut answered = answered;
        answered["grant_scope"] = json!(["openid"]);
        let verifier = verifier(accept_consent(&world, &challenge, answered), "consent_verifier");
        let code = code(consented(&world, &verifier, browser(Some(&ada))));
        let tokens = world.redeem(&code).unwrap();
        assert_eq!(json!(tokens.authorization_details), expect);
        // It has granted no scope that an address belongs to.
        let told = now(world
            .server
            .userinfo(crate::memory::as_bearer(&tokens.access_token), crate::memory::REQUEST));
        assert_eq!(json!(told.result.unwrap()).get("email"), None);
    }
}

#[test]
fn app_grants_nothing_that_was_not_asked_for() {
    let world = world_with(both, &json!({}));
    let (challenge, _) = asked(&world);
    for details in [
        json!([{"type": "payment", "amount": 2}]),
        json!([{"type": "files", "actions": ["delete"]}]),
        json!([{"type": "secret"}]),
        json!(["files"]),
    ] {
        let answered = json!({"grant_scope": ["openid"], "grant_authorization_details": details});
        let refused = accept_consent(&world, &challenge, answered);
        assert!(matches!(refused, Err(ChallengeError::Invalid(_))), "{details}: {refused:?}");
    }
}

#[test]
fn request_without_them_looks_as_ever() {
    let world = world_with(both, &json!({}));
    let (challenge, _, _) = sign_in(&world, &[], json!({"subject": "ada"}));
    let shown = now(world.server.show_consent_challenge(&challenge)).unwrap();
    assert_eq!(shown.get("requested_authorization_details"), None);
}
