//! What a token costs: to sign, to verify, and to read whole as a resource server does.
#![expect(clippy::unwrap_used, reason = "a bench that cannot set itself up says so by panicking")]

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use portcullis_jose::{
    ClaimRules, Expiry, Signer, SigningAlgorithm, TokenType, UnverifiedJws, UnverifiedJwt, VerifyingKey,
    VerifyingKeys, generate,
};
use primitives::Timestamp;
use primitives::rng::SeededRng;
use primitives::time::ClockTolerance;
use serde_json::{Value, json};

const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa, SigningAlgorithm::Rs256];
const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

/// The claims of an RFC 9068 access token, filled up to 400 bytes.
fn claims() -> Value {
    let mut claims = json!({
        "iss": "https://id.example", "aud": ["https://api.example"], "sub": "0b0e7d4c-3a86-4f0e-8a51-6c3f0c6d2f11",
        "client_id": "nexboard", "iat": 1_000_000, "exp": 1_003_600, "scope": "openid profile email offline_access",
        "jti": "mBqXcl8rYd1oN2s0zq5ZkQ", "auth_time": 999_000, "acr": "aal1", "tenant": "",
    });
    let missing = 400 - claims.to_string().len();
    *claims.get_mut("tenant").unwrap() = Value::from("x".repeat(missing));
    claims
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let payload = claims().to_string();
    assert_eq!(payload.len(), 400);
    let rules = ClaimRules {
        token_type: Some(TokenType::AccessToken),
        issuer: Some("https://id.example"),
        audience: &["https://api.example"],
        expiry: Expiry::Enforced,
        max_lifetime: Some(Duration::from_hours(1)),
        tolerance: ClockTolerance::default(),
    };
    for algorithm in ALGORITHMS {
        let key = generate(algorithm, &SeededRng::new(1)).unwrap();
        let signer = Signer::new(&key).unwrap();
        let keys = VerifyingKeys::new(vec![VerifyingKey::new(key.public(), None).unwrap()]).unwrap();
        let token = signer.sign_payload(TokenType::AccessToken, payload.as_bytes()).unwrap();
        criterion.bench_function(&format!("sign/{algorithm}"), |bencher| {
            bencher
                .iter(|| signer.sign_payload(TokenType::AccessToken, black_box(payload.as_bytes())).unwrap());
        });
        criterion.bench_function(&format!("verify/{algorithm}"), |bencher| {
            bencher.iter(|| UnverifiedJws::parse(black_box(&token)).unwrap().verify_with(&keys).unwrap());
        });
        criterion.bench_function(&format!("access_token/{algorithm}"), |bencher| {
            bencher.iter(|| {
                let signed = UnverifiedJwt::parse(black_box(&token)).unwrap().verify(&keys).unwrap();
                signed.validate(&rules, NOW).unwrap()
            });
        });
    }
    criterion.final_summary();
}
