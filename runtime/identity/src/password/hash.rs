//! Argon2id hashes (RFC 9106) in the PHC string format.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use primitives::{Rng, Secret};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::settings::Argon2Settings;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// A password as it was typed.
#[derive(Debug, Clone)]
pub struct PlainPassword(Secret<String>);

impl PlainPassword {
    /// Wraps what was typed.
    pub fn new(typed: impl Into<String>) -> Self {
        Self(Secret::new(typed.into()))
    }

    /// The password itself, for what verifies it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A password's hash as a PHC string, e.g. `$argon2id$v=19$m=19456,t=2,p=1$…$…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedPassword(pub Secret<String>);

/// What stands before a credential that was made elsewhere, in the place of a hash. An algorithm of its own, so that
/// whatever takes it for a hash of ours finds it unusable, and so that an earlier version of the server does, too.
const ELSEWHERE: &str = "$elsewhere$";
/// How many bytes of such a credential are kept.
const CREDENTIAL_BYTES: usize = 4096;

/// A stored hash that cannot be verified: another algorithm, or parameters above our caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored password hash is not usable")]
pub struct UnusableHash;

/// A salt drawn beforehand, so that hashing itself needs no randomness.
#[derive(Debug, Clone, Copy)]
pub(super) struct Salt([u8; SALT_BYTES]);

impl Salt {
    pub(super) fn draw(rng: &dyn Rng) -> Self {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        Self(salt)
    }
}

/// A hash taken apart.
struct Parts {
    parameters: Argon2Settings,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// Memory for one hash at a time, kept between hashes by whoever computes many.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        self.0.resize(count, Block::new());
        &mut self.0
    }
}

impl HashedPassword {
    /// Whether it was made with these parameters.
    pub fn made_with(&self, parameters: Argon2Settings) -> bool {
        self.parts().is_ok_and(|parts| parts.parameters == parameters)
    }

    /// Takes a hash that was made elsewhere, if it can be verified here.
    pub fn import(phc: String) -> Result<Self, UnusableHash> {
        let hash = Self(Secret::new(phc));
        let Argon2Settings { memory_kib, iterations, parallelism } = hash.parts()?.parameters;
        check_caps(memory_kib, iterations, parallelism)?;
        Params::new(memory_kib, iterations, parallelism, None).map_err(|_| UnusableHash)?;
        Ok(hash)
    }

    /// Takes a credential that was made elsewhere and only a plugin can verify; it may be empty.
    pub fn made_elsewhere(credential: &str) -> Result<Self, UnusableHash> {
        if credential.len() > CREDENTIAL_BYTES {
            return Err(UnusableHash);
        }
        Ok(Self(Secret::new(format!("{ELSEWHERE}{credential}"))))
    }

    /// The credential, if it was made elsewhere.
    pub fn elsewhere(&self) -> Option<Secret<String>> {
        self.0.expose().strip_prefix(ELSEWHERE).map(|credential| Secret::new(credential.to_owned()))
    }

    /// Computes a new hash. Only the pool calls it: it holds its thread for milliseconds.
    pub(super) fn compute(
        plain: &PlainPassword,
        salt: Salt,
        parameters: Argon2Settings,
        memory: &mut Memory,
    ) -> Result<Self, UnusableHash> {
        let output = derive(plain, &salt.0, parameters, OUTPUT_BYTES, memory)?;
        let Argon2Settings { memory_kib, iterations, parallelism } = parameters;
        let phc = format!(
            "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${}${}",
            STANDARD_NO_PAD.encode(salt.0),
            STANDARD_NO_PAD.encode(output.as_slice()),
        );
        Ok(Self(Secret::new(phc)))
    }

    /// Whether it is the hash of `plain`, in constant time. Only the pool calls it.
    pub(super) fn verify(&self, plain: &PlainPassword, memory: &mut Memory) -> Result<bool, UnusableHash> {
        let parts = self.parts()?;
        let output = derive(plain, &parts.salt, parts.parameters, parts.output.len(), memory)?;
        Ok(output.as_slice().ct_eq(&parts.output).into())
    }

    fn parts(&self) -> Result<Parts, UnusableHash> {
        let mut fields = self.0.expose().strip_prefix('$').ok_or(UnusableHash)?.split('$');
        let mut next = || fields.next().ok_or(UnusableHash);
        if next()? != "argon2id" || next()? != "v=19" {
            return Err(UnusableHash);
        }
        let mut parameters = Argon2Settings { memory_kib: 0, iterations: 0, parallelism: 0 };
        for pair in next()?.split(',') {
            let (name, value) = pair.split_once('=').ok_or(UnusableHash)?;
            let value = value.parse().map_err(|_| UnusableHash)?;
            match name {
                "m" => parameters.memory_kib = value,
                "t" => parameters.iterations = value,
                "p" => parameters.parallelism = value,
                _ => return Err(UnusableHash),
            }
        }
        let salt = STANDARD_NO_PAD.decode(next()?).map_err(|_| UnusableHash)?;
        let output = STANDARD_NO_PAD.decode(next()?).map_err(|_| UnusableHash)?;
        if fields.next().is_some() || !(16..=64).contains(&output.len()) {
            return Err(UnusableHash);
        }
        Ok(Parts { parameters, salt, output })
    }
}

/// An imported hash must not be able to ask for more than a login may cost.
const fn check_caps(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<(), UnusableHash> {
    if memory_kib > 1_048_576 || iterations > 10 || parallelism > 16 {
        return Err(UnusableHash);
    }
    Ok(())
}

fn derive(
    plain: &PlainPassword,
    salt: &[u8],
    parameters: Argon2Settings,
    output_bytes: usize,
    memory: &mut Memory,
) -> Result<Zeroizing<Vec<u8>>, UnusableHash> {
    let Argon2Settings { memory_kib, iterations, parallelism } = parameters;
    check_caps(memory_kib, iterations, parallelism)?;
    let params =
        Params::new(memory_kib, iterations, parallelism, Some(output_bytes)).map_err(|_| UnusableHash)?;
    let mut output = Zeroizing::new(vec![0; output_bytes]);
    let blocks = memory.blocks(params.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(plain.expose().as_bytes(), salt, &mut output, blocks)
        .map_err(|_| UnusableHash)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Argon2Settings = Argon2Settings { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn hashed(password: &str) -> HashedPassword {
        let salt = Salt([7; SALT_BYTES]);
        HashedPassword::compute(&PlainPassword::new(password), salt, CHEAP, &mut Memory::default()).unwrap()
    }

    fn verifies(hash: &str, password: &str) -> Result<bool, UnusableHash> {
        HashedPassword(Secret::new(hash.to_owned()))
            .verify(&PlainPassword::new(password), &mut Memory::default())
    }

    #[test]
    fn verifies_its_password_only() {
        let hash = hashed("correct horse");
        assert_eq!(verifies(hash.0.expose(), "correct horse"), Ok(true));
        assert_eq!(verifies(hash.0.expose(), "correct horsf"), Ok(false));
        assert!(hash.made_with(CHEAP));
        assert!(!hash.made_with(Argon2Settings::default()));
    }

    #[test]
    fn credential_made_elsewhere_is_no_hash_of_ours() {
        for credential in ["", "$2b$12$abcdefghijklmnopqrstuv", "$elsewhere$x"] {
            let kept = HashedPassword::made_elsewhere(credential).unwrap();
            assert_eq!(kept.elsewhere().unwrap().expose(), credential);
            assert_eq!(verifies(kept.0.expose(), credential), Err(UnusableHash));
            assert_eq!(HashedPassword::import(kept.0.expose().clone()), Err(UnusableHash));
            assert!(!kept.made_with(CHEAP));
        }
        assert_eq!(hashed("correct horse").elsewhere(), None);
        assert_eq!(HashedPassword::made_elsewhere(&"x".repeat(4097)), Err(UnusableHash));
    }

    #[test]
    fn reference_vector_verifies() {
        // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1.
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(verifies(hash, "password"), Ok(true));
    }

    #[test]
    fn foreign_or_costly_hashes_are_refused() {
        for hash in [
            "",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=11,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA",
        ] {
            assert_eq!(verifies(hash, "password"), Err(UnusableHash), "{hash}");
            assert_eq!(HashedPassword::import(hash.to_owned()), Err(UnusableHash), "{hash}");
        }
    }
}
