//! What signs a tenant's tokens: a key that is in our memory, or one that is somewhere else (a PKCS#11 module, a key service).
//!
//! Attack: whoever reads our memory, or our database with its master key, has every key that signs. A [`ForeignKey`] stays where
//! it is, and what is asked of it is signatures alone. That it signed what it was asked to is checked before anybody sees it: a
//! module that errs, or is made to, does not give away its key by wrong signatures. One that does not answer holds up nobody for
//! longer than five seconds.
//!
//! A key in memory signs as it ever did: nothing is boxed for it, and nothing waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::time::timeout;

use crate::algorithm::SigningAlgorithm;
use crate::jwk::{JwkError, PublicJwk};
use crate::signer::{Headers, SignError, Signer, TokenType, append};
use crate::signing_key::KeyId;
use crate::verifying::VerifyingKey;

/// How long a key elsewhere may take for a signature.
const PATIENCE: Duration = Duration::from_secs(5);

/// A key that signs for us and stays where it is.
pub trait ForeignKey: Send + Sync + fmt::Debug {
    /// Its name; unique in the tenant.
    fn kid(&self) -> &KeyId;

    /// What it signs with.
    fn algorithm(&self) -> SigningAlgorithm;

    /// Its public half.
    fn public(&self) -> &PublicJwk;

    /// Signs a text: the bytes of the signature as a token has them (RFC 7518 section 3; of ECDSA R and S, and no DER). It is
    /// called within a runtime of tokio, and dropped after five seconds.
    fn sign<'a>(&'a self, text: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>>;
}

/// What signs with one key.
#[derive(Debug)]
pub enum TokenSigner {
    /// A key in memory.
    Embedded(Signer),
    /// A key elsewhere.
    Foreign(ForeignSigner),
}

/// A key elsewhere with what is ready of its tokens.
#[derive(Debug)]
pub struct ForeignSigner {
    key: Arc<dyn ForeignKey>,
    verifying: VerifyingKey,
    headers: Headers,
    patience: Duration,
}

impl ForeignSigner {
    /// A key whose public half is one of the algorithm that it says.
    pub fn new(key: Arc<dyn ForeignKey>) -> Result<Self, JwkError> {
        let public = key.public().clone().with_kid(key.kid().as_str());
        let verifying = VerifyingKey::new(&public, Some(key.algorithm().verified_by()))?;
        let headers = Headers::new(key.algorithm(), key.kid().as_str());
        Ok(Self { key, verifying, headers, patience: PATIENCE })
    }

    /// Its public half as it is published.
    pub(crate) fn published(&self) -> PublicJwk {
        let mut public = self.key.public().clone().with_kid(self.key.kid().as_str());
        public.algorithm = Some(self.key.algorithm().verified_by());
        public
    }

    pub(crate) const fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    async fn sign_payload(&self, typ: TokenType, payload: Vec<u8>) -> Result<String, SignError> {
        let mut token = self.headers.of(typ).to_owned();
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let made =
            timeout(self.patience, self.key.sign(token.as_bytes())).await.map_err(|_| SignError::Late)??;
        self.verifying.check(token.as_bytes(), &made).map_err(|_| SignError::Signature)?;
        append(&mut token, &made);
        Ok(token)
    }
}

impl TokenSigner {
    /// The key's name.
    pub fn kid(&self) -> &str {
        match self {
            Self::Embedded(signer) => signer.kid(),
            Self::Foreign(signer) => signer.key.kid().as_str(),
        }
    }

    /// The algorithm that the key signs with.
    pub fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Embedded(signer) => signer.algorithm(),
            Self::Foreign(signer) => signer.key.algorithm(),
        }
    }

    /// Signs claims as a JWT in compact form (RFC 7519 section 7.1).
    pub async fn sign<C: Serialize + Sync + ?Sized>(
        &self,
        typ: TokenType,
        claims: &C,
    ) -> Result<String, SignError> {
        match self {
            Self::Embedded(signer) => signer.sign(typ, claims),
            Self::Foreign(signer) => {
                let payload = serde_json::to_vec(claims).map_err(|_| SignError::Claims)?;
                signer.sign_payload(typ, payload).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use primitives::Timestamp;
    use primitives::rng::SeededRng;

    use super::*;
    use crate::{JwkSet, KeyState, PrivateJwk, SigningKey, TenantKeys, UnverifiedJws, generate};

    /// A key that is somewhere else: it shows no more than signatures.
    #[derive(Debug)]
    struct Elsewhere {
        kid: KeyId,
        public: PublicJwk,
        module: Signer,
        answers: bool,
    }

    impl Elsewhere {
        fn new(key: &PrivateJwk, kid: &str) -> Self {
            let module = Signer::new(key).unwrap();
            let (kid, public) = (kid.parse().unwrap(), key.public().clone());
            Self { kid, public, module, answers: true }
        }
    }

    impl ForeignKey for Elsewhere {
        fn kid(&self) -> &KeyId {
            &self.kid
        }

        fn algorithm(&self) -> SigningAlgorithm {
            self.module.algorithm()
        }

        fn public(&self) -> &PublicJwk {
            &self.public
        }

        fn sign<'a>(&'a self, text: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
            Box::pin(async move {
                if !self.answers {
                    std::future::pending::<()>().await;
                }
                self.module.sign_bytes(text)
            })
        }
    }

    #[tokio::test]
    async fn foreign_key_signs_in_the_place_of_the_one_in_memory() {
        for algorithm in SigningAlgorithm::ALL {
            let pair = generate(algorithm, &SeededRng::new(1)).unwrap();
            let foreign = Arc::new(Elsewhere::new(&pair, "module-1"));
            let now = Timestamp::from_seconds(1_000);
            let state = KeyState::Active { rotate_at: Timestamp::from_seconds(2_000) };
            let own = SigningKey::generate(SigningAlgorithm::EdDsa, state, now, &SeededRng::new(2)).unwrap();
            let keys = TenantKeys::new(&[own], now).unwrap().with_foreign(vec![foreign]).unwrap();
            let signer = keys.signer(algorithm).unwrap();
            assert_eq!((signer.kid(), signer.algorithm()), ("module-1", algorithm));
            let text = signer.sign(TokenType::Jwt, &1).await.unwrap();
            assert!(
                UnverifiedJws::parse(&text).unwrap().verify_with(keys.verifying()).is_ok(),
                "{algorithm}"
            );
            let published = JwkSet::parse(keys.jwks_json().as_bytes()).unwrap();
            assert!(published.keys.iter().any(|key| key.kid() == Some("module-1")));
            assert!(keys.algorithms().any(|one| one == algorithm.verified_by()));
        }
    }

    #[tokio::test]
    async fn wrong_signature_of_a_module_goes_nowhere() {
        let (one, other) = (1, 2);
        let [one, other] =
            [one, other].map(|seed| generate(SigningAlgorithm::Es256, &SeededRng::new(seed)).unwrap());
        // It signs with another key than it says.
        let foreign = Elsewhere { public: one.public().clone(), ..Elsewhere::new(&other, "module-1") };
        let signer = TokenSigner::Foreign(ForeignSigner::new(Arc::new(foreign)).unwrap());
        assert_eq!(signer.sign(TokenType::Jwt, &1).await, Err(SignError::Signature));
    }

    /// Attack: whoever makes the module hang makes each request for a token hang, and keeps what the requests hold.
    #[tokio::test]
    async fn module_that_does_not_answer_is_waited_for_no_longer_than_patience() {
        let pair = generate(SigningAlgorithm::Es256, &SeededRng::new(1)).unwrap();
        let silent = Elsewhere { answers: false, ..Elsewhere::new(&pair, "module-1") };
        let mut silent = ForeignSigner::new(Arc::new(silent)).unwrap();
        assert_eq!(silent.patience, PATIENCE);
        silent.patience = Duration::from_millis(1);
        let signed = TokenSigner::Foreign(silent).sign(TokenType::Jwt, &1).await;
        assert_eq!(signed, Err(SignError::Late));
    }
}
