//! Verifying keys: what a signature is checked against.

use std::fmt;

use ring::hmac;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

use crate::algorithm::Algorithm;
use crate::jwk::{Curve, JwkError, JwkSet, PublicJwk, PublicParts, SymmetricJwk};

/// A key with the one algorithm that it verifies. The algorithm is the key's, never the header's.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Public(PublicParts),
    Shared(hmac::Key),
}

/// The signature is not this key's over this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignatureInvalid;

impl VerifyingKey {
    /// A public key. Its algorithm is its own `alg`, else `registered` (what the owner of the key has
    /// registered, e.g. `token_endpoint_auth_signing_alg`), else the only or usual one of its type
    /// (RSA: `RS256`). If both are there they must agree.
    pub fn new(key: &PublicJwk, registered: Option<Algorithm>) -> Result<Self, JwkError> {
        if !key.verifies() {
            return Err(JwkError::NotForSignatures);
        }
        let algorithm = key.algorithm.or(registered).unwrap_or(key.parts.usual_algorithm());
        if registered.is_some_and(|registered| registered != algorithm) || !key.parts.fits(algorithm) {
            return Err(JwkError::AlgorithmMismatch);
        }
        Ok(Self { kid: key.kid.clone(), algorithm, material: Material::Public(key.parts.clone()) })
    }

    /// A shared secret.
    pub fn shared(key: &SymmetricJwk) -> Result<Self, JwkError> {
        let algorithm = match key.algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return Err(JwkError::AlgorithmMismatch),
        };
        let material = Material::Shared(hmac::Key::new(algorithm, key.secret.expose()));
        Ok(Self { kid: key.kid.clone(), algorithm: key.algorithm, material })
    }

    /// The key's name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm that it verifies.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureInvalid> {
        match &self.material {
            Material::Shared(key) => hmac::verify(key, message, signature),
            Material::Public(PublicParts::Ec { curve, point }) => {
                let algorithm = match curve {
                    Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
                    Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
                };
                UnparsedPublicKey::new(algorithm, point).verify(message, signature)
            }
            Material::Public(PublicParts::Okp { x }) => {
                UnparsedPublicKey::new(&signature::ED25519, x).verify(message, signature)
            }
            Material::Public(PublicParts::Rsa { n, e }) => match rsa_parameters(self.algorithm) {
                Some(parameters) => RsaPublicKeyComponents { n, e }.verify(parameters, message, signature),
                None => Err(ring::error::Unspecified),
            },
        }
        .map_err(|_| SignatureInvalid)
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::EdDsa
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512 => None,
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The keys that one party signs with. No `kid` occurs twice for one algorithm, and shared secrets never stand beside
/// public keys.
#[derive(Debug, Clone, Default)]
pub struct VerifyingKeys(Vec<VerifyingKey>);

/// How many keys without a name are tried on one token: each costs a signature check.
const MAX_TRIALS: usize = 4;

impl VerifyingKeys {
    /// A set of keys.
    pub fn new(keys: Vec<VerifyingKey>) -> Result<Self, JwkError> {
        let mixed = keys.iter().any(|key| key.algorithm.is_symmetric())
            && keys.iter().any(|key| !key.algorithm.is_symmetric());
        let name = |key: &VerifyingKey| key.kid.clone().map(|kid| (kid, key.algorithm.as_str()));
        let mut names: Vec<_> = keys.iter().filter_map(name).collect();
        names.sort_unstable();
        let repeated = names.array_windows().any(|[one, other]| one == other);
        if mixed || repeated { Err(JwkError::AmbiguousSet) } else { Ok(Self(keys)) }
    }

    /// The keys of a public set that verify signatures; those for other uses or other algorithms than
    /// the registered one are left out.
    pub fn from_set(set: &JwkSet, registered: Option<Algorithm>) -> Result<Self, JwkError> {
        Self::new(set.keys.iter().filter_map(|key| VerifyingKey::new(key, registered).ok()).collect())
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter()
    }

    /// The keys that a token with this header may have been signed with: those of its `kid`; if it
    /// names none, or one that no key has, the keys without a name (a nameless token also tries the
    /// named ones).
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &VerifyingKey> {
        let known = kid.is_some_and(|kid| self.0.iter().any(|key| key.kid() == Some(kid)));
        self.0
            .iter()
            .filter(move |key| match kid {
                Some(_) if known => key.kid() == kid,
                Some(_) => key.kid().is_none(),
                None => true,
            })
            .filter(move |key| key.algorithm == algorithm)
            .take(MAX_TRIALS)
    }
}
