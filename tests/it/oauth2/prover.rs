//! A client's key, and the proofs of possession that it makes (RFC 9449 section 4).

use jose::{PublicJwk, SigningAlgorithm, generate};
use primitives::base64url;
use primitives::rng::SeededRng;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

/// A key that a client proves to hold.
#[derive(Debug)]
pub(crate) struct Prover {
    pair: EcdsaKeyPair,
    public: PublicJwk,
}

impl Prover {
    /// A new key.
    pub(crate) fn generate() -> Self {
        let key = generate(SigningAlgorithm::Es256, &SeededRng::new(1)).unwrap();
        let members: Value = serde_json::from_str(&key.to_json()).unwrap();
        let member = |name: &str| members[name].as_str().and_then(base64url::decode).unwrap();
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
    pub(crate) fn thumbprint(&self) -> String {
        self.public.thumbprint()
    }

    /// The header that every proof of this key has.
    pub(crate) fn header(&self) -> Value {
        let mut key = json!(self.public);
        if let Some(members) = key.as_object_mut() {
            members.retain(|name, _| ["kty", "crv", "x", "y"].contains(&name.as_str()));
        }
        json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key})
    }

    /// A proof with this header and these claims, whatever they are.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| base64url::encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", base64url::encode(signature))
    }

    /// A proof with these claims.
    pub(crate) fn prove(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }
}

/// `ath` of an access token.
pub(crate) fn hash_of(token: &str) -> String {
    base64url::encode(digest(&SHA256, token.as_bytes()))
}
