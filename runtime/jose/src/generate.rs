//! Making key pairs.

use primitives::Rng;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use zeroize::Zeroizing;

use crate::algorithm::SigningAlgorithm;
use crate::jwk::{Curve, PrivateJwk, PrivateParts, PublicJwk, PublicParts, RsaParts};
use crate::signer::Pair;

/// Bits of a generated RSA modulus (NIST SP 800-57: fit until 2030; clients cap what they verify).
const RSA_BITS: usize = 2048;

/// No key could be made. Ours or the machine's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("key generation failed")]
pub struct GenerationFailed;

/// Makes a key pair whose `kid` is its thumbprint.
///
/// An RSA key takes from a tenth of a second to some seconds of CPU: call it where nobody waits for
/// the thread. ECDSA keys take their randomness from the operating system, since ring takes no other
/// source (its trait is sealed); Ed25519 and RSA keys take it from `rng`.
pub fn generate(algorithm: SigningAlgorithm, rng: &dyn Rng) -> Result<PrivateJwk, GenerationFailed> {
    let (public, parts) = match algorithm {
        SigningAlgorithm::Es256 => ecdsa(Curve::P256)?,
        SigningAlgorithm::Es384 => ecdsa(Curve::P384)?,
        SigningAlgorithm::EdDsa => ed25519(rng)?,
        SigningAlgorithm::Rs256
        | SigningAlgorithm::Rs384
        | SigningAlgorithm::Rs512
        | SigningAlgorithm::Ps256
        | SigningAlgorithm::Ps384
        | SigningAlgorithm::Ps512 => rsa_key(rng)?,
    };
    let public = PublicJwk::for_signatures(public, algorithm.verified_by());
    let kid = public.thumbprint();
    let key = PrivateJwk { public: public.with_kid(kid), parts };
    // Proves that ring takes the parts, and that private and public ones belong together.
    Pair::new(&key).map_err(|_| GenerationFailed)?;
    Ok(key)
}

/// ring gives an EC private scalar only inside PKCS#8, whose `ECPrivateKey` (RFC 5915) it writes with
/// fixed lengths: version 1, then the scalar as an octet string, then the public point.
fn ecdsa(curve: Curve) -> Result<(PublicParts, PrivateParts), GenerationFailed> {
    let algorithm = match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
    };
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| GenerationFailed)?;
    let document = Zeroizing::new(document.as_ref().to_vec());
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, &document, &random).map_err(|_| GenerationFailed)?;
    let before = [2, 1, 1, 4, u8::try_from(curve.width()).map_err(|_| GenerationFailed)?];
    let start = document.windows(before.len()).position(|window| window == before).ok_or(GenerationFailed)?;
    let scalar = document.get(start + before.len()..).and_then(|rest| rest.get(..curve.width()));
    let scalar = Zeroizing::new(scalar.ok_or(GenerationFailed)?.to_vec());
    let point = pair.public_key().as_ref().to_vec();
    Ok((PublicParts::Ec { curve, point }, PrivateParts::Scalar(scalar)))
}

fn ed25519(rng: &dyn Rng) -> Result<(PublicParts, PrivateParts), GenerationFailed> {
    let mut seed = Zeroizing::new(vec![0; 32]);
    rng.fill(&mut seed);
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| GenerationFailed)?;
    Ok((PublicParts::Okp { x: pair.public_key().as_ref().to_vec() }, PrivateParts::Scalar(seed)))
}

/// ring makes no RSA keys, so the `rsa` crate does. The one other thing that it does for us is to encrypt to a public key
/// ([`jwe`](crate::jwe)).
///
/// RUSTSEC-2023-0071 (Marvin) is about its private-key operations, whose time an attacker measures
/// over the network for inputs of their choice. None of them runs here: signing is ring's, and we
/// decrypt nothing with RSA. What remains is generation, which happens once per key, on no input that
/// anybody outside controls and at no time that they can trigger.
fn rsa_key(rng: &dyn Rng) -> Result<(PublicParts, PrivateParts), GenerationFailed> {
    let mut key = rsa::PrivateKey::new(&mut Source(rng), RSA_BITS).map_err(|_| GenerationFailed)?;
    key.precompute().map_err(|_| GenerationFailed)?;
    let [p, q] = key.primes() else { return Err(GenerationFailed) };
    let wiped = |bytes: Box<[u8]>| Zeroizing::new(significant(&bytes));
    let parts = RsaParts {
        d: wiped(key.d().to_be_bytes()),
        p: wiped(p.to_be_bytes()),
        q: wiped(q.to_be_bytes()),
        dp: wiped(key.dp().ok_or(GenerationFailed)?.to_be_bytes()),
        dq: wiped(key.dq().ok_or(GenerationFailed)?.to_be_bytes()),
        qi: wiped(key.crt_coefficient().ok_or(GenerationFailed)?.to_be_bytes()),
    };
    let public = PublicParts::rsa(significant(&key.n_bytes()), significant(&key.e_bytes()));
    Ok((public.map_err(|_| GenerationFailed)?, PrivateParts::Rsa(Box::new(parts))))
}

/// Without leading zeros (RFC 7518 section 2, `Base64urlUInt`).
fn significant(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// Our source of randomness as the `rsa` crate wants it.
pub(crate) struct Source<'a>(pub(crate) &'a dyn Rng);

impl TryRng for Source<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::rng::SeededRng;

    #[test]
    fn generated_key_is_named_by_its_thumbprint_and_reads_back() {
        let rng = SeededRng::new(1);
        for algorithm in SigningAlgorithm::ALL {
            let key = generate(algorithm, &rng).unwrap();
            assert_eq!(key.public().kid(), Some(key.public().thumbprint().as_str()));
            assert_eq!(key.public().algorithm(), Some(algorithm.verified_by()));
            let again = PrivateJwk::parse(key.to_json().as_bytes()).unwrap();
            assert_eq!(again.public(), key.public());
            assert_eq!(*again.to_json(), *key.to_json());
            assert!(PublicJwk::parse(key.to_json().as_bytes()).is_err(), "private text is not a public key");
        }
    }

    #[test]
    fn halves_of_two_keys_do_not_make_one() {
        let rng = SeededRng::new(2);
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Es384, SigningAlgorithm::EdDsa] {
            let (one, two) = (generate(algorithm, &rng).unwrap(), generate(algorithm, &rng).unwrap());
            let mixed = PrivateJwk { public: one.public.clone(), parts: two.parts.clone() };
            assert!(PrivateJwk::parse(mixed.to_json().as_bytes()).is_err(), "{algorithm}");
        }
    }
}
