//! What the token endpoint gives nobody, what counts of a request that was pushed, and of one that is signed.

use super::*;

fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&primitives::base64url::decode(header).unwrap()).unwrap()
}

/// Asks the token endpoint without a proof of possession.
fn without_proof(world: &World, pairs: &[(&str, &str)]) -> &'static str {
    let encoded = proven(&assertion(world, &own_key(), &json!({})), pairs);
    let parameters = Parameters::parse(encoded.as_bytes());
    let refused = world.commit(|| now(world.server.token(request(&parameters)))).unwrap_err();
    refused.code().as_str()
}

#[test]
fn token_without_a_proof_is_not_issued() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let machine = [("grant_type", "client_credentials"), ("scope", "read")];
        assert_eq!(without_proof(&world, &machine), "invalid_dpop_proof");
        assert_eq!(token(&world, &machine, &Prover::generate()).unwrap().token_type, "DPoP");
        let code = code(&world);
        assert_eq!(without_proof(&world, &redemption(&code)), "invalid_dpop_proof");
        assert!(token(&world, &redemption(&code), &Prover::generate()).is_ok(), "it was not the code");
    }
}

#[test]
fn token_without_a_certificate_is_not_issued() {
    let by_certificate =
        json!({"dpop_bound_access_tokens": false, "tls_client_certificate_bound_access_tokens": true});
    let certificates = |settings: &mut Settings| settings.client_certificates.enabled = true;
    for world in worlds(Fapi2Security, certificates, &by_certificate) {
        assert_eq!(without_proof(&world, &redemption(&code(&world))), "invalid_request");
        // A key is not what its tokens are bound to.
        let by_key = token(&world, &redemption(&code(&world)), &Prover::generate()).unwrap_err();
        assert_eq!(by_key.code().as_str(), "invalid_request");
    }
}

#[test]
fn password_and_implicit_are_no_grants() {
    let passwords = |settings: &mut Settings| settings.password_grant = true;
    let asked = |world: &World, grant: &str| {
        let pairs = [("grant_type", grant), ("username", "ada@example.org"), ("password", "a long phrase")];
        token(world, &pairs, &Prover::generate()).unwrap_err().code().as_str()
    };
    for world in worlds(Fapi2Security, passwords, &json!({})) {
        assert_eq!(asked(&world, "password"), "unauthorized_client");
        assert_eq!(asked(&world, "implicit"), "unsupported_grant_type");
    }
    // One that had the grant before its tenant had the profile is nobody; with a profile of its own it cannot be made.
    let before = with(document(&own_key()), &json!({"grant_types": ["authorization_code", "password"]}));
    let tenant = |settings: &mut Settings| {
        settings.security_profile = Some(Fapi2Security);
        passwords(settings);
    };
    assert_eq!(asked(&World::of_app(tenant, &before), "password"), "invalid_client");
}

/// Attack: somebody has the reference of another's request, and has a browser bring it with words of their own.
#[test]
fn what_the_browser_brings_beside_its_reference_counts_for_nothing() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let uri = push(&world, &wanted(&[("scope", "openid")])).unwrap().request_uri;
        let beside = [
            ("client_id", "app"),
            ("request_uri", &*uri),
            ("scope", "openid read write"),
            ("redirect_uri", "https://evil.example/cb"),
            ("response_type", "token"),
            ("response_mode", "fragment"),
            ("code_challenge", "evil"),
            ("nonce", "evil"),
        ];
        let code = answered(bring(&world, &beside), "code");
        let tokens = token(&world, &redemption(&code), &Prover::generate()).unwrap();
        assert_eq!(tokens.scope, "openid");
        assert_eq!(said(&tokens.id_token.unwrap())["nonce"], "no");
    }
}

#[test]
fn code_is_bound_to_the_key_that_the_request_names() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let (own, other) = (Prover::generate(), Prover::generate());
        let thumbprint = own.thumbprint();
        let mut pairs: Vec<(&str, &str)> = wanted(&[]);
        pairs.push(("dpop_jkt", &thumbprint));
        let uri = push(&world, &pairs).unwrap().request_uri;
        let code = answered(bring(&world, &[("client_id", "app"), ("request_uri", &uri)]), "code");
        let refused = token(&world, &redemption(&code), &other).unwrap_err();
        assert_eq!(refused.code().as_str(), "invalid_grant");
        assert!(token(&world, &redemption(&code), &own).is_ok());
    }
}

#[test]
fn clocks_of_proofs_may_differ_by_ten_seconds() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        for (ahead, expect) in [(10, "pushed"), (61, "invalid_dpop_proof")] {
            let claims =
                json!({"jti": format!("c{}", count()), "htm": "POST", "htu": PAR, "iat": START + ahead});
            let proof = Prover::generate().prove(&claims);
            let encoded = proven(&assertion(&world, &own_key(), &json!({})), &wanted(&[]));
            let pushed = push_form(&world, &encoded, PresentedProof::One(&proof));
            assert_eq!(told(pushed).0, expect, "{ahead}");
        }
    }
}

#[test]
fn clocks_of_signed_requests_may_differ_by_ten_seconds() {
    for world in worlds(Fapi2MessageSigning, |_| {}, &json!({})) {
        for (claim, ahead, expect) in [
            ("iat", 10, "pushed"),
            ("nbf", 10, "pushed"),
            ("iat", 61, "invalid_request_object"),
            ("nbf", 61, "invalid_request_object"),
        ] {
            let text = object(&world, &json!({ claim: START + ahead, "exp": START + 120 }));
            assert_eq!(told(push(&world, &[("request", &text)])).0, expect, "{claim} {ahead}");
        }
    }
}

/// Without the profile it is for us alone: whoever else is meant could have a browser bring it here.
#[test]
fn signed_request_may_be_for_other_servers_too() {
    let pushed = |world: &World, audience: &Value| {
        let text = object(world, &json!({ "aud": audience }));
        told(push(world, &[("request", &text)])).0
    };
    let both = json!(["https://other.example", "https://id.example"]);
    for world in worlds(Fapi2MessageSigning, |_| {}, &json!({})) {
        for (audience, expect) in [
            (json!("https://id.example"), "pushed"),
            (json!(["https://id.example"]), "pushed"),
            (both.clone(), "pushed"),
            (json!(["https://other.example"]), "invalid_request_object"),
            (json!([]), "invalid_request_object"),
            (json!(TOKEN), "invalid_request_object"),
            (Value::Null, "invalid_request_object"),
        ] {
            assert_eq!(pushed(&world, &audience), expect, "{audience}");
        }
    }
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        assert_eq!(pushed(&world, &both), "invalid_request_object");
    }
}

/// Attack: what its client has not signed is put beside what it has.
#[test]
fn of_what_is_pushed_beside_a_signed_request_nothing_counts() {
    for world in worlds(Fapi2MessageSigning, |_| {}, &json!({})) {
        let text = object(&world, &json!({"scope": "openid"}));
        assert_eq!(header(&text)["typ"], "oauth-authz-req+jwt");
        let beside = [
            ("request", &*text),
            ("scope", "openid read write"),
            ("redirect_uri", "https://evil.example/cb"),
            ("response_mode", "query"),
        ];
        let uri = push(&world, &beside).unwrap().request_uri;
        let next = bring(&world, &[("client_id", "app"), ("request_uri", &uri)]);
        // RFC 9207's iss is an answer's like all others, and so within what is signed (JARM section 4.1).
        assert_eq!((travels(next.clone(), "iss"), travels(next.clone(), "code")), (None, None));
        assert_eq!(answered(next.clone(), "iss"), "https://id.example");
        let tokens = token(&world, &redemption(&answered(next, "code")), &Prover::generate()).unwrap();
        assert_eq!(tokens.scope, "openid");
        let signed_by = header(&tokens.id_token.unwrap())["alg"].clone();
        assert!(ALGORITHMS.contains(&signed_by.as_str().unwrap()), "{signed_by}");
    }
}
