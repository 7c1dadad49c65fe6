use jose::{ClaimRules, Expiry, UnverifiedJwt};
use primitives::time::ClockTolerance;
use primitives::{Actor, base64url};
use uuid::Uuid;

use super::*;
use crate::id_token_hint::verify_hint;
use crate::memory::{World, now};

const PLACE: &str = "https://app.example/backchannel";
const ADA: IdentityId = IdentityId(Uuid::from_u128(1));
const SESSION: SessionId = SessionId(Uuid::from_u128(7));

fn world(patch: &Value) -> World {
    let mut document = json!({"backchannel_logout_uri": PLACE});
    document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    World::of_app(|_| {}, &document)
}

fn send(world: &World) -> Result<(), BackchannelError> {
    now(world.server.send_logout_token(&"app".parse().unwrap(), ADA, SESSION))
}

fn answer(world: &World, status: u16) {
    world.rows(|rows| rows.web.insert(PLACE.to_owned(), (status, String::new())));
}

/// The logout tokens that the client's server was sent.
fn received(world: &World) -> Vec<String> {
    world.rows(|rows| {
        let token = |request: &OutboundRequest| {
            assert_eq!((request.method, request.url.as_str()), ("POST", PLACE));
            let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
            assert!(request.headers.contains(&form));
            let mut pairs = url::form_urlencoded::parse(&request.body);
            let (name, token) = pairs.next().unwrap();
            assert_eq!((&*name, pairs.next()), ("logout_token", None));
            token.into_owned()
        };
        rows.requests.iter().map(token).collect()
    })
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap()
}

#[test]
fn token_says_who_was_signed_in_where_and_nothing_that_an_id_token_says() {
    let world = world(&json!({}));
    answer(&world, 200);
    world.wait(60);
    assert_eq!(send(&world), Ok(()));
    assert_eq!(send(&world), Ok(()));
    let [first, second] = <[String; 2]>::try_from(received(&world)).unwrap();
    let parts: Vec<&str> = first.split('.').collect();
    assert_eq!(decode(parts[0])["typ"], "logout+jwt");
    let mut claims = decode(parts[1]);
    let jti = claims["jti"].take();
    assert_ne!(
        decode(second.split('.').nth(1).unwrap())["jti"],
        jti,
        "a receiver refuses one that it has seen"
    );
    let iat = world.server.now().seconds();
    let expect = json!({"iss": "https://id.example", "aud": "app", "sub": ADA.to_string(), "sid": SESSION.to_string(),
        "iat": iat, "exp": iat + 120, "jti": null,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    assert_eq!(claims, expect);
    let keys = now(world.server.load_keys()).unwrap();
    let rules = ClaimRules {
        token_type: Some(TokenType::LogoutToken),
        issuer: Some("https://id.example"),
        audience: &["app"],
        expiry: Expiry::Enforced,
        max_lifetime: None,
        tolerance: ClockTolerance::default(),
    };
    let signed = UnverifiedJwt::parse(&first).unwrap().verify(keys.verifying()).unwrap();
    assert!(signed.validate(&rules, world.server.now()).is_ok());
}

/// Attack: a logout token is shown as a hint, or as an access token.
#[test]
fn token_is_of_use_for_nothing_else() {
    let world = world(&json!({}));
    answer(&world, 200);
    send(&world).unwrap();
    let token = received(&world).remove(0);
    assert_eq!(now(verify_hint(&world.server, &token)), Ok(None));
    let found = now(world.server.introspect(&token, None, crate::memory::REQUEST)).unwrap();
    assert_eq!(found, crate::introspection::Introspection::Inactive);
}

#[test]
fn answers_are_told_apart() {
    let world = world(&json!({}));
    assert_eq!(send(&world), Err(BackchannelError::Unreachable(OutboundError::Forbidden)));
    for (status, expect) in [
        (200, Ok(())),
        (204, Ok(())),
        (302, Err(BackchannelError::Refused(302))),
        (400, Err(BackchannelError::Refused(400))),
        (504, Err(BackchannelError::Refused(504))),
    ] {
        answer(&world, status);
        assert_eq!(send(&world), expect, "{status}");
    }
}

#[test]
fn client_that_listens_no_more_is_gone() {
    for patch in [json!({"backchannel_logout_uri": ""}), json!({"backchannel_logout_uri": null})] {
        assert_eq!(send(&world(&patch)), Err(BackchannelError::Gone));
    }
    assert_eq!(send(&World::new()), Err(BackchannelError::Gone), "no client");
    let world = world(&json!({}));
    world.rows(|rows| rows.clients.values_mut().for_each(|client| client.enabled = false));
    assert_eq!(send(&world), Err(BackchannelError::Gone), "disabled");
}

/// Attack: whoever may register clients has the node call servers of its own network.
#[test]
fn only_an_address_in_the_operators_own_file_may_be_anywhere() {
    for (managed_by, expect) in [(ManagedBy::Api, Reach::Public), (ManagedBy::File, Reach::NamedByOperator)] {
        let world = world(&json!({}));
        answer(&world, 200);
        world.rows(|rows| rows.clients.values_mut().for_each(|client| client.managed_by = managed_by));
        send(&world).unwrap();
        assert_eq!(world.rows(|rows| rows.requests[0].reach), expect);
    }
}

#[test]
fn end_of_a_session_tells_the_clients_of_that_session() {
    let world = world(&json!({}));
    world.add_client(&json!({"client_id": "deaf"}));
    let ended = |session: u128| {
        let change = world.server.end_grants_of_session(SessionId(Uuid::from_u128(session)), Actor::System);
        world.memory.apply(change).unwrap();
        world.rows(|rows| rows.told.len())
    };
    world.code("openid");
    assert_eq!(ended(2), 0, "another session");
    assert_eq!(ended(1), 1);
    let told = world.rows(|rows| rows.told.first().cloned()).unwrap();
    assert_eq!(told, ("app".parse().unwrap(), SessionId(Uuid::from_u128(1)), ADA));
}
