//! Each attack on proofs and on what is bound to them, on the model of storage.

use std::cell::Cell;

use serde_json::{Value, json};

use super::*;
use crate::access_token::{PresentedToken, TokenScheme};
use crate::go_duration::GoDuration;
use crate::memory::{
    CALLBACK, Prover, REQUEST, VERIFIER, World, as_app, as_bearer, form, hash_of, now, redemption, request,
};
use crate::parameters::Parameters;
use crate::token::{ClientRequest, InvalidGrant, TokenError, TokenResponse};
use crate::userinfo::UserinfoError;

const TOKEN: &str = "https://id.example/oauth2/token";
const USERINFO: &str = "https://id.example/userinfo";

/// Claims of a proof for an endpoint, each with a `jti` of its own.
fn claims(world: &World, method: &str, target: &str) -> Value {
    thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
    COUNT.set(COUNT.get() + 1);
    json!({"jti": format!("p{}", COUNT.get()), "htm": method, "htu": target, "iat": world.server.now().seconds()})
}

fn for_token(world: &World) -> Value {
    claims(world, "POST", TOKEN)
}

fn ask(world: &World, encoded: &str, proof: PresentedProof<'_>) -> Result<TokenResponse, TokenError> {
    let parameters = Parameters::parse(encoded.as_bytes());
    let request = ClientRequest { proof, ..request(&parameters) };
    world.commit(|| now(world.server.token(request)))
}

/// Asks as the confidential client `app`, with a proof.
fn token(world: &World, pairs: &[(&str, &str)], proof: &str) -> Result<TokenResponse, TokenError> {
    ask(world, &as_app(pairs), PresentedProof::One(proof))
}

fn own(world: &World, proof: &str) -> Result<TokenResponse, TokenError> {
    token(world, &[("grant_type", "client_credentials")], proof)
}

fn world() -> World {
    World::of_app(|_| {}, &json!({}))
}

/// A world whose client `app` is public.
fn public() -> World {
    let grants = json!(["authorization_code", "refresh_token"]);
    World::of_app(|_| {}, &json!({"token_endpoint_auth_method": "none", "grant_types": grants}))
}

/// The public client's requests have no secret.
fn as_public(
    world: &World,
    pairs: &[(&str, &str)],
    proof: Option<&str>,
) -> Result<TokenResponse, TokenError> {
    let encoded = form(&[&[("client_id", "app")], pairs].concat());
    ask(world, &encoded, proof.map_or(PresentedProof::Absent, PresentedProof::One))
}

fn code_of_tokens(result: Result<TokenResponse, TokenError>) -> String {
    result.map_or_else(|error| error.code().as_str().to_owned(), |tokens| tokens.token_type.to_owned())
}

fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(base64url::decode).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn introspected(world: &World, token: &str) -> Value {
    serde_json::to_value(now(world.server.introspect(token, None, REQUEST)).unwrap()).unwrap()
}

#[test]
fn token_is_bound_to_the_key_and_says_so_in_both_forms() {
    for strategy in ["jwt", "opaque"] {
        let world = World::of_app(|_| {}, &json!({"access_token_strategy": strategy}));
        let key = Prover::generate();
        let tokens = own(&world, &key.prove(&for_token(&world))).unwrap();
        assert_eq!(tokens.token_type, "DPoP", "{strategy}");
        let bound = json!({"jkt": key.thumbprint()});
        if strategy == "jwt" {
            assert_eq!(payload(&tokens.access_token)["cnf"], bound);
        }
        let said = introspected(&world, &tokens.access_token);
        assert_eq!((&said["cnf"], &said["token_type"]), (&bound, &json!("DPoP")), "{strategy}");
        let bearer = world.token(&[("grant_type", "client_credentials")]).unwrap();
        let said = introspected(&world, &bearer.access_token);
        assert_eq!((bearer.token_type, said.get("cnf")), ("bearer", None), "{strategy}");
    }
}

#[test]
fn proof_that_is_not_for_this_request_is_refused() {
    let world = world();
    let check = |edit: &dyn Fn(&mut Value), expect: Option<ProofFault>| {
        let mut claims = for_token(&world);
        edit(&mut claims);
        let answer = own(&world, &Prover::generate().prove(&claims)).err();
        assert_eq!(answer, expect.map(TokenError::InvalidProof), "{claims}");
    };
    let iat = world.server.now().seconds();
    let without =
        |name: &'static str| move |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(name));
    check(&|_| {}, None);
    for name in ["jti", "htm", "htu", "iat"] {
        check(&without(name), Some(ProofFault::Claims));
    }
    check(&|claims| claims["jti"] = json!(""), Some(ProofFault::Claims));
    check(&|claims| claims["jti"] = json!(1), Some(ProofFault::Claims));
    check(&|claims| claims["iat"] = json!("now"), Some(ProofFault::Claims));
    check(&|claims| claims["htm"] = json!("GET"), Some(ProofFault::Method));
    check(&|claims| claims["htm"] = json!("post"), Some(ProofFault::Method));
    check(&|claims| claims["htu"] = json!(USERINFO), Some(ProofFault::Target));
    check(&|claims| claims["htu"] = json!("https://evil.example/oauth2/token"), Some(ProofFault::Target));
    check(&|claims| claims["htu"] = json!("https://ID.example:443/oauth2/token?x=1"), None);
    check(&|claims| claims["iat"] = json!(iat - 69), None);
    check(&|claims| claims["iat"] = json!(iat - 70), Some(ProofFault::Time));
    check(&|claims| claims["iat"] = json!(iat + 10), None);
    check(&|claims| claims["iat"] = json!(iat + 11), Some(ProofFault::Time));
}

#[test]
fn what_is_no_proof_is_refused() {
    let world = world();
    let key = Prover::generate();
    let check = |edit: &dyn Fn(&mut Value)| {
        let mut header = key.header();
        edit(&mut header);
        let answer = own(&world, &key.sign(&header, &for_token(&world))).err();
        assert_eq!(answer, Some(TokenError::InvalidProof(ProofFault::Token)), "{header}");
    };
    check(&|header| header["typ"] = json!("JWT"));
    check(&|header| drop(header.as_object_mut().unwrap().remove("typ")));
    check(&|header| drop(header.as_object_mut().unwrap().remove("jwk")));
    check(&|header| header["alg"] = json!("none"));
    check(&|header| header["alg"] = json!("HS256"));
    check(&|header| header["jwk"]["d"] = json!("AAAA"));
    check(&|header| header["jwk"] = json!({"kty": "oct", "k": "AAAA"}));
    check(&|header| header["jwk"] = Prover::generate().header()["jwk"].clone());
    check(&|header| header["kid"] = json!("x".repeat(8_192)));
    let grant = as_app(&[("grant_type", "client_credentials")]);
    let answer = ask(&world, &grant, PresentedProof::Malformed);
    assert_eq!(answer.err(), Some(TokenError::InvalidProof(ProofFault::Header)));
}

/// Attack: whoever caught a proof on the way has its request refused, and brings it again.
#[test]
fn proof_of_a_refused_request_is_used_up() {
    let world = World::of_app(|_| {}, &json!({"tls_client_certificate_bound_access_tokens": true}));
    let proof = Prover::generate().prove(&for_token(&world));
    assert_eq!(code_of_tokens(own(&world, &proof)), "invalid_request", "it is bound by certificates alone");
    assert_eq!(own(&world, &proof).err(), Some(TokenError::InvalidProof(ProofFault::Replayed)));
    let world = self::world();
    let proof = Prover::generate().prove(&for_token(&world));
    let refused = || token(&world, &[("grant_type", "client_credentials"), ("scope", "admin")], &proof);
    assert_eq!(code_of_tokens(refused()), "invalid_scope");
    for again in [refused(), own(&world, &proof)] {
        assert_eq!(again.err(), Some(TokenError::InvalidProof(ProofFault::Replayed)));
    }
    let proof = Prover::generate().prove(&claims(&world, "POST", "https://id.example/oauth2/par"));
    let refused = pushed(&world, &[("dpop_jkt", "of another")], Some(&proof));
    assert_eq!(refused, Err(ProofFault::Key.to_string()));
    assert_eq!(pushed(&world, &[], Some(&proof)), Err(ProofFault::Replayed.to_string()));
    // What is wrong with itself is no proof yet, and nobody has used it up.
    let early = {
        let mut claims = for_token(&world);
        claims["iat"] = json!(world.server.now().seconds() + 11);
        Prover::generate().prove(&claims)
    };
    assert_eq!(own(&world, &early).err(), Some(TokenError::InvalidProof(ProofFault::Time)));
    world.wait(1);
    own(&world, &early).unwrap();
}

/// Attack: a flood in the name of a client that proves nothing, whose requests are refused.
#[test]
fn proof_of_a_client_that_proves_nothing_is_used_up_by_its_tokens_alone() {
    let world = public();
    let key = Prover::generate();
    let proof = key.prove(&for_token(&world));
    let code = world.code("openid");
    for _ in 0..3 {
        let refused = as_public(&world, &redemption("ory_ac_nobody"), Some(&proof));
        assert_eq!(code_of_tokens(refused), "invalid_grant");
    }
    assert!(world.rows(|rows| rows.assertions.is_empty()));
    assert_eq!(code_of_tokens(as_public(&world, &redemption(&code), Some(&proof))), "DPoP");
    let again = as_public(&world, &redemption(&world.code("openid")), Some(&proof));
    assert_eq!(again.err(), Some(TokenError::InvalidProof(ProofFault::Replayed)));
}

#[test]
fn proof_counts_once() {
    let world = world();
    let key = Prover::generate();
    let proof = key.prove(&for_token(&world));
    own(&world, &proof).unwrap();
    assert_eq!(own(&world, &proof).err(), Some(TokenError::InvalidProof(ProofFault::Replayed)));
    // The same words of another key are another proof.
    let claims = for_token(&world);
    own(&world, &key.prove(&claims)).unwrap();
    own(&world, &Prover::generate().prove(&claims)).unwrap();
}

#[test]
fn of_parallel_requests_with_one_proof_one_is_answered() {
    let world = world();
    let proof = Prover::generate().prove(&for_token(&world));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| own(&world, &proof))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[test]
fn proof_is_forgotten_only_when_it_can_be_taken_no_more() {
    let world = world();
    let claims = for_token(&world);
    let encoded = as_app(&[("grant_type", "client_credentials")]);
    let (parameters, proof) = (Parameters::parse(encoded.as_bytes()), Prover::generate().prove(&claims));
    let request = ClientRequest { proof: PresentedProof::One(&proof), ..request(&parameters) };
    let decision = now(world.server.token(request));
    let until = decision.change.writes.iter().find_map(|write| match write {
        Write::UseAssertion { expires_at, .. } => Some(*expires_at),
        _ => None,
    });
    assert_eq!(until.unwrap().seconds(), world.server.now().seconds() + 60 + 10 + 10);
}

#[test]
fn client_that_must_bind_its_tokens_gets_no_others() {
    let world = World::of_app(|_| {}, &json!({"dpop_bound_access_tokens": true}));
    let missing = Some(TokenError::InvalidProof(ProofFault::Missing));
    assert_eq!(world.token(&[("grant_type", "client_credentials")]).err(), missing);
    let code = world.code("openid");
    assert_eq!(world.redeem(&code).err(), missing);
    let key = Prover::generate();
    assert_eq!(token(&world, &redemption(&code), &key.prove(&for_token(&world))).unwrap().token_type, "DPoP");
}

#[test]
fn code_that_names_a_key_is_redeemed_with_its_proof_alone() {
    let key = Prover::generate();
    let thief = Prover::generate();
    for (prover, expect) in [(None, "invalid_grant"), (Some(&thief), "invalid_grant"), (Some(&key), "DPoP")] {
        let world = world();
        let code = world.code("openid");
        let named = key.thumbprint().parse().unwrap();
        world
            .rows(|rows| rows.codes.values_mut().for_each(|code| code.dpop_jkt = Some(Clone::clone(&named))));
        let answer = match prover {
            None => world.redeem(&code),
            Some(prover) => token(&world, &redemption(&code), &prover.prove(&for_token(&world))),
        };
        assert_eq!(code_of_tokens(answer), expect);
        let left = world.rows(|rows| rows.codes.values().filter(|code| code.consumed_at.is_none()).count());
        assert_eq!(left == 0, expect == "DPoP", "whoever lacks the key uses nothing up");
    }
}

#[test]
fn stolen_refresh_token_of_a_public_client_is_worth_nothing_without_its_key() {
    let world = public();
    let key = Prover::generate();
    let proof = || key.prove(&for_token(&world));
    let code = world.code("openid offline_access");
    let tokens = as_public(&world, &redemption(&code), Some(&proof())).unwrap();
    let first = tokens.refresh_token.unwrap();
    let refresh = |token: &str, proof: Option<&str>| {
        as_public(&world, &[("grant_type", "refresh_token"), ("refresh_token", token)], proof)
    };
    let refused = Some(TokenError::InvalidGrant(InvalidGrant::Key));
    let thief = Prover::generate();
    assert_eq!(refresh(&first, Some(&thief.prove(&for_token(&world)))).err(), refused);
    assert_eq!(refresh(&first, None).err(), refused, "as a bearer");
    let next = refresh(&first, Some(&proof())).unwrap();
    assert_eq!(next.token_type, "DPoP");
    let second = next.refresh_token.unwrap();
    assert_eq!(refresh(&second, None).err(), refused, "the successor is bound too");
    // Long after its rotation: whoever has the key raises the alarm, a finder does not.
    world.wait(60);
    assert_eq!(refresh(&first, None).err(), refused);
    assert!(refresh(&second, Some(&proof())).is_ok());
    let reused = Some(TokenError::InvalidGrant(InvalidGrant::ReusedRefreshToken));
    assert_eq!(refresh(&first, Some(&proof())).err(), reused);
}

#[test]
fn refresh_tokens_that_began_without_a_key_are_bound_to_the_first_one() {
    let world = public();
    let key = Prover::generate();
    let tokens = as_public(&world, &redemption(&world.code("openid offline_access")), None).unwrap();
    assert_eq!(tokens.token_type, "bearer");
    let refresh = |token: &str, proof: Option<&str>| {
        as_public(&world, &[("grant_type", "refresh_token"), ("refresh_token", token)], proof)
    };
    let next = refresh(&tokens.refresh_token.unwrap(), Some(&key.prove(&for_token(&world)))).unwrap();
    let next = next.refresh_token.unwrap();
    assert_eq!(refresh(&next, None).err(), Some(TokenError::InvalidGrant(InvalidGrant::Key)));
    assert!(refresh(&next, Some(&key.prove(&for_token(&world)))).is_ok());
}

#[test]
fn refresh_token_of_a_client_that_authenticates_goes_with_any_key() {
    let world = world();
    let (one, other) = (Prover::generate(), Prover::generate());
    let proof = |of: &Prover| of.prove(&for_token(&world));
    let tokens = token(&world, &redemption(&world.code("openid offline_access")), &proof(&one)).unwrap();
    let refresh = tokens.refresh_token.unwrap();
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let next = token(&world, &pairs, &proof(&other)).unwrap();
    assert_eq!(payload(&next.access_token)["cnf"]["jkt"], json!(other.thumbprint()));
}

#[test]
fn nonce_is_asked_for_where_the_tenant_or_the_client_says_so() {
    for (tenant, client) in [(true, false), (false, true)] {
        let world = World::of_app(
            |settings| settings.require_dpop_nonce = tenant,
            &json!({"require_dpop_nonce": client}),
        );
        let key = Prover::generate();
        let with = |nonce: &str| {
            let mut claims = for_token(&world);
            claims["nonce"] = json!(nonce);
            own(&world, &key.prove(&claims))
        };
        let use_nonce = Some(TokenError::UseDpopNonce);
        assert_eq!(own(&world, &key.prove(&for_token(&world))).err(), use_nonce);
        assert_eq!(with("made-up").err(), use_nonce);
        assert_eq!(with(&world.other_tenant().dpop_nonce()).err(), use_nonce, "another tenant's");
        let nonce = world.server.dpop_nonce();
        assert!(with(&nonce).is_ok());
        world.wait(601);
        assert_eq!(with(&nonce).err(), use_nonce, "expired");
    }
    let world = world();
    let mut claims = for_token(&world);
    claims["nonce"] = json!("made-up");
    let answer = own(&world, &Prover::generate().prove(&claims)).err();
    assert_eq!(answer, Some(TokenError::UseDpopNonce), "nobody asked, and it is none of ours");
}

/// Presents a token at userinfo.
fn userinfo(
    world: &World,
    scheme: TokenScheme,
    text: &str,
    proof: Option<&str>,
) -> Result<(), UserinfoError> {
    let proof = proof.map_or(PresentedProof::Absent, PresentedProof::One);
    let presented = PresentedToken { scheme, proof, ..as_bearer(text) };
    world.commit(|| now(world.server.userinfo(presented, REQUEST))).map(drop)
}

#[test]
fn bound_token_is_used_with_its_key_for_this_request_and_once() {
    for strategy in ["jwt", "opaque"] {
        let world = World::of_app(|_| {}, &json!({"access_token_strategy": strategy}));
        let key = Prover::generate();
        let tokens =
            token(&world, &redemption(&world.code("openid")), &key.prove(&for_token(&world))).unwrap();
        let text = tokens.access_token.as_str();
        let good = || {
            let mut claims = claims(&world, "GET", USERINFO);
            claims["ath"] = json!(hash_of(text));
            claims
        };
        let check = |key: &Prover, edit: &dyn Fn(&mut Value), expect: Result<(), ProofFault>| {
            let mut claims = good();
            edit(&mut claims);
            let answer = userinfo(&world, TokenScheme::Dpop, text, Some(&key.prove(&claims)));
            assert_eq!(answer, expect.map_err(UserinfoError::InvalidProof), "{strategy} {claims}");
        };
        check(&key, &|_| {}, Ok(()));
        check(&Prover::generate(), &|_| {}, Err(ProofFault::Key));
        check(&key, &|claims| claims["ath"] = json!(hash_of("another")), Err(ProofFault::AccessToken));
        check(
            &key,
            &|claims| drop(claims.as_object_mut().unwrap().remove("ath")),
            Err(ProofFault::AccessToken),
        );
        check(&key, &|claims| claims["htm"] = json!("POST"), Err(ProofFault::Method));
        check(&key, &|claims| claims["htu"] = json!(TOKEN), Err(ProofFault::Target));
        let missing = Err(UserinfoError::InvalidProof(ProofFault::Missing));
        assert_eq!(userinfo(&world, TokenScheme::Dpop, text, None), missing);

        let proof = key.prove(&good());
        userinfo(&world, TokenScheme::Dpop, text, Some(&proof)).unwrap();
        let replayed = Err(UserinfoError::InvalidProof(ProofFault::Replayed));
        assert_eq!(userinfo(&world, TokenScheme::Dpop, text, Some(&proof)), replayed, "{strategy}");

        let downgraded = Err(UserinfoError::Scheme);
        assert_eq!(userinfo(&world, TokenScheme::Bearer, text, None), downgraded);
        assert_eq!(userinfo(&world, TokenScheme::Bearer, text, Some(&key.prove(&good()))), downgraded);
    }
}

/// RFC 9449 section 7.1, whose token is bound to the key of section 6.1: the example is good where and when it was made, once.
#[test]
fn example_of_the_rfc_is_good_beside_its_token_then_and_there() {
    const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    let bound: Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap();
    let other: Thumbprint = Prover::generate().thumbprint().parse().unwrap();
    let resource = "https://resource.example.org/protectedresource";
    let asked = |world: &World, method: &str, endpoint: &str, access_token: (&str, &Thumbprint)| {
        let id = "app".parse().unwrap();
        let client = now(crate::metadata_document::find_client(&world.server, &id)).unwrap().unwrap();
        let expected = Expected { method, endpoint, access_token: Some(access_token), client: &client };
        now(check(&world.server, PresentedProof::One(PROOF), &expected)).map(|key| key.thumbprint().clone())
    };
    // Our clock is years further.
    let then =
        World::of_app(|settings| settings.dpop_proof_lifespan = GoDuration::hours(24 * 3_650), &json!({}));
    assert_eq!(asked(&then, "GET", resource, (token, &bound)), Ok(bound.clone()));
    for (result, fault) in [
        (asked(&world(), "GET", resource, (token, &bound)), ProofFault::Time),
        (asked(&then, "POST", resource, (token, &bound)), ProofFault::Method),
        (asked(&then, "GET", USERINFO, (token, &bound)), ProofFault::Target),
        (asked(&then, "GET", resource, ("another", &bound)), ProofFault::AccessToken),
        (asked(&then, "GET", resource, (token, &other)), ProofFault::Key),
    ] {
        assert_eq!(result, Err(DpopError::from(fault)));
    }
}

#[test]
fn token_that_is_not_bound_is_no_token_of_that_scheme() {
    let world = world();
    let text = world.redeem(&world.code("openid")).unwrap().access_token;
    let mut claims = claims(&world, "GET", USERINFO);
    claims["ath"] = json!(hash_of(&text));
    let proof = Prover::generate().prove(&claims);
    assert_eq!(userinfo(&world, TokenScheme::Dpop, &text, Some(&proof)), Err(UserinfoError::Scheme));
    assert_eq!(userinfo(&world, TokenScheme::Bearer, &text, None), Ok(()));
}

#[test]
fn requests_without_proofs_write_what_they_wrote_before() {
    let world = world();
    world.token(&[("grant_type", "client_credentials")]).unwrap();
    let text = world.redeem(&world.code("openid")).unwrap().access_token;
    userinfo(&world, TokenScheme::Bearer, &text, None).unwrap();
    assert_eq!(world.rows(|rows| rows.assertions.len()), 0);
}

#[test]
fn refused_proofs_of_strangers_write_nothing() {
    let world = world();
    let bound =
        token(&world, &redemption(&world.code("openid")), &Prover::generate().prove(&for_token(&world)));
    let bound = bound.unwrap().access_token;
    let before = world.rows(|rows| rows.assertions.len());
    for text in [bound.as_str(), "ory_at_unknown", "a.b.c"] {
        let mut claims = claims(&world, "GET", USERINFO);
        claims["ath"] = json!(hash_of(text));
        let proof = Prover::generate().prove(&claims);
        assert!(userinfo(&world, TokenScheme::Dpop, text, Some(&proof)).is_err());
    }
    assert_eq!(world.rows(|rows| rows.assertions.len()), before);
}

/// The parameters of an authorization request that is pushed.
fn pushed(world: &World, more: &[(&str, &str)], proof: Option<&str>) -> Result<String, String> {
    pushed_by(world, &[("client_id", "app"), ("client_secret", "s3cret-of-app")], more, proof)
}

fn pushed_by(
    world: &World,
    client: &[(&str, &str)],
    more: &[(&str, &str)],
    proof: Option<&str>,
) -> Result<String, String> {
    let challenge = base64url::encode(digest(&SHA256, VERIFIER.as_bytes()));
    let all = [
        client,
        &[
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ],
        more,
    ];
    let encoded = form(&all.concat());
    let parameters = Parameters::parse(encoded.as_bytes());
    let proof = proof.map_or(PresentedProof::Absent, PresentedProof::One);
    let request = ClientRequest { proof, ..request(&parameters) };
    let answer = world.commit(|| now(world.server.push_authorization_request(request)));
    answer.map(|pushed| pushed.request_uri).map_err(|error| error.to_string())
}

#[test]
fn pushed_request_binds_its_code_to_the_key_of_its_proof() {
    let world = World::of_app(|_| {}, &json!({"skip_consent": true}));
    let key = Prover::generate();
    let par = "https://id.example/oauth2/par";
    let (mine, other) = (key.thumbprint(), Prover::generate().thumbprint());
    let proof = || key.prove(&claims(&world, "POST", par));
    let refused = Err(ProofFault::Key.to_string());
    assert_eq!(pushed(&world, &[("dpop_jkt", &other)], Some(&proof())), refused, "two keys");
    let wrong = pushed(&world, &[], Some(&key.prove(&for_token(&world))));
    assert_eq!(wrong, Err(ProofFault::Target.to_string()), "a proof for another endpoint");
    assert!(pushed(&world, &[("dpop_jkt", "no hash")], None).is_err());
    let ada = world.subject(1);
    let browser = crate::authorization::Browser { subject: Some(&ada), binding: None, request: REQUEST };
    for (more, with_proof) in
        [(vec![], true), (vec![("dpop_jkt", &*mine)], true), (vec![("dpop_jkt", &*mine)], false)]
    {
        let proof = with_proof.then(proof);
        let uri = pushed(&world, &more, proof.as_deref()).unwrap();
        let encoded = form(&[("client_id", "app"), ("request_uri", &uri), ("dpop_jkt", &other)]);
        let parameters = Parameters::parse(encoded.as_bytes());
        let next = world.commit(|| now(world.server.authorize(&parameters, browser))).unwrap();
        let crate::authorization::Next::Answer(response) = next else { panic!("{next:?}") };
        let code = response.find("code").unwrap();
        let thief = token(&world, &redemption(code), &Prover::generate().prove(&for_token(&world)));
        assert_eq!(thief.err(), Some(TokenError::InvalidGrant(InvalidGrant::Key)), "{more:?}");
        assert!(token(&world, &redemption(code), &key.prove(&for_token(&world))).is_ok(), "{more:?}");
    }
    let replay = proof();
    pushed(&world, &[], Some(&replay)).unwrap();
    assert_eq!(pushed(&world, &[], Some(&replay)), Err(ProofFault::Replayed.to_string()));
}

/// Attack: a flood in the name of a client that proves nothing, each request with a proof of a key that was made up for it.
#[test]
fn use_of_a_proof_is_not_written_down_where_a_client_that_proves_nothing_pushes() {
    let client = json!({"token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]});
    let world = World::of_app(|_| {}, &client);
    let claims = || claims(&world, "POST", "https://id.example/oauth2/par");
    let app = [("client_id", "app")];
    for _ in 0..3 {
        pushed_by(&world, &app, &[], Some(&Prover::generate().prove(&claims()))).unwrap();
    }
    // Used again it pushes another request whose code is bound to the same key.
    let proof = Prover::generate().prove(&claims());
    for _ in 0..2 {
        pushed_by(&world, &app, &[], Some(&proof)).unwrap();
    }
    assert!(world.rows(|rows| rows.assertions.is_empty()));
}
