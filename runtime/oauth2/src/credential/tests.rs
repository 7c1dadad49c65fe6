//! Each attack on credentials by name, on the model of storage.

use jose::UnverifiedJwt;
use primitives::{ActingParty, SessionId, base64url};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::access_token::TokenScheme;
use crate::confirmation::Confirmation;
use crate::dpop::{PresentedProof, ProofFault};
use crate::memory::{Prover, REQUEST, World, as_bearer, form, hash_of, now};
use crate::settings::Settings;
use crate::token::TokenResponse;

const ISSUER: &str = "https://id.example";
const BOTH: &str = "openid email userinfo_credential_draft_00";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ADA: &str = "00000000-0000-0000-0000-000000000001";

fn world_of(patch: &Value) -> World {
    let mut all = json!({"scope": "openid email read userinfo_credential_draft_00"});
    all.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    World::of_app(|settings| settings.credentials.enabled = true, &all)
}

fn world() -> World {
    world_of(&json!({}))
}

fn tokens(world: &World, scope: &str) -> TokenResponse {
    world.redeem(&world.code(scope)).unwrap()
}

/// The header of a wallet's proofs.
fn header(key: &Prover) -> Value {
    let mut header = key.header();
    header["typ"] = json!("openid4vci-proof+jwt");
    header
}

fn claims(world: &World, nonce: &str) -> Value {
    json!({"iss": "app", "aud": ISSUER, "iat": world.server.now().seconds(), "nonce": nonce})
}

fn body(proof: &str) -> Value {
    json!({
        "format": "jwt_vc_json",
        "types": ["VerifiableCredential", "UserInfoCredential"],
        "proof": {"proof_type": "jwt", "jwt": proof},
    })
}

fn ask_of(
    server: &AuthorizationServer,
    world: &World,
    presented: PresentedToken<'_>,
    body: &Value,
) -> Result<CredentialResponse, CredentialError> {
    let body = body.to_string();
    let presented = PresentedToken { method: "POST", ..presented };
    world.commit(|| now(server.create_credential(presented, body.as_bytes(), REQUEST)))
}

fn ask(world: &World, token: &str, body: &Value) -> Result<CredentialResponse, CredentialError> {
    ask_of(&world.server, world, as_bearer(token), body)
}

/// A credential for a key, by the nonce that came with the token.
fn credential(
    world: &World,
    tokens: &TokenResponse,
    key: &Prover,
) -> Result<CredentialResponse, CredentialError> {
    let proof = key.sign(&header(key), &claims(world, tokens.c_nonce.as_deref().unwrap()));
    ask(world, &tokens.access_token, &body(&proof))
}

fn fault(result: Result<CredentialResponse, CredentialError>) -> Option<WalletProofFault> {
    match result {
        Err(CredentialError::Proof { fault, .. }) => Some(fault),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

/// The name of a key's holder: its members in the order of RFC 7638.
fn did_of(key: &Prover) -> String {
    let member = |name: &str| key.header()["jwk"][name].as_str().unwrap().to_owned();
    let (x, y) = (member("x"), member("y"));
    let key = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    format!("did:jwk:{}", base64url::encode(key))
}

/// A part of a token: the header is 0, the claims are 1.
fn part(token: &str, which: usize) -> Value {
    serde_json::from_slice(&token.split('.').nth(which).and_then(base64url::decode).unwrap()).unwrap()
}

#[test]
fn wallet_gets_what_userinfo_tells_signed_for_its_key() {
    for strategy in ["jwt", "opaque"] {
        let world = world_of(&json!({"access_token_strategy": strategy}));
        let (tokens, key) = (tokens(&world, BOTH), Prover::generate());
        assert_eq!(tokens.c_nonce_expires_in, Some(600));
        let made = credential(&world, &tokens, &key).unwrap();
        assert_eq!(made.format, "jwt_vc_json");
        let text = &made.credential_draft_00;
        let keys = now(world.server.load_keys()).unwrap();
        assert!(UnverifiedJwt::parse(text).unwrap().verify(keys.verifying()).is_ok());
        assert_eq!(part(text, 0)["typ"], "JWT");
        let claims = part(text, 1);
        let did = did_of(&key);
        let at = world.server.now().seconds();
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!(ISSUER), &json!(did)));
        assert_eq!(
            (&claims["iat"], &claims["nbf"], &claims["exp"]),
            (&json!(at), &json!(at), &json!(at + 3600))
        );
        let expect = json!({
            "@context": ["https://www.w3.org/2018/credentials/v1"],
            "type": ["VerifiableCredential", "UserInfoCredential"],
            "credentialSubject": {"id": did, "sub": ADA, "email": "ada@example.org", "email_verified": true},
        });
        assert_eq!(claims["vc"], expect, "{strategy}");
        let told = now(world.server.userinfo(as_bearer(&tokens.access_token), REQUEST)).result.unwrap();
        let mut subject = expect["credentialSubject"].clone();
        subject.as_object_mut().unwrap().remove("id");
        assert_eq!(json!(told), subject, "as userinfo");
    }
}

#[test]
fn wallet_that_has_no_nonce_or_an_old_one_is_given_one() {
    let world = world();
    let (tokens, key) = (tokens(&world, BOTH), Prover::generate());
    world.wait(601);
    assert_eq!(fault(credential(&world, &tokens, &key)), Some(WalletProofFault::Nonce));
    let asked = ask(&world, &tokens.access_token, &json!({"format": "jwt_vc_json"}));
    let Err(CredentialError::Proof { fault: WalletProofFault::Missing, nonce }) = asked else {
        panic!("{asked:?}")
    };
    assert_eq!(nonce.c_nonce_expires_in, 600);
    let proof = key.sign(&header(&key), &claims(&world, &nonce.c_nonce));
    assert!(ask(&world, &tokens.access_token, &body(&proof)).is_ok());
}

/// RFC 8725 sections 2.1 and 3.1 to 3.11; OpenID4VCI section 7.2.2.
#[test]
fn proof_that_does_not_show_the_key_for_this_request_is_refused_by_name() {
    let world = world();
    let (tokens, key) = (tokens(&world, BOTH), Prover::generate());
    let nonce = tokens.c_nonce.clone().unwrap();
    let good = || claims(&world, &nonce);
    let at = world.server.now().seconds();
    let check = |header: Value, claims: Value, expect: WalletProofFault| {
        let proof = key.sign(&header, &claims);
        let answer = ask(&world, &tokens.access_token, &body(&proof));
        assert_eq!(fault(answer), Some(expect), "{header} {claims}");
    };
    let under = |edit: &dyn Fn(&mut Value)| {
        let mut header = header(&key);
        edit(&mut header);
        check(header, good(), WalletProofFault::Token);
    };
    under(&|header| header["alg"] = json!("none"));
    under(&|header| header["alg"] = json!("HS256"));
    under(&|header| header["alg"] = json!("ES384"));
    under(&|header| header["typ"] = json!("JWT"));
    under(&|header| header["typ"] = json!("dpop+jwt"));
    under(&|header| header["jwk"] = Prover::generate().header()["jwk"].clone());
    under(&|header| header["jwk"]["d"] = json!("AAAA"));
    under(&|header| header["jwk"] = json!({"kty": "oct", "k": "AAAA"}));
    under(&|header| drop(header.as_object_mut().unwrap().remove("jwk")));
    let with = |name: &str, value: Value, expect: WalletProofFault| {
        let mut claims = good();
        claims[name] = value;
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        check(header(&key), claims, expect);
    };
    with("iss", json!("other"), WalletProofFault::Client);
    with("iss", json!(["app"]), WalletProofFault::Client);
    with("aud", json!("https://other.example"), WalletProofFault::Audience);
    with("aud", json!(format!("{ISSUER}/credentials")), WalletProofFault::Audience);
    with("aud", json!([ISSUER, "https://other.example"]), WalletProofFault::Audience);
    with("aud", Value::Null, WalletProofFault::Audience);
    with("iat", json!(at - 611), WalletProofFault::Time);
    with("iat", json!(at + 11), WalletProofFault::Time);
    with("iat", Value::Null, WalletProofFault::Time);
    with("exp", json!(at - 11), WalletProofFault::Time);
    with("nonce", json!("made up"), WalletProofFault::Nonce);
    with("nonce", Value::Null, WalletProofFault::Nonce);
    // One of ours, for another purpose.
    with("nonce", json!(world.server.dpop_nonce()), WalletProofFault::Nonce);
    assert_eq!(world.rows(|rows| rows.assertions.len()), 0, "what was refused writes nothing");
    let mut anonymous = good();
    anonymous.as_object_mut().unwrap().remove("iss");
    assert!(ask(&world, &tokens.access_token, &body(&key.sign(&header(&key), &anonymous))).is_ok());
}

/// What this server has signed itself is no proof of its key.
#[test]
fn token_of_ours_is_no_proof() {
    let world = world();
    let tokens = tokens(&world, BOTH);
    let made = credential(&world, &tokens, &Prover::generate()).unwrap().credential_draft_00;
    for ours in [tokens.access_token.clone(), tokens.id_token.clone().unwrap(), made] {
        let answer = ask(&world, &tokens.access_token, &body(&ours));
        assert_eq!(fault(answer), Some(WalletProofFault::Token), "{ours}");
    }
    let huge = "A".repeat(8_193);
    assert_eq!(fault(ask(&world, &tokens.access_token, &body(&huge))), Some(WalletProofFault::Token));
}

/// The words of a key's document that its holder could have us sign.
#[test]
fn credential_names_the_key_and_nothing_else_of_its_document() {
    let world = world();
    let (tokens, key) = (tokens(&world, BOTH), Prover::generate());
    let mut header = header(&key);
    for (name, value) in [("kid", "https://evil.example"), ("x5u", "https://evil.example"), ("use", "sig")] {
        header["jwk"][name] = json!(value);
    }
    let proof = key.sign(&header, &claims(&world, tokens.c_nonce.as_deref().unwrap()));
    let made = ask(&world, &tokens.access_token, &body(&proof)).unwrap().credential_draft_00;
    assert_eq!(part(&made, 1)["sub"], did_of(&key));
}

#[test]
fn nonce_serves_each_key_once_and_another_token_never() {
    let world = world();
    let (first, second) = (tokens(&world, BOTH), tokens(&world, BOTH));
    let (key, other) = (Prover::generate(), Prover::generate());
    assert!(credential(&world, &first, &key).is_ok());
    assert_eq!(fault(credential(&world, &first, &key)), Some(WalletProofFault::Replayed));
    assert!(credential(&world, &first, &other).is_ok(), "another key of the wallet");
    let relayed = TokenResponse { access_token: second.access_token.clone(), ..first };
    assert_eq!(fault(credential(&world, &relayed, &Prover::generate())), Some(WalletProofFault::Nonce));
    assert_eq!(world.rows(|rows| rows.assertions.len()), 2);
    let audit: Vec<_> = world.rows(|rows| rows.audit.iter().map(|event| event.action).collect());
    assert_eq!(audit.iter().filter(|action| **action == "credential.issued").count(), 2);
}

#[test]
fn token_that_is_not_meant_for_credentials_gets_none() {
    let world = world();
    let refused = Err(CredentialError::Token(UserinfoError::InsufficientScope));
    for scope in ["openid email", "userinfo_credential_draft_00", "email"] {
        let tokens = tokens(&world, scope);
        assert_eq!(tokens.c_nonce, None, "{scope}");
        assert_eq!(ask(&world, &tokens.access_token, &body("x")), refused, "{scope}");
    }
    let own = world.token(&[("grant_type", "client_credentials"), ("scope", BOTH)]).unwrap();
    assert_eq!(own.c_nonce, None);
    assert_eq!(ask(&world, &own.access_token, &body("x")), refused, "nobody is behind it");
    let invalid = Err(CredentialError::Token(UserinfoError::InvalidToken));
    let id_token = tokens(&world, BOTH).id_token.unwrap();
    for dead in ["", "x", &id_token] {
        assert_eq!(ask(&world, dead, &body("x")), invalid, "{dead}");
    }
}

#[test]
fn token_of_another_tenant_or_of_a_session_that_is_over_gets_none() {
    let world = world();
    let (tokens, key) = (tokens(&world, BOTH), Prover::generate());
    let invalid = Err(CredentialError::Token(UserinfoError::InvalidToken));
    let other = world.other_tenant();
    let proof = key.sign(&header(&key), &claims(&world, tokens.c_nonce.as_deref().unwrap()));
    assert_eq!(ask_of(&other, &world, as_bearer(&tokens.access_token), &body(&proof)), invalid);
    world.rows(|rows| rows.sessions.clear());
    assert_eq!(credential(&world, &tokens, &key), invalid);
}

fn denied(answer: &Result<CredentialResponse, CredentialError>) -> bool {
    matches!(answer, Err(CredentialError::Token(UserinfoError::AccessDenied(_))))
}

/// Who acts for somebody would have a key of their own named as that person's.
#[test]
fn nobody_who_acts_for_somebody_gets_a_credential_of_theirs() {
    let actor = Some(ActingParty { sub: "operator".to_owned() });
    for (actor, session) in [(actor, SessionId(Uuid::from_u128(1))), (None, SessionId::NONE)] {
        let (world, key) = (world(), Prover::generate());
        let (tokens, code) = (tokens(&world, BOTH), world.code(BOTH));
        world.rows(|rows| {
            for grant in rows.grants.values_mut() {
                (grant.subject.actor, grant.subject.session) = (actor.clone(), session);
            }
        });
        let answer = credential(&world, &tokens, &key);
        assert!(denied(&answer), "{answer:?}");
        // Without a session the code is worth nothing.
        let offered = world.redeem(&code).ok().and_then(|tokens| tokens.c_nonce);
        assert_eq!(offered, None);
    }
}

#[test]
fn server_that_a_token_was_exchanged_for_gets_no_credential() {
    let grants = json!(["authorization_code", EXCHANGE]);
    let world = world_of(&json!({"grant_types": grants}));
    world.add_client(&json!({"client_id": "agent", "token_endpoint_auth_method": "client_secret_post",
        "grant_types": grants, "scope": BOTH,
        "token_exchange": {"identifiers": ["https://api.example"], "targets": ["https://b.example"]}}));
    let of_ada = tokens(&world, BOTH).access_token;
    let encoded = form(&[
        ("client_id", "agent"),
        ("client_secret", "s3cret-of-agent"),
        ("grant_type", EXCHANGE),
        ("subject_token", &of_ada),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ]);
    let exchanged = world.commit(|| world.decide_token(&encoded)).unwrap();
    assert_eq!((exchanged.scope.as_str(), &exchanged.c_nonce), (BOTH, &None));
    let nonce = nonce::new(&world.server, &exchanged.access_token).c_nonce;
    let offered = TokenResponse { c_nonce: Some(nonce), ..exchanged };
    let answer = credential(&world, &offered, &Prover::generate());
    assert!(denied(&answer), "{answer:?}");
}

#[test]
fn bound_token_comes_with_a_proof_of_its_own_key() {
    let world = world_of(&json!({"access_token_strategy": "opaque"}));
    let (thief, key) = (Prover::generate(), Prover::generate());
    let tokens = tokens(&world, BOTH);
    let text = tokens.access_token.as_str();
    world.rows(|rows| {
        for token in rows.access_tokens.values_mut() {
            token.confirmation = Some(Confirmation::Key(key.thumbprint().parse().unwrap()));
        }
    });
    assert_eq!(credential(&world, &tokens, &key), Err(CredentialError::Token(UserinfoError::Scheme)));
    let proof_of = |key: &Prover, target: &str, jti: &str| {
        let at = world.server.now().seconds();
        key.prove(&json!({"jti": jti, "htm": "POST", "htu": target, "iat": at, "ath": hash_of(text)}))
    };
    let shown = |proof: &str| {
        let wallet = Prover::generate();
        let jwt = wallet.sign(&header(&wallet), &claims(&world, tokens.c_nonce.as_deref().unwrap()));
        let proof = PresentedProof::One(proof);
        let presented = PresentedToken { scheme: TokenScheme::Dpop, proof, ..as_bearer(text) };
        ask_of(&world.server, &world, presented, &body(&jwt))
    };
    let refused = |fault| Err(CredentialError::Token(UserinfoError::InvalidProof(fault)));
    let here = format!("{ISSUER}/credentials");
    assert_eq!(shown(&proof_of(&thief, &here, "a")), refused(ProofFault::Key));
    assert_eq!(shown(&proof_of(&key, &format!("{ISSUER}/userinfo"), "b")), refused(ProofFault::Target));
    let good = proof_of(&key, &here, "c");
    assert!(shown(&good).is_ok());
    assert_eq!(shown(&good), refused(ProofFault::Replayed));
}

/// A credential is signed by the key of ID tokens: it must be none, nor a hint or an access token.
#[test]
fn credential_is_taken_for_nothing_else() {
    let world = world();
    let made = credential(&world, &tokens(&world, BOTH), &Prover::generate()).unwrap().credential_draft_00;
    let claims = part(&made, 1);
    assert_eq!((claims.get("aud"), claims.get("sid"), claims.get("client_id")), (None, None, None));
    assert_eq!(now(crate::id_token_hint::verify_hint(&world.server, &made)), Ok(None));
    let used = now(world.server.userinfo(as_bearer(&made), REQUEST)).result;
    assert_eq!(used.err(), Some(UserinfoError::InvalidToken));
    let told = now(world.server.introspect(&made, None, REQUEST)).unwrap();
    assert_eq!(serde_json::to_value(told).unwrap()["active"], false);
}

#[test]
fn request_for_anything_else_is_refused_by_name() {
    let world = world();
    let token = tokens(&world, BOTH).access_token;
    let code = |body: &Value| ask(&world, &token, body).map_or_else(|error| error.code(), |_| "made");
    let with = |name: &str, value: Value| {
        let mut body = body("x");
        body[name] = value;
        code(&body)
    };
    assert_eq!(with("format", json!("ldp_vc")), "unsupported_credential_format");
    assert_eq!(with("format", json!(7)), "invalid_request");
    assert_eq!(with("types", json!(["VerifiableCredential"])), "unsupported_credential_type");
    assert_eq!(with("types", json!(["VerifiableCredential", "Diploma"])), "unsupported_credential_type");
    assert_eq!(
        with("types", json!(["UserInfoCredential", "UserInfoCredential"])),
        "unsupported_credential_type"
    );
    assert_eq!(with("types", json!("UserInfoCredential")), "invalid_request");
    assert_eq!(with("proof", json!({"proof_type": "cwt", "jwt": "x"})), "invalid_or_missing_proof");
    assert_eq!(with("proof", json!({"proof_type": "jwt"})), "invalid_or_missing_proof");
    assert_eq!(with("proof", json!(null)), "invalid_or_missing_proof");
    for malformed in [json!([]), json!(["jwt_vc_json"]), json!("x"), json!({})] {
        assert_eq!(code(&malformed), "invalid_request", "{malformed}");
    }
}

#[test]
fn discovery_tells_of_credentials_where_there_are_any() {
    let off = now(World::new().server.discovery()).unwrap();
    assert_eq!(off.get("credentials_endpoint_draft_00"), None);
    assert!(!off["scopes_supported"].as_array().unwrap().contains(&SCOPE.into()));
    assert_eq!(tokens(&World::of_app(|_| {}, &json!({"scope": BOTH})), BOTH).c_nonce, None);
    let on = now(world().server.discovery()).unwrap();
    assert_eq!(on["credentials_endpoint_draft_00"], "https://id.example/credentials");
    let supported = &on["credentials_supported_draft_00"][0];
    assert_eq!((&supported["format"], &supported["types"]), (&json!(FORMAT), &json!(TYPES)));
    let suites = supported["cryptographic_suites_supported"].as_array().unwrap();
    assert!(suites.contains(&"ES256".into()) && suites.contains(&"RS256".into()), "{suites:?}");
    assert!(on["scopes_supported"].as_array().unwrap().contains(&SCOPE.into()));
    let profiled = World::set(|settings: &mut Settings| {
        settings.credentials.enabled = true;
        settings.security_profile = Some(security_profile::SecurityProfile::Fapi2Security);
    });
    let profiled = now(profiled.server.discovery()).unwrap();
    let suites = &profiled["credentials_supported_draft_00"][0]["cryptographic_suites_supported"];
    assert_eq!(suites, &json!(["ES256", "EdDSA", "PS256"]));
}
