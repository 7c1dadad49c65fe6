//! Requests that clients push (RFC 9126).

use super::*;
use crate::memory::request;

/// Pushes a good request with some parameters changed, as the client `app`.
pub(super) fn push(world: &World, changes: &[(&str, &str)]) -> Result<PushedResponse, PushError> {
    let encoded = format!("{}&client_secret=s3cret-of-app", query(changes));
    let parameters = Parameters::parse(encoded.as_bytes());
    world.commit(|| now(world.server.push_authorization_request(request(&parameters))))
}

pub(super) fn code_of(pushed: Result<PushedResponse, PushError>) -> String {
    match pushed {
        Ok(_) => "pushed".to_owned(),
        Err(PushError::Client(error)) => error.code().as_str().to_owned(),
        Err(PushError::Request { code, .. }) => code.to_owned(),
    }
}

/// The browser brings a reference, and whatever else.
pub(super) fn bring(
    world: &World,
    pairs: &[(&str, &str)],
    subject: Option<&AuthenticatedSubject>,
) -> Result<Next, PageError> {
    let encoded = form(pairs);
    let parameters = Parameters::parse(encoded.as_bytes());
    world.commit(|| now(world.server.authorize(&parameters, browser(subject))))
}

#[test]
fn pushed_request_is_answered_as_if_the_browser_had_brought_it() {
    let world = first_party();
    let ada = world.subject(1);
    let pushed = push(&world, &[("response_mode", "fragment")]).unwrap();
    assert_eq!(pushed.expires_in, 90);
    let uri = pushed.request_uri.as_str();
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{uri}");
    let response = answer(bring(&world, &[("client_id", "app"), ("request_uri", uri)], Some(&ada)));
    assert_eq!(response.find("state"), Some("st"));
    assert!(response.location().unwrap().starts_with(&format!("{CALLBACK}#code=")));
    assert_eq!(world.redeem(response.find("code").unwrap()).unwrap().scope, "openid read");
}

#[test]
fn what_stands_beside_the_reference_counts_for_nothing() {
    let world = first_party();
    let uri = push(&world, &[]).unwrap().request_uri;
    let more = [
        ("client_id", "app"),
        ("request_uri", uri.as_str()),
        ("redirect_uri", "https://evil.example/cb"),
        ("scope", "openid read write"),
        ("state", "another"),
        ("prompt", "none"),
    ];
    assert_eq!(word(&bring(&world, &more, None)), "login");
    let response = answer(bring(&world, &more, Some(&world.subject(1))));
    assert_eq!((response.redirect_uri(), response.find("state")), (CALLBACK, Some("st")));
    assert_eq!(world.redeem(response.find("code").unwrap()).unwrap().scope, "openid read");
}

#[test]
fn reference_is_its_clients_for_a_while_and_once() {
    let world = first_party();
    world.add_client(
        &json!({"client_id": "other", "token_endpoint_auth_method": "none", "skip_consent": true}),
    );
    let ada = world.subject(1);
    let uri = push(&world, &[]).unwrap().request_uri;
    let check = |pairs: &[(&str, &str)], expect: &str| {
        assert_eq!(word(&bring(&world, pairs, Some(&ada))), expect, "{pairs:?}");
    };
    check(&[("request_uri", &uri)], "page: invalid_request_uri");
    check(&[("client_id", "other"), ("request_uri", &uri)], "page: invalid_request_uri");
    let (sealed, other) = (uri.split_at(uri.len() - 3).0, format!("{uri}A"));
    check(&[("client_id", "app"), ("request_uri", sealed)], "page: invalid_request_uri");
    check(&[("client_id", "app"), ("request_uri", &other)], "page: invalid_request_uri");
    let none = "urn:ietf:params:oauth:request_uri:";
    check(&[("client_id", "app"), ("request_uri", none)], "page: invalid_request_uri");
    for (name, value) in [("client_id", "other"), ("request_uri", uri.as_str()), ("request", "eyJ")] {
        check(&[("client_id", "app"), ("request_uri", &uri), (name, value)], "page: invalid_request_uri");
    }
    check(&[("client_id", "app"), ("request_uri", &uri)], "code");
    check(&[("client_id", "app"), ("request_uri", &uri)], "page: challenge_used");
    let late = push(&world, &[]).unwrap().request_uri;
    world.wait(90);
    check(&[("client_id", "app"), ("request_uri", &late)], "page: invalid_request_uri");
}

#[test]
fn client_hears_of_mistakes_when_it_pushes() {
    let world = first_party();
    let check = |changes: &[(&str, &str)], expect: &str| {
        assert_eq!(code_of(push(&world, changes)), expect, "{changes:?}");
    };
    check(&[], "pushed");
    check(&[("redirect_uri", "https://evil.example")], "invalid_request");
    check(&[("scope", "openid admin")], "invalid_scope");
    check(&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request");
    check(&[("response_type", "token")], "unsupported_response_type");
    check(&[("request", "eyJ")], "request_not_supported");
    check(&[("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request");
    check(&[("foo", "1"), ("foo", "2")], "invalid_request");
    let nobody = query(&[]);
    let unproven =
        now(world.server.push_authorization_request(request(&Parameters::parse(nobody.as_bytes()))));
    assert_eq!(code_of(unproven.result), "invalid_client");
}

#[test]
fn proof_of_the_client_is_no_part_of_its_request() {
    let world = first_party();
    let uri = push(&world, &[]).unwrap().request_uri;
    let pairs = [("client_id", "app"), ("request_uri", uri.as_str())];
    let encoded = form(&pairs);
    let pushed = Pushed::find(&world.server, &Parameters::parse(encoded.as_bytes())).unwrap().unwrap();
    let parameters = pushed.parameters();
    assert_eq!((parameters.find("client_id"), parameters.find("client_secret")), (Some("app"), None));
}

#[test]
fn where_requests_must_be_pushed_others_are_refused() {
    for (asked, patch) in [(true, json!({})), (false, json!({"require_pushed_authorization_requests": true}))]
    {
        let mut document = json!({"skip_consent": true});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        let world =
            World::of_app(|settings| settings.require_pushed_authorization_requests = asked, &document);
        let ada = world.subject(1);
        assert_eq!(word(&authorize(&world, &[], Some(&ada))), "invalid_request");
        let uri = push(&world, &[]).unwrap().request_uri;
        assert_eq!(word(&bring(&world, &[("client_id", "app"), ("request_uri", &uri)], Some(&ada))), "code");
    }
}

#[test]
fn client_that_changed_meanwhile_is_held_to_what_it_is_now() {
    let world = first_party();
    let uri = push(&world, &[]).unwrap().request_uri;
    world.rows(|rows| rows.clients.values_mut().for_each(|client| client.enabled = false));
    let next = bring(&world, &[("client_id", "app"), ("request_uri", &uri)], Some(&world.subject(1)));
    assert_eq!(word(&next), "page: invalid_client");
}
