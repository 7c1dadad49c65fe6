use serde_json::{Value, json};

use super::*;
use crate::authorization::Browser;
use crate::client::InvalidClient;
use crate::client::admin::ClientError;
use crate::introspection::Introspection;
use crate::memory::{REQUEST, World, as_bearer, form, now};
use crate::parameters::Parameters;
use crate::token::TokenResponse;

const ADA: &str = "00000000-0000-0000-0000-000000000001";

fn world(strategy: &str) -> World {
    World::of_app(|_| {}, &json!({"subject_type": "pairwise", "access_token_strategy": strategy}))
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}

fn introspect(world: &World, token: &str) -> Value {
    let found = now(world.server.introspect(token, None, REQUEST)).unwrap();
    assert_ne!(found, Introspection::Inactive);
    serde_json::to_value(found).unwrap()
}

/// Everything that an app is told of a person.
fn told(world: &World, tokens: &TokenResponse) -> Vec<Value> {
    let userinfo = now(world.server.userinfo(as_bearer(&tokens.access_token), REQUEST)).result.unwrap();
    let mut told = vec![
        claims(tokens.id_token.as_ref().unwrap()),
        serde_json::to_value(userinfo).unwrap(),
        introspect(world, &tokens.access_token),
        introspect(world, tokens.refresh_token.as_ref().unwrap()),
    ];
    if tokens.access_token.contains('.') {
        told.push(claims(&tokens.access_token));
    }
    told
}

/// Attack: an app finds the identity's own id anywhere, and compares it with another app.
#[test]
fn no_app_of_the_type_sees_the_identity_or_its_session() {
    for strategy in ["jwt", "opaque"] {
        let world = world(strategy);
        let tokens = world.redeem(&world.code("openid email offline_access")).unwrap();
        let refreshed = world.refresh(tokens.refresh_token.as_ref().unwrap()).unwrap();
        let mut told_of = told(&world, &refreshed);
        told_of.push(claims(tokens.id_token.as_ref().unwrap()));
        let sub = told_of[0]["sub"].clone();
        assert_eq!(sub.as_str().unwrap().len(), 43, "{sub}");
        for said in told_of {
            assert_eq!(said["sub"], sub, "one name everywhere: {said}");
            assert!(!said.to_string().contains(ADA), "the person or their session: {said}");
        }
    }
}

#[test]
fn name_is_of_the_sector_the_tenant_and_the_person_and_lasts() {
    let named = |patch: &Value, person: u128| {
        let world = World::new();
        world.add_client(patch);
        let client =
            now(crate::access_token::find_client(&world.server, &"app".parse().unwrap())).unwrap().unwrap();
        let id = IdentityId(uuid::Uuid::from_u128(person));
        let names = (
            world.server.subject_of_id(&client, id).unwrap(),
            world.server.session_for(&client, SessionId(id.0)),
        );
        (names, world.other_tenant().subject_of_id(&client, id).unwrap())
    };
    let pairwise = |uri: &str| json!({"subject_type": "pairwise", "redirect_uris": [uri]});
    let (first, elsewhere) = named(&pairwise("https://app.example/cb"), 1);
    assert_ne!(first.0, first.1, "a session has another name than a person of the same id");
    assert_eq!(
        named(&pairwise("https://app.example:8443/other"), 1).0,
        first,
        "the same sector, another app"
    );
    let by_uri = json!({"subject_type": "pairwise", "redirect_uris": ["https://x.example/cb"],
        "sector_identifier_uri": "https://app.example/sector.json"});
    assert_eq!(named(&by_uri, 1).0, first, "the same sector, by its document");
    assert_ne!(named(&pairwise("https://b.example/cb"), 1).0.0, first.0, "another sector");
    assert_ne!(named(&pairwise("https://b.example/cb"), 1).0.1, first.1, "another sector's session");
    assert_ne!(named(&pairwise("https://app.example/cb"), 2).0.0, first.0, "another person");
    assert_ne!(elsewhere, first.0, "another tenant");
    assert_eq!(named(&json!({}), 1).0.0, ADA, "a public client");
}

/// The names of this person that apps may have written down: a change here is one that every app notices.
#[test]
fn name_is_what_it_was() {
    let world = world("opaque");
    let tokens = world.redeem(&world.code("openid")).unwrap();
    assert_eq!(claims(&tokens.id_token.unwrap())["sub"], "zwuzpesY_VJf78DddqW62K8ADpSSPhxqnfESknuLHfw");
}

#[test]
fn hint_is_of_the_person_by_the_name_that_its_client_knows() {
    let world = world("opaque");
    world.add_subject(2);
    let hint = world.redeem(&world.code("openid")).unwrap().id_token.unwrap();
    let ask = |person: u128| {
        let encoded = form(&[
            ("client_id", "app"),
            ("response_type", "code"),
            ("redirect_uri", crate::memory::CALLBACK),
            ("scope", "openid"),
            ("state", "s"),
            ("code_challenge", crate::memory::CHALLENGE),
            ("code_challenge_method", "S256"),
            ("prompt", "none"),
            ("id_token_hint", &hint),
        ]);
        let subject = world.subject(person);
        let browser = Browser { subject: Some(&subject), binding: Some("b"), request: REQUEST };
        let parameters = Parameters::parse(encoded.as_bytes());
        format!("{:?}", now(world.server.authorize(&parameters, browser)).result)
    };
    assert!(ask(2).contains("login_required"), "{}", ask(2));
    assert!(!ask(1).contains("login_required"), "{}", ask(1));
}

#[test]
fn sign_out_by_a_hint_is_of_this_very_session() {
    let world = World::of_app(|_| {}, &json!({"subject_type": "pairwise", "skip_logout_consent": true}));
    let hint = world.redeem(&world.code("openid")).unwrap().id_token.unwrap();
    let ask = |subject: &AuthenticatedSubject| {
        let encoded = form(&[("id_token_hint", &hint)]);
        let asked =
            now(world.server.end_session(&Parameters::parse(encoded.as_bytes()), Some(subject))).unwrap();
        matches!(asked, crate::logout::EndSession::Done(_))
    };
    let ada = world.subject(1);
    assert!(ask(&ada));
    assert!(!ask(&AuthenticatedSubject { session: SessionId(uuid::Uuid::from_u128(9)), ..ada.clone() }));
    assert!(!ask(&AuthenticatedSubject { subject: IdentityId(uuid::Uuid::from_u128(9)), ..ada }));
}

/// What a client names as its sector must name the client.
#[test]
fn sector_is_taken_when_it_lists_every_redirect_uri() {
    const LISTED: &str = r#"["https://a.example/cb", "https://b.example/cb", "https://c.example/cb"]"#;
    let check = |patch: &Value, answer: Option<(u16, &str)>, expect: Option<InvalidClient>| {
        let world = World::new();
        world.rows(|rows| {
            if let Some((status, body)) = answer {
                rows.web.insert("https://sector.example/apps".to_owned(), (status, body.to_owned()));
            }
        });
        let mut document = json!({"client_id": "new", "subject_type": "pairwise",
            "redirect_uris": ["https://a.example/cb", "https://b.example/cb"]});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        let document = serde_json::from_value(document).unwrap();
        let created = now(world.server.create_client(document, primitives::Actor::System)).result;
        assert_eq!(created.err(), expect.map(ClientError::Invalid), "{patch} {answer:?}");
    };
    let named = json!({"sector_identifier_uri": "https://sector.example/apps"});
    check(&named, Some((200, LISTED)), None);
    check(&named, Some((200, r#"["https://a.example/cb"]"#)), Some(InvalidClient::Sector));
    check(&named, Some((404, LISTED)), Some(InvalidClient::Sector));
    check(&named, Some((200, "{}")), Some(InvalidClient::Sector));
    check(&named, None, Some(InvalidClient::Sector));
    check(&json!({}), None, Some(InvalidClient::NoSector));
    check(&json!({"redirect_uris": ["https://a.example/1", "https://a.example/2"]}), None, None);
    check(&json!({"redirect_uris": []}), None, Some(InvalidClient::NoSector));
    for shared in ["http://127.0.0.1/cb", "com.example.app:/cb", "http://localhost/cb"] {
        check(&json!({"redirect_uris": [shared]}), None, Some(InvalidClient::NoSector));
    }
    let public = json!({"subject_type": "public", "sector_identifier_uri": "https://sector.example/apps"});
    check(&public, None, None);
}

#[test]
fn sector_is_asked_again_only_about_what_it_was_not_asked_before() {
    let world = World::new();
    let place = "https://sector.example/apps".to_owned();
    let listed = r#"["https://a.example/cb"]"#.to_owned();
    world.rows(|rows| rows.web.insert(place.clone(), (200, listed)));
    let document = |redirect: &str, name: &str| {
        serde_json::from_value(json!({"client_id": "new", "client_name": name, "subject_type": "pairwise",
            "redirect_uris": [redirect], "sector_identifier_uri": "https://sector.example/apps"}))
        .unwrap()
    };
    let actor = || primitives::Actor::System;
    let created = now(world.server.create_client(document("https://a.example/cb", "one"), actor()));
    assert!(created.result.is_ok());
    world.memory.apply(created.change).unwrap();
    world.rows(|rows| rows.web.remove(&place));
    let id = "new".parse().unwrap();
    let renamed = now(world.server.replace_client(&id, document("https://a.example/cb", "two"), actor()));
    assert!(renamed.result.is_ok(), "its server is down");
    let moved = now(world.server.replace_client(&id, document("https://b.example/cb", "two"), actor()));
    assert_eq!(moved.result.err(), Some(ClientError::Invalid(InvalidClient::Sector)));
}
