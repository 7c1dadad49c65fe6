//! Elliptic curve Diffie-Hellman with an ephemeral key of ours (RFC 7518 section 4.6, RFC 8037 section 3.2).

use primitives::base64url;
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::digest::{Context, SHA256};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::encrypt::EncryptError;
use crate::jwk::Curve;

/// The curves on which we agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgreementCurve {
    Nist(Curve),
    X25519,
}

/// What both sides have after an agreement.
pub(super) struct Agreed {
    /// Our half of it, for the header (`epk`, section 4.6.1.1).
    pub(super) ephemeral: Value,
    pub(super) key: Zeroizing<Vec<u8>>,
}

impl AgreementCurve {
    const fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::Nist(Curve::P256) => &agreement::ECDH_P256,
            Self::Nist(Curve::P384) => &agreement::ECDH_P384,
            Self::X25519 => &agreement::X25519,
        }
    }

    /// A public half as a key document.
    fn document(self, public: &[u8]) -> Value {
        match self {
            Self::X25519 => json!({"kty": "OKP", "crv": "X25519", "x": base64url::encode(public)}),
            Self::Nist(curve) => {
                // The first byte says that both coordinates follow.
                let (x, y) = public.get(1..).unwrap_or_default().split_at(curve.width());
                let (x, y) = (base64url::encode(x), base64url::encode(y));
                json!({"kty": "EC", "crv": curve.as_str(), "x": x, "y": y})
            }
        }
    }

    /// Agrees on a key of so many bytes with whoever has the private half of `public`. `purpose` is the algorithm that the
    /// key is for. Fails where `public` is no point of the curve, or one that leaves no secret.
    ///
    /// The ephemeral key is from the operating system: ring takes no other source.
    pub(super) fn agree(self, public: &[u8], purpose: &str, bytes: usize) -> Result<Agreed, EncryptError> {
        let own = EphemeralPrivateKey::generate(self.algorithm(), &SystemRandom::new());
        let own = own.map_err(|_| EncryptError)?;
        let ephemeral = self.document(own.compute_public_key().map_err(|_| EncryptError)?.as_ref());
        let theirs = UnparsedPublicKey::new(self.algorithm(), public);
        let key = agree_ephemeral(own, &theirs, |secret| derive(secret, purpose, bytes));
        Ok(Agreed { ephemeral, key: key.map_err(|_| EncryptError)?? })
    }
}

/// The Concat key derivation (NIST SP 800-56A section 5.8.1) as RFC 7518 section 4.6.2 has it, with neither side named: what a
/// message is for stands in the token within.
pub(super) fn derive(secret: &[u8], purpose: &str, bytes: usize) -> Result<Zeroizing<Vec<u8>>, EncryptError> {
    derive_between(secret, purpose, (&[], &[]), bytes)
}

pub(super) fn derive_between(
    secret: &[u8],
    purpose: &str,
    (sender, recipient): (&[u8], &[u8]),
    bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, EncryptError> {
    let number = |length: usize| u32::try_from(length).map(u32::to_be_bytes).map_err(|_| EncryptError);
    let mut key = Zeroizing::new(Vec::with_capacity(bytes + SHA256.output_len()));
    let mut round = 0_usize;
    while key.len() < bytes {
        round += 1;
        let mut hash = Context::new(&SHA256);
        hash.update(&number(round)?);
        hash.update(secret);
        for part in [purpose.as_bytes(), sender, recipient] {
            hash.update(&number(part.len())?);
            hash.update(part);
        }
        hash.update(&number(bytes * 8)?);
        key.extend_from_slice(hash.finish().as_ref());
    }
    key.truncate(bytes);
    Ok(key)
}
