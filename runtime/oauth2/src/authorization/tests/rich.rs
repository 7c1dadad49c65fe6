//! Authorization details and claims by name, from the request to the tokens.

use super::external::payload;
use super::*;
use crate::details::tests::{world as rich, world_with};
use crate::memory::REQUEST;

const PAYMENT: &str = r#"[{"type":"payment","amount":1,"to":"Shop"}]"#;
const ANOTHER: &str = r#"[{"type":"payment","amount":2,"to":"Shop"}]"#;
const TRANSFER: &str = r#"[{"type":"transfer","amount":1}]"#;

fn details(text: &str) -> [(&str, &str); 1] {
    [("authorization_details", text)]
}

#[test]
fn person_is_asked_for_details_and_tokens_have_them() {
    let world = rich();
    let ada = world.subject(1);
    let asked = challenge(authorize(&world, &details(PAYMENT), Some(&ada)));
    let shown = now(world.server.consent_request(&asked, browser(Some(&ada)))).unwrap();
    assert_eq!(serde_json::to_string(&shown.details).unwrap(), PAYMENT);
    let code = answer(decide(&world, &asked, ALLOW, browser(Some(&ada)))).find("code").unwrap().to_owned();
    let tokens = world.redeem(&code).unwrap();
    let claim = &payload(&tokens.access_token)["authorization_details"];
    assert_eq!(
        (serde_json::to_string(claim).unwrap(), claim),
        (PAYMENT.to_owned(), &json!(tokens.authorization_details))
    );
    let grants =
        now(world.server.list_access(ada.subject, crate::ports::GrantFilter::default(), 10)).unwrap();
    assert_eq!(&grants[0].document()["grant_authorization_details"], claim);
}

#[test]
fn consent_that_is_remembered_is_for_equal_details_alone() {
    let world = rich();
    let ada = world.subject(1);
    let check = |text: &str, expect: &str| {
        assert_eq!(word(&authorize(&world, &details(text), Some(&ada))), expect, "{text}");
    };
    let remember = |text: &str| {
        let asked = challenge(authorize(&world, &details(text), Some(&ada)));
        decide(&world, &asked, REMEMBER, browser(Some(&ada))).unwrap();
    };
    remember(PAYMENT);
    check(PAYMENT, "code");
    check("[]", "code");
    check(ANOTHER, "consent");
    remember(ANOTHER);
    check(PAYMENT, "code");
    let none = [&details(TRANSFER)[..], &[("prompt", "none")]].concat();
    assert_eq!(word(&authorize(&world, &none, Some(&ada))), "consent_required");
    remember(TRANSFER);
    check(TRANSFER, "consent");
    let asked = challenge(authorize(&world, &details(TRANSFER), Some(&ada)));
    assert!(!now(world.server.consent_request(&asked, browser(Some(&ada)))).unwrap().can_remember);
}

#[test]
fn type_that_is_taken_away_meanwhile_is_not_granted() {
    let world = rich();
    let ada = world.subject(1);
    let asked = challenge(authorize(&world, &details(PAYMENT), Some(&ada)));
    world.rows(|rows| {
        rows.clients.values_mut().for_each(|client| client.document.authorization_details_types = None);
    });
    let answered = decide(&world, &asked, ALLOW, browser(Some(&ada)));
    assert_eq!(word(&answered), "invalid_authorization_details");
}

#[test]
fn pushed_request_is_told_at_once() {
    let world = rich();
    let push = |text: &str| {
        let pairs = [
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("authorization_details", text),
        ];
        let encoded = crate::memory::as_app(&pairs);
        let parameters = Parameters::parse(encoded.as_bytes());
        now(world.server.push_authorization_request(crate::memory::request(&parameters))).result
    };
    let pushed = push(PAYMENT).unwrap();
    let refused = push("[{\"type\":\"nobody\"}]").unwrap_err();
    let PushError::Request { code, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(code, "invalid_authorization_details");
    let encoded = form(&[("client_id", "app"), ("request_uri", &pushed.request_uri)]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let ada = world.subject(1);
    let asked = challenge(now(world.server.authorize(&parameters, browser(Some(&ada)))).result);
    let shown = now(world.server.consent_request(&asked, browser(Some(&ada)))).unwrap();
    assert_eq!(serde_json::to_string(&shown.details).unwrap(), PAYMENT);
}

fn userinfo(world: &World, token: &str) -> Value {
    let answer = now(world.server.userinfo(crate::memory::as_bearer(token), REQUEST)).result;
    json!(answer.unwrap())
}

#[test]
fn claims_come_by_name_where_they_were_asked_for() {
    let world = world();
    let ada = world.subject(1);
    let claims = json!({"userinfo": {"email": null, "name": {"value": "Bob"}},
        "id_token": {"given_name": {"essential": true}, "email": {"values": ["x@example.org"]}}})
    .to_string();
    let changes = [("claims", &*claims), ("scope", "openid")];
    let asked = challenge(authorize(&world, &changes, Some(&ada)));
    let shown = now(world.server.consent_request(&asked, browser(Some(&ada)))).unwrap();
    assert_eq!(shown.scopes, ["openid", "email", "profile"], "the person is asked in the words of scopes");
    let code = answer(decide(&world, &asked, REMEMBER, browser(Some(&ada)))).find("code").unwrap().to_owned();
    let tokens = world.redeem(&code).unwrap();
    assert_eq!(tokens.scope, "openid");
    let id_token = payload(&tokens.id_token.unwrap());
    assert_eq!(
        (&id_token["given_name"], &id_token["email"], &id_token["name"]),
        (&json!("Ada"), &Value::Null, &Value::Null)
    );
    let told = userinfo(&world, &tokens.access_token);
    assert_eq!(told, json!({"sub": ada.subject.to_string(), "email": "ada@example.org"}));
    assert_eq!(word(&authorize(&world, &changes, Some(&ada))), "code", "it is remembered as it was said");
    // What the client may not have any more is not told.
    world.rows(|rows| {
        rows.clients.values_mut().for_each(|client| client.document.scope = "openid".to_owned());
    });
    assert_eq!(userinfo(&world, &tokens.access_token), json!({"sub": ada.subject.to_string()}));
}

/// Attack: a client learns by name what no scope of its own would tell, or without anybody's leave.
#[test]
fn no_claim_comes_without_the_scope_and_the_consent() {
    let ask = |world: &World, claims: &Value, scope: &str| {
        let claims = claims.to_string();
        authorize(world, &[("claims", &claims), ("scope", scope)], Some(&world.subject(1)))
    };
    let email = json!({"userinfo": {"email": null}, "id_token": {"email": null}});
    let narrow = World::of_app(|_| {}, &json!({"scope": "openid read", "skip_consent": true}));
    let tokens = narrow.redeem(answer(ask(&narrow, &email, "openid")).find("code").unwrap()).unwrap();
    assert_eq!(payload(&tokens.id_token.unwrap()).get("email"), None);
    assert_eq!(userinfo(&narrow, &tokens.access_token).get("email"), None);
    let world = world();
    let asked = challenge(ask(&world, &json!({}), "openid"));
    decide(&world, &asked, REMEMBER, browser(Some(&world.subject(1)))).unwrap();
    assert_eq!(word(&ask(&world, &json!({}), "openid")), "code");
    assert_eq!(word(&ask(&world, &email, "openid")), "consent", "of that nobody has asked them");
    assert_eq!(word(&ask(&world, &email, "read")), "consent");
}

#[test]
fn subject_that_is_named_is_the_one_who_signs_in() {
    let world = first_party();
    world.add_subject(2);
    let (ada, bob) = (world.subject(1), world.subject(2));
    world.wait(5);
    let named = |subject: &AuthenticatedSubject| {
        json!({"id_token": {"sub": {"value": subject.subject.to_string()}}}).to_string()
    };
    assert_eq!(word(&authorize(&world, &[("claims", &named(&ada))], Some(&ada))), "code");
    assert_eq!(word(&authorize(&world, &[("claims", &named(&ada))], Some(&bob))), "login again");
    let named = named(&ada);
    let none = [("claims", &*named), ("prompt", "none")];
    assert_eq!(word(&authorize(&world, &none, Some(&bob))), "login_required");
}

#[test]
fn device_is_granted_what_the_person_read() {
    let world = world_with(|_| {}, &json!({}));
    let begin = |text: &str| {
        let encoded = crate::memory::as_app(&[("scope", "openid"), ("authorization_details", text)]);
        let parameters = Parameters::parse(encoded.as_bytes());
        world.commit(|| now(world.server.device_authorization(crate::memory::request(&parameters))))
    };
    assert!(begin("[{\"type\":\"nobody\"}]").is_err());
    let begun = begin(PAYMENT).unwrap();
    let ada = world.subject(1);
    let entered = now(world.server.enter_user_code(&begun.user_code, browser(Some(&ada)))).unwrap().unwrap();
    let step = now(world.server.device_step(&entered, browser(Some(&ada)))).unwrap();
    let crate::device::DeviceStep::Question(question) = step else { panic!("{step:?}") };
    assert_eq!(serde_json::to_string(&question.details).unwrap(), PAYMENT);
    world.commit(|| now(world.server.answer_device(&question.challenge, true, browser(Some(&ada))))).unwrap();
    let tokens = world.token(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", &begun.device_code),
    ]);
    assert_eq!(serde_json::to_string(&tokens.unwrap().authorization_details).unwrap(), PAYMENT);
}
