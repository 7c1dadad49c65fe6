//! Requests that clients sign (RFC 9101): the table of attacks of `request_object`, one by one.

use jose::{PrivateJwk, Signer, SigningAlgorithm, TokenType, generate};
use primitives::outbound::OutboundResponse;
use primitives::rng::SeededRng;

use super::pushed::{bring, code_of, push};
use super::*;
use crate::memory::Prover;
use crate::settings::Settings;

const AT: &str = "https://app.example/request.jwt";

fn key(algorithm: SigningAlgorithm, seed: u64) -> PrivateJwk {
    generate(algorithm, &SeededRng::new(seed)).unwrap()
}

fn own_key() -> PrivateJwk {
    key(SigningAlgorithm::EdDsa, 5)
}

fn jwks(keys: &[&PrivateJwk]) -> Value {
    json!({"keys": keys.iter().map(|key| serde_json::to_value(key.public()).unwrap()).collect::<Vec<_>>()})
}

/// A first party with a key and an address for its objects.
fn world_of(edit: impl FnOnce(&mut Settings), patch: &Value) -> World {
    let mut document = json!({"skip_consent": true, "jwks": jwks(&[&own_key()]), "request_uris": [AT]});
    document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    World::of_app(edit, &document)
}

fn signing() -> World {
    world_of(|_| {}, &json!({}))
}

/// A good object with some claims changed; `null` leaves one out.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "app", "aud": "https://id.example", "iat": 1_800_000_000, "exp": 1_800_000_060, "jti": "j1",
        "client_id": "app", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid read",
        "state": "signed", "nonce": "no", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn sign(key: &PrivateJwk, typ: TokenType, changes: &Value) -> String {
    Signer::new(key).unwrap().sign(typ, &claims(changes)).unwrap()
}

fn object(changes: &Value) -> String {
    sign(&own_key(), TokenType::RequestObject, changes)
}

/// The browser brings an object, and what a client puts beside it.
fn brought(world: &World, object: &str) -> Result<Next, PageError> {
    let pairs = [("client_id", "app"), ("request", object), ("redirect_uri", CALLBACK), ("state", "beside")];
    bring(world, &pairs, Some(&world.subject(1)))
}

fn named(world: &World, uri: &str) -> Result<Next, PageError> {
    bring(world, &[("client_id", "app"), ("request_uri", uri)], Some(&world.subject(1)))
}

fn publish(world: &World, uri: &str, status: u16, media_type: &str, body: Vec<u8>) {
    let headers = vec![("content-type".to_owned(), media_type.to_owned())];
    let response = OutboundResponse { status, headers, body };
    world.memory.published.lock().unwrap().insert(uri.to_owned(), response);
}

const TYPE: &str = "application/oauth-authz-req+jwt";

#[test]
fn signed_request_is_answered_as_it_was_signed_whatever_stands_beside_it() {
    let world = signing();
    let text =
        object(&json!({"response_mode": "fragment", "max_age": 600, "resource": ["https://api.example"]}));
    let pairs = [
        ("client_id", "app"),
        ("request", text.as_str()),
        ("redirect_uri", "https://evil.example/cb"),
        ("scope", "openid read write"),
        ("state", "another"),
        ("code_challenge", "another"),
        ("response_type", "token"),
        ("prompt", "none"),
    ];
    assert_eq!(word(&bring(&world, &pairs, None)), "login", "prompt=none stood beside it");
    let response = answer(bring(&world, &pairs, Some(&world.subject(1))));
    assert_eq!(response.find("state"), Some("signed"));
    assert!(response.location().unwrap().starts_with(&format!("{CALLBACK}#code=")));
    assert_eq!(world.redeem(response.find("code").unwrap()).unwrap().scope, "openid read");
    // Nothing is taken from beside it either where the object says nothing.
    let text =
        object(&json!({"jti": null, "state": null, "code_challenge": null, "code_challenge_method": null}));
    let pairs = [
        ("client_id", "app"),
        ("request", text.as_str()),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let refused = answer(bring(&world, &pairs, Some(&world.subject(1))));
    assert_eq!((refused.find("error"), refused.find("state")), (Some("invalid_request"), None));
}

/// Attack: somebody names the method beside the object. An object that names none is of `plain` (RFC 7636 section 4.3).
#[test]
fn method_of_a_challenge_is_what_was_signed() {
    for (tenant, expect) in [(false, "invalid_request"), (true, "code")] {
        let world = world_of(|settings| settings.pkce_plain = tenant, &json!({"pkce_plain": true}));
        let text = object(&json!({"code_challenge_method": null}));
        let pairs = [("client_id", "app"), ("request", text.as_str()), ("code_challenge_method", "S256")];
        let next = bring(&world, &pairs, Some(&world.subject(1)));
        assert_eq!(word(&next), expect);
        if tenant {
            let code = answer(next).find("code").unwrap().to_owned();
            assert_eq!(world.redeem(&code).unwrap_err().code().as_str(), "invalid_grant", "it is no hash");
        }
    }
}

#[test]
fn claims_speak_for_the_client_to_us_alone_and_soon() {
    let check = |changes: Value, expect: &str| {
        assert_eq!(word(&brought(&signing(), &object(&changes))), expect, "{changes}");
    };
    check(json!({}), "code");
    check(json!({"aud": ["https://id.example"]}), "code");
    check(json!({"jti": null}), "code");
    check(json!({"nbf": 1_800_000_000}), "code");
    let refused = "invalid_request_object";
    check(json!({"iss": "other"}), refused);
    check(json!({"iss": null}), refused);
    check(json!({"aud": "https://other.example"}), refused);
    check(json!({"aud": ["https://id.example", "https://other.example"]}), refused);
    check(json!({"aud": null}), refused);
    check(json!({"exp": null}), refused);
    check(json!({"exp": 1_799_999_900}), refused);
    check(json!({"exp": 1_800_001_000}), refused);
    check(json!({"iat": null, "exp": 1_800_001_000}), refused);
    check(json!({"iat": 1_800_000_900, "exp": 1_800_000_960}), refused);
    check(json!({"nbf": 1_800_000_900}), refused);
    check(json!({"sub": "app"}), refused);
    check(json!({"sub": "somebody"}), "code");
    check(json!({"client_id": null}), refused);
    check(json!({"client_id": "other"}), refused);
    check(json!({"request": "eyJ"}), refused);
    check(json!({"request_uri": AT}), refused);
    check(json!({"resource": [1]}), refused);
    // What it asks for is a request like any other.
    check(json!({"scope": "openid admin"}), "invalid_scope");
    check(json!({"redirect_uri": "https://evil.example/cb"}), "page: invalid_redirect_uri");
    check(json!({"max_age": "soon"}), "invalid_request");
}

#[test]
fn wrong_typ_is_refused() {
    for typ in [TokenType::Jwt, TokenType::AccessToken, TokenType::LogoutToken] {
        let text = sign(&own_key(), typ, &json!({}));
        assert_eq!(word(&brought(&signing(), &text)), "invalid_request_object", "{typ:?}");
    }
    let prover = Prover::generate();
    let mut public = prover.header()["jwk"].clone();
    public["kid"] = "k".into();
    let world = world_of(|_| {}, &json!({"jwks": {"keys": [public]}}));
    for (typ, expect) in [
        (json!("oauth-authz-req+jwt"), "code"),
        (json!("application/oauth-authz-req+jwt"), "page: challenge_used"),
        (json!("dpop+jwt"), "invalid_request_object"),
        (Value::Null, "invalid_request_object"),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "k", "typ": typ});
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(word(&brought(&world, &prover.sign(&header, &claims(&json!({}))))), expect, "{typ}");
    }
}

/// RFC 9101 section 4: the example is of no `typ`, so that another token of the client's could stand in its place (section
/// 10.8), and is good for ever. Its signature is its client's, which is not what it is refused for.
#[test]
fn example_of_the_rfc_is_refused_for_its_type_and_not_for_its_signature() {
    let text = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsyYmRjIn0.ewogICAgImlzcyI6ICJzNkJoZFJrcXQzIiwKICAgICJhdWQiOiAiaHR0cHM6Ly9zZXJ2ZXIuZXhhbXBsZS5jb20iLAogICAgInJlc3BvbnNlX3R5cGUiOiAiY29kZSBpZF90b2tlbiIsCiAgICAiY2xpZW50X2lkIjogInM2QmhkUmtxdDMiLAogICAgInJlZGlyZWN0X3VyaSI6ICJodHRwczovL2NsaWVudC5leGFtcGxlLm9yZy9jYiIsCiAgICAic2NvcGUiOiAib3BlbmlkIiwKICAgICJzdGF0ZSI6ICJhZjBpZmpzbGRraiIsCiAgICAibm9uY2UiOiAibi0wUzZfV3pBMk1qIiwKICAgICJtYXhfYWdlIjogODY0MDAKfQ.Nsxa_18VUElVaPjqW_ToI1yrEJ67BgKb5xsuZRVqzGkfKrOIX7BCx0biSxYGmjK9KJPctH1OC0iQJwXu5YVY-vnW0_PLJb1C2HG-ztVzcnKZC2gE4i0vgQcpkUOCpW3SEYXnyWnKzuKzqSb1wAZALo5f89B_p6QA6j6JwBSRvdVsDPdulW8lKxGTbH82czCaQ50rLAg3EYLYaCb4ik4I1zGXE4fvim9FIMs8OCMmzwIB5S-ujFfzwFjoyuPEV4hJnoVUmXR_W9typPf846lGwA8h9G9oNTIuX8Ft2jfpnZdFmLg3_wr3Wa5q3a-lfbgF3S9H_8nN3j1i7tLR_5Nz-g";
    let key = json!({
        "kty": "RSA", "kid": "k2bdc", "e": "AQAB",
        "n": "x5RbkAZkmpRxia65qRQ1wwSMSxQUnS7gcpVTV_cdHmfmG2ltd2yabEO9XadD8pJNZubINPpmgHh3J1aD9WRwS05ucmFq3CfFsluLt13_7oX5yDRSKX7poXmT_5ko8k4NJZPMAO8fPToDTH7kHYbONSE2FYa5GZ60CUsFhSonI-dcMDJ0Ary9lxIw5k2z4TAdARVWcS7sD07VhlMMshrwsPHBQgTatlkxyIHXbYdtak8fqvNAwr7OlVEvM_Ipf5OfmdB8Sd-wjzaBsyP4VhJKoi_qdgSzpC694XZeYPq45Sw-q51iFUlcOlTCI7z6jltUtnR6ySn6XDGFnzH5Fe5ypw",
    });
    let world = World::new();
    let callback = "https://client.example.org/cb";
    let jwks = json!({"keys": [key]});
    world.add_client(&json!({"client_id": "s6BhdRkqt3", "redirect_uris": [callback], "jwks": jwks}));
    let refused = |text: &str| {
        let pairs = [("client_id", "s6BhdRkqt3"), ("request", text), ("redirect_uri", callback)];
        let answer = answer(bring(&world, &pairs, None));
        assert_eq!(answer.find("error"), Some("invalid_request_object"));
        answer.find("error_description").unwrap().to_owned()
    };
    assert_eq!(refused(text), "the request object is not acceptable: token is of another type");
    let changed = text.replacen(".Nsxa_", ".Asxa_", 1);
    assert_eq!(refused(&changed), "the request object is not signed by a key of the client");
}

#[test]
fn another_key_and_unsigned_and_encrypted_objects_are_refused() {
    let other = sign(&key(SigningAlgorithm::EdDsa, 6), TokenType::RequestObject, &json!({}));
    let good = object(&json!({}));
    let part = |text: &str| primitives::base64url::encode(text);
    let none = part(&json!({"alg": "none", "typ": "oauth-authz-req+jwt"}).to_string());
    let payload = part(&claims(&json!({})).to_string());
    let changed = {
        let parts: Vec<_> = good.split('.').collect();
        format!("{}.{}.{}", parts[0], part(&claims(&json!({"scope": "openid write"})).to_string()), parts[2])
    };
    for text in [
        other,
        format!("{none}.{payload}."),
        format!("{none}.{payload}.AAAA"),
        changed,
        "eyJ".to_owned(),
        "a.b.c.d.e".to_owned(),
        format!("{good}A"),
    ] {
        let refused = answer(brought(&signing(), &text));
        assert_eq!(refused.find("error"), Some("invalid_request_object"), "{text}");
        assert_eq!(refused.find("state"), Some("beside"));
        let named_by_name = refused.find("error_description").unwrap().contains("encrypted");
        assert_eq!(named_by_name, text == "a.b.c.d.e");
    }
}

#[test]
fn only_the_registered_algorithm_is_taken() {
    let (weak, own) = (key(SigningAlgorithm::Es256, 7), own_key());
    let keys = jwks(&[&weak, &own]);
    for (registered, expect) in
        [(json!(null), "code"), (json!("ES256"), "code"), (json!("EdDSA"), "invalid_request_object")]
    {
        let world = world_of(|_| {}, &json!({"jwks": keys, "request_object_signing_alg": registered}));
        let text = sign(&weak, TokenType::RequestObject, &json!({}));
        assert_eq!(word(&brought(&world, &text)), expect, "{registered}");
    }
    // That of assertions is another.
    let world = world_of(|_| {}, &json!({"jwks": keys, "token_endpoint_auth_signing_alg": "EdDSA"}));
    assert_eq!(word(&brought(&world, &sign(&weak, TokenType::RequestObject, &json!({})))), "code");
}

#[test]
fn swapped_client_is_refused() {
    let world = signing();
    let theirs = key(SigningAlgorithm::EdDsa, 8);
    world.add_client(&json!({"client_id": "other", "jwks": jwks(&[&theirs]), "skip_consent": true}));
    let ada = world.subject(1);
    let own = object(&json!({}));
    let check = |client: &str, text: &str, expect: &str| {
        let pairs = [("client_id", client), ("request", text), ("redirect_uri", CALLBACK)];
        assert_eq!(word(&bring(&world, &pairs, Some(&ada))), expect, "{client}");
    };
    check("other", &own, "invalid_request_object");
    // With a right signature, by a client that speaks for another.
    for swapped in [json!({"iss": "other"}), json!({"client_id": "other"}), json!({})] {
        let text = sign(&theirs, TokenType::RequestObject, &swapped);
        check("other", &text, "invalid_request_object");
        check("app", &text, "invalid_request_object");
    }
    let text = sign(&theirs, TokenType::RequestObject, &json!({"iss": "other", "client_id": "other"}));
    check("app", &text, "invalid_request_object");
    check("other", &text, "code");
    check("app", &own, "code");
}

#[test]
fn object_with_jti_is_answered_once_however_often_it_is_brought() {
    let world = signing();
    let text = object(&json!({}));
    // Somebody who loads the page again is asked again.
    let pairs = [("client_id", "app"), ("request", text.as_str())];
    assert_eq!(word(&bring(&world, &pairs, None)), "login");
    let first = challenge(bring(&world, &pairs, None));
    assert_eq!(word(&brought(&world, &text)), "code");
    assert_eq!(word(&brought(&world, &text)), "page: challenge_used");
    world.wait(1);
    let ada = world.subject(1);
    assert_eq!(word(&resume(&world, &first, browser(Some(&ada)))), "page: challenge_used");
    assert_eq!(word(&brought(&world, &object(&json!({"scope": "openid"})))), "page: challenge_used");
    assert_eq!(word(&brought(&world, &object(&json!({"jti": "j2"})))), "code");
    // Of two answers at once one is written.
    let text = object(&json!({"jti": "j3"}));
    let encoded = form(&[("client_id", "app"), ("request", &text)]);
    let both = [(); 2]
        .map(|()| now(world.server.authorize(&Parameters::parse(encoded.as_bytes()), browser(Some(&ada)))));
    assert_eq!(both.map(|decision| world.memory.apply(decision.change).is_ok()), [true, false]);
}

#[test]
fn who_is_told_is_a_client_at_its_own_address_or_the_person() {
    let world = signing();
    let ada = world.subject(1);
    let check = |pairs: &[(&str, &str)], expect: &str| {
        assert_eq!(word(&bring(&world, pairs, Some(&ada))), expect, "{pairs:?}");
    };
    check(&[("client_id", "app"), ("request", "x")], "invalid_request_object");
    check(
        &[("client_id", "app"), ("request", "x"), ("redirect_uri", "https://evil.example")],
        "page: invalid_request_object",
    );
    check(&[("client_id", "nobody"), ("request", "x"), ("redirect_uri", CALLBACK)], "page: invalid_client");
    check(&[("request", "x"), ("redirect_uri", CALLBACK)], "page: invalid_request");
    check(&[("client_id", "app"), ("request", "x"), ("request_uri", AT)], "invalid_request");
    check(&[("client_id", "app"), ("request", "x"), ("request", "y")], "invalid_request");
}

#[test]
fn request_uri_is_the_clients_own_and_fetched_each_time() {
    let world = signing();
    publish(&world, AT, 200, &format!("{TYPE}; charset=utf-8"), object(&json!({})).into_bytes());
    assert_eq!(answer(named(&world, AT)).find("state"), Some("signed"));
    publish(&world, AT, 200, TYPE, object(&json!({"jti": "j2"})).into_bytes());
    assert_eq!(word(&named(&world, &format!("{AT}#hash"))), "code", "a fragment is never sent");
    publish(&world, "https://app.example/other.jwt", 200, TYPE, object(&json!({"jti": "j3"})).into_bytes());
    publish(&world, "http://169.254.169.254/x", 200, TYPE, object(&json!({"jti": "j3"})).into_bytes());
    for uri in [
        "https://app.example/other.jwt",
        "https://app.example/request.jwt?x",
        "https://app.example/request.jwt/",
        "https://evil.example/request.jwt",
        "https://app.example@evil.example/request.jwt",
        "http://app.example/request.jwt",
        "http://169.254.169.254/x",
        "file:///etc/passwd",
        "urn:ietf:params:oauth:request_uri",
    ] {
        assert_eq!(word(&named(&world, uri)), "invalid_request_uri", "{uri}");
    }
    let without = world_of(|_| {}, &json!({"request_uris": []}));
    assert_eq!(word(&named(&without, AT)), "request_uri_not_supported");
    let keyless = world_of(|_| {}, &json!({"jwks": null}));
    publish(&keyless, AT, 200, TYPE, object(&json!({})).into_bytes());
    assert_eq!(word(&named(&keyless, AT)), "request_not_supported");
}

#[test]
fn redirects_oversize_other_types_and_silence_at_request_uri_are_refused() {
    let good = || object(&json!({})).into_bytes();
    for (status, media_type, body, expect) in [
        (200, TYPE, good(), "code"),
        (302, TYPE, good(), "invalid_request_uri"),
        (404, TYPE, good(), "invalid_request_uri"),
        (200, "application/jwt", good(), "invalid_request_uri"),
        (200, "text/html", good(), "invalid_request_uri"),
        (200, TYPE, vec![b'a'; 17 * 1_024], "invalid_request_uri"),
        (200, TYPE, vec![0xff; 16], "invalid_request_object"),
        (200, TYPE, b"<html>".to_vec(), "invalid_request_object"),
    ] {
        let world = signing();
        publish(&world, AT, status, media_type, body);
        assert_eq!(word(&named(&world, AT)), expect, "{status} {media_type}");
    }
    // Whatever the guarded port refuses: an address of our own network, an answer that takes too long.
    assert_eq!(word(&named(&signing(), AT)), "invalid_request_uri");
}

#[test]
fn so_many_are_fetched_at_once_and_no_more() {
    let world = signing();
    publish(&world, AT, 200, TYPE, object(&json!({})).into_bytes());
    let taken: Vec<_> = std::iter::from_fn(|| world.server.fetch_places.take()).collect();
    assert_eq!(word(&named(&world, AT)), "temporarily_unavailable");
    drop(taken);
    assert_eq!(word(&named(&world, AT)), "code");
    assert!(world.server.fetch_places.take().is_some(), "a place is given back");
}

#[test]
fn where_requests_must_be_signed_others_are_refused_also_when_pushed() {
    for (asked, patch) in [(true, json!({})), (false, json!({"require_signed_request_object": true}))] {
        let world = world_of(|settings| settings.require_signed_request_object = asked, &patch);
        let ada = world.subject(1);
        assert_eq!(word(&authorize(&world, &[], Some(&ada))), "invalid_request");
        assert_eq!(code_of(push(&world, &[])), "invalid_request");
        assert_eq!(word(&brought(&world, &object(&json!({})))), "code");
        let uri = push(&world, &[("request", &object(&json!({"jti": "j2"})))]).unwrap().request_uri;
        assert_eq!(word(&bring(&world, &[("client_id", "app"), ("request_uri", &uri)], Some(&ada))), "code");
    }
    // One that was pushed before its client asked for that.
    let world = signing();
    let uri = push(&world, &[]).unwrap().request_uri;
    world.rows(|rows| {
        let app = rows.clients.values_mut().next().unwrap();
        app.document.require_signed_request_object = Some(true);
    });
    let pairs = [("client_id", "app"), ("request_uri", uri.as_str())];
    assert_eq!(word(&bring(&world, &pairs, Some(&world.subject(1)))), "invalid_request");
}

#[test]
fn pushed_object_alone_counts_and_its_client_hears_of_mistakes() {
    let world = signing();
    let ada = world.subject(1);
    // `push` sends a whole request beside it.
    let uri = push(&world, &[("request", &object(&json!({}))), ("scope", "write")]).unwrap().request_uri;
    let response = answer(bring(&world, &[("client_id", "app"), ("request_uri", &uri)], Some(&ada)));
    assert_eq!(response.find("state"), Some("signed"));
    assert_eq!(world.redeem(response.find("code").unwrap()).unwrap().scope, "openid read");
    // The same object pushed again is the same request.
    let again = push(&world, &[("request", &object(&json!({})))]).unwrap().request_uri;
    assert_eq!(
        word(&bring(&world, &[("client_id", "app"), ("request_uri", &again)], Some(&ada))),
        "page: challenge_used"
    );
    for (changes, expect) in [
        (json!({"jti": "j2"}), "pushed"),
        (json!({"scope": "openid admin"}), "invalid_scope"),
        (json!({"redirect_uri": "https://evil.example"}), "invalid_request"),
        (json!({"iss": "other"}), "invalid_request_object"),
        (json!({"exp": 1_799_999_000}), "invalid_request_object"),
    ] {
        assert_eq!(code_of(push(&world, &[("request", &object(&changes))])), expect, "{changes}");
    }
    let other = sign(&key(SigningAlgorithm::EdDsa, 6), TokenType::RequestObject, &json!({}));
    assert_eq!(code_of(push(&world, &[("request", &other)])), "invalid_request_object");
}

#[test]
fn request_object_is_no_assertion_of_its_client() {
    let world = world_of(|_| {}, &json!({"token_endpoint_auth_method": "private_key_jwt"}));
    let assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", assertion_type),
        ("client_assertion", &object(&json!({}))),
    ];
    let encoded = form(&pairs);
    let error = world.commit(|| world.decide_token(&encoded)).unwrap_err();
    assert_eq!(error.code().as_str(), "invalid_client");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    /// Whatever is brought as an object, and however a good one is changed, no code comes of it.
    #[test]
    fn what_the_client_did_not_sign_is_never_answered(
        text in "\\PC{0,40}(\\.\\PC{0,40}){0,4}",
        at in 0..512_usize,
        instead in "[A-Za-z0-9_.-]",
    ) {
        let world = signing();
        let good = object(&json!({}));
        let at = at % good.len();
        let changed = format!("{}{instead}{}", &good[..at], &good[at + 1..]);
        for brought_text in [text, changed].iter().filter(|text| **text != good && !text.is_empty()) {
            let said = word(&brought(&world, brought_text));
            assert_eq!(said, "invalid_request_object", "{brought_text}");
        }
        assert_eq!(word(&brought(&world, &good)), "code");
    }
}
