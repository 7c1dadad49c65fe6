//! Signing: a key parsed once, used many times.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
    Signature,
};
use serde::Serialize;

use crate::algorithm::{Algorithm, SigningAlgorithm};
use crate::jwk::{Curve, JwkError, PrivateJwk, PrivateParts, PublicParts};

/// What a token is (`typ`, RFC 8725 section 3.11): one kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// `JWT`: an ID token.
    Jwt,
    /// `at+jwt` (RFC 9068 section 2.1).
    AccessToken,
    /// `logout+jwt` (OpenID Connect Back-Channel Logout section 2.4).
    LogoutToken,
    /// `token-introspection+jwt` (RFC 9701 section 5).
    Introspection,
    /// `oauth-authz-req+jwt`: an authorization request that its client signed (RFC 9101 section 10.8).
    RequestObject,
    /// `oauth-id-jag+jwt`: a provider's word that one of its people may use a client (draft-ietf-oauth-identity-assertion-authz-grant).
    IdentityAssertionGrant,
}

impl TokenType {
    const ALL: [Self; 6] = [
        Self::Jwt,
        Self::AccessToken,
        Self::LogoutToken,
        Self::Introspection,
        Self::RequestObject,
        Self::IdentityAssertionGrant,
    ];

    /// As it stands in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::AccessToken => "at+jwt",
            Self::LogoutToken => "logout+jwt",
            Self::Introspection => "token-introspection+jwt",
            Self::RequestObject => "oauth-authz-req+jwt",
            Self::IdentityAssertionGrant => "oauth-id-jag+jwt",
        }
    }
}

/// Signs with one key. Holds the parsed key pair and each header ready to be copied.
pub struct Signer {
    kid: String,
    algorithm: SigningAlgorithm,
    pair: Pair,
    headers: Headers,
    random: SystemRandom,
}

/// The encoded headers of a key's tokens with their dots, one for each [`TokenType`] in the order of `ALL`.
#[derive(Debug)]
pub(crate) struct Headers([String; TokenType::ALL.len()]);

impl Headers {
    pub(crate) fn new(algorithm: SigningAlgorithm, kid: &str) -> Self {
        Self(TokenType::ALL.map(|typ| {
            let header = serde_json::json!({ "alg": algorithm.as_str(), "typ": typ.as_str(), "kid": kid });
            let mut encoded = URL_SAFE_NO_PAD.encode(header.to_string());
            encoded.push('.');
            encoded
        }))
    }

    pub(crate) fn of(&self, typ: TokenType) -> &str {
        let header = TokenType::ALL.iter().zip(&self.0).find(|(of, _)| **of == typ);
        header.map_or("", |(_, header)| header.as_str())
    }
}

/// Why nothing was signed. Ours or the machine's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The claims do not serialise to JSON.
    #[error("claims do not serialise")]
    Claims,
    /// The key did not sign: no randomness, or a damaged RSA key.
    #[error("signing failed")]
    Signature,
    /// A key elsewhere did not answer in time.
    #[error("the key did not sign in time")]
    Late,
}

impl Signer {
    /// Parses a private key. It must name its algorithm, and that must be one that we sign with.
    pub fn new(key: &PrivateJwk) -> Result<Self, JwkError> {
        let algorithm: SigningAlgorithm = key
            .public
            .algorithm
            .and_then(|algorithm| algorithm.as_str().parse().ok())
            .ok_or(JwkError::Unsupported)?;
        if !key.public.signs() {
            return Err(JwkError::NotForSignatures);
        }
        let kid = key.public.kid.clone().unwrap_or_else(|| key.public.thumbprint());
        let headers = Headers::new(algorithm, &kid);
        Ok(Self { kid, algorithm, pair: Pair::new(key)?, headers, random: SystemRandom::new() })
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm that the key signs with.
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Signs claims as a JWT in compact form (RFC 7519 section 7.1).
    pub fn sign<C: Serialize + ?Sized>(&self, typ: TokenType, claims: &C) -> Result<String, SignError> {
        let mut payload = Vec::with_capacity(512);
        serde_json::to_writer(&mut payload, claims).map_err(|_| SignError::Claims)?;
        self.sign_payload(typ, &payload)
    }

    /// Signs bytes as a JWS in compact form (RFC 7515 section 7.1).
    pub fn sign_payload(&self, typ: TokenType, payload: &[u8]) -> Result<String, SignError> {
        let header = self.headers.of(typ);
        // One buffer for all three parts; a signature of the widest key that we hold takes 684 characters.
        let mut token = String::with_capacity(header.len() + payload.len() * 4 / 3 + 4 + self.pair.room());
        token.push_str(header);
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let made = self.pair.sign(&self.random, token.as_bytes())?;
        append(&mut token, made.as_ref());
        Ok(token)
    }

    /// Signs a text that is no token of ours, as whatever keeps a [`ForeignKey`](crate::ForeignKey) does.
    pub fn sign_bytes(&self, text: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.pair.sign(&self.random, text)?.as_ref().to_vec())
    }
}

pub(crate) fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, token);
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// What ring calls an RSA algorithm.
fn padding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_SHA512),
        Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::EdDsa
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512 => None,
    }
}

/// A signature: on the stack, but for RSA's.
enum Made {
    Short(Signature),
    Long(Vec<u8>),
}

impl AsRef<[u8]> for Made {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Short(made) => made.as_ref(),
            Self::Long(made) => made,
        }
    }
}

/// A key pair in ring's own form.
pub(crate) enum Pair {
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl Pair {
    /// Hands the key to ring, which checks that private and public parts belong together.
    pub(crate) fn new(key: &PrivateJwk) -> Result<Self, JwkError> {
        let refused = |_| JwkError::Inconsistent;
        match (&key.public.parts, &key.parts) {
            (PublicParts::Ec { curve, point }, PrivateParts::Scalar(d)) => {
                let algorithm = match curve {
                    Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                };
                let random = SystemRandom::new();
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, d, point, &random)
                    .map(|pair| Self::Ecdsa(Box::new(pair)))
                    .map_err(refused)
            }
            (PublicParts::Okp { x }, PrivateParts::Scalar(d)) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(d, x).map_err(refused)?;
                Ok(Self::Ed25519(Box::new(pair)))
            }
            (PublicParts::Rsa { n, e }, PrivateParts::Rsa(rsa)) => {
                let components = ring::rsa::KeyPairComponents {
                    public_key: RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() },
                    d: rsa.d.as_slice(),
                    p: rsa.p.as_slice(),
                    q: rsa.q.as_slice(),
                    dP: rsa.dp.as_slice(),
                    dQ: rsa.dq.as_slice(),
                    qInv: rsa.qi.as_slice(),
                };
                let pair = RsaKeyPair::from_components(&components).map_err(refused)?;
                let algorithm = key.public.algorithm.unwrap_or(Algorithm::Rs256);
                Ok(Self::Rsa(Box::new(pair), padding(algorithm).ok_or(JwkError::AlgorithmMismatch)?))
            }
            _ => Err(JwkError::Inconsistent),
        }
    }

    /// Signs a text.
    fn sign(&self, random: &SystemRandom, text: &[u8]) -> Result<Made, SignError> {
        match self {
            Self::Ecdsa(pair) => pair.sign(random, text).map(Made::Short).map_err(|_| SignError::Signature),
            Self::Ed25519(pair) => Ok(Made::Short(pair.sign(text))),
            Self::Rsa(pair, padding) => {
                let mut made = vec![0; pair.public().modulus_len()];
                pair.sign(*padding, random, text, &mut made).map_err(|_| SignError::Signature)?;
                Ok(Made::Long(made))
            }
        }
    }

    /// Characters that a signature with its dot takes.
    fn room(&self) -> usize {
        let bytes = match self {
            Self::Ecdsa(pair) => pair.public_key().as_ref().len(),
            Self::Ed25519(_) => 64,
            Self::Rsa(pair, _) => pair.public().modulus_len(),
        };
        bytes * 4 / 3 + 4
    }
}
