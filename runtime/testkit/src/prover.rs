//! A client's key, and the proofs that it makes (RFC 9449 section 4).

use jose::{PublicJwk, SigningAlgorithm, generate};
use primitives::base64url;
use primitives::rng::SeededRng;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

/// A key that a client proves to hold.
#[derive(Debug)]
pub struct Prover {
    pair: EcdsaKeyPair,
    public: PublicJwk,
}

impl Prover {
    /// A new key.
    pub fn generate() -> Self {
        let key = generate(SigningAlgorithm::Es256, &SeededRng::new(1)).unwrap();
        let members: Value = serde_json::from_str(&key.to_json()).unwrap();
        let member = |name: &str| base64url::decode(members[name].as_str().unwrap()).unwrap();
        let point = [vec![4], member("x"), member("y")].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &member("d"),
            &point,
            &SystemRandom::new(),
        );
        Self { pair: pair.unwrap(), public: key.public().clone() }
    }

    /// What tokens are bound to.
    pub fn thumbprint(&self) -> String {
        self.public.thumbprint()
    }

    /// The header that every proof of this key has.
    pub fn header(&self) -> Value {
        let mut key = serde_json::to_value(&self.public).unwrap();
        key.as_object_mut().unwrap().retain(|name, _| ["kty", "crv", "x", "y"].contains(&name.as_str()));
        json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key})
    }

    /// A proof with this header and these claims, whatever they are.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let input =
            format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", base64url::encode(signature))
    }

    /// A proof with these claims.
    pub fn prove(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }
}

/// `ath` of an access token.
pub fn hash_of(token: &str) -> String {
    base64url::encode(digest(&SHA256, token.as_bytes()))
}
