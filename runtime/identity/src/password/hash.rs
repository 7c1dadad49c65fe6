//! Argon2 hashes (RFC 9106) in the PHC string format. Ours are Argon2id; what others made is verified as it is.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use primitives::{Rng, Secret};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::foreign::ForeignHash;
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

/// A password's hash: one of ours as a PHC string, e.g. `$argon2id$v=19$m=19456,t=2,p=1$…$…`, or what others made, as
/// they wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedPassword(pub Secret<String>);

/// What stands before a credential that was made elsewhere, in the place of a hash. An algorithm of its own, so that
/// whatever takes it for a hash of ours finds it unusable, and so that an earlier version of the server does, too.
const ELSEWHERE: &str = "$elsewhere$";
/// How many bytes of such a credential are kept.
const CREDENTIAL_BYTES: usize = 4096;

/// A hash that cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// Of no kind that is known.
    #[error(
        "the password hash is of no known kind: Argon2, bcrypt, PBKDF2, scrypt, Firebase scrypt, md5-crypt, sha-crypt, \
         SSHA, a salted digest or an HMAC"
    )]
    Unknown,
    /// Not as its kind is written.
    #[error("the password hash is not as hashes of its kind ({0}) are written")]
    Malformed(&'static str),
    /// Verifying it would take more than a sign-in may.
    #[error("the password hash costs more than a sign-in may; the most is, for {0}")]
    TooCostly(&'static str),
}

const MALFORMED: UnusableHash = UnusableHash::Malformed("Argon2");

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
    algorithm: Algorithm,
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
        self.parts()
            .is_ok_and(|parts| parts.algorithm == Algorithm::Argon2id && parts.parameters == parameters)
    }

    /// Whether others made it, with something else than we do.
    pub fn is_foreign(&self) -> bool {
        !self.0.expose().starts_with("$argon2")
    }

    /// Takes a hash that was made elsewhere, if it can be verified here.
    pub fn import(phc: String) -> Result<Self, UnusableHash> {
        let hash = Self(Secret::new(phc));
        if hash.is_foreign() {
            ForeignHash::parse(hash.0.expose())?;
            return Ok(hash);
        }
        let Argon2Settings { memory_kib, iterations, parallelism } = hash.parts()?.parameters;
        check_caps(memory_kib, iterations, parallelism)?;
        Params::new(memory_kib, iterations, parallelism, None).map_err(|_| MALFORMED)?;
        Ok(hash)
    }

    /// Takes a credential that was made elsewhere and only a plugin can verify; it may be empty.
    pub fn made_elsewhere(credential: &str) -> Result<Self, UnusableHash> {
        if credential.len() > CREDENTIAL_BYTES {
            return Err(UnusableHash::TooCostly("the migration hook: a credential of 4096 bytes"));
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
        let parts = Parts {
            algorithm: Algorithm::Argon2id,
            parameters,
            salt: salt.0.to_vec(),
            output: vec![0; OUTPUT_BYTES],
        };
        let output = parts.derive(plain, memory)?;
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
        if self.is_foreign() {
            return Ok(ForeignHash::parse(self.0.expose())?.verify(plain.expose()));
        }
        let parts = self.parts()?;
        let output = parts.derive(plain, memory)?;
        Ok(output.as_slice().ct_eq(&parts.output).into())
    }

    fn parts(&self) -> Result<Parts, UnusableHash> {
        let mut fields = self.0.expose().strip_prefix('$').ok_or(UnusableHash::Unknown)?.split('$');
        let mut next = || fields.next().ok_or(MALFORMED);
        let algorithm = match next()? {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            _ => return Err(UnusableHash::Unknown),
        };
        if next()? != "v=19" {
            return Err(MALFORMED);
        }
        let mut parameters = Argon2Settings { memory_kib: 0, iterations: 0, parallelism: 0 };
        for pair in next()?.split(',') {
            let (name, value) = pair.split_once('=').ok_or(MALFORMED)?;
            let value = value.parse().map_err(|_| MALFORMED)?;
            match name {
                "m" => parameters.memory_kib = value,
                "t" => parameters.iterations = value,
                "p" => parameters.parallelism = value,
                _ => return Err(MALFORMED),
            }
        }
        let salt = STANDARD_NO_PAD.decode(next()?).map_err(|_| MALFORMED)?;
        let output = STANDARD_NO_PAD.decode(next()?).map_err(|_| MALFORMED)?;
        if fields.next().is_some() || !(16..=64).contains(&output.len()) {
            return Err(MALFORMED);
        }
        Ok(Parts { algorithm, parameters, salt, output })
    }
}

/// An imported hash must not be able to ask for more than a login may cost.
const fn check_caps(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<(), UnusableHash> {
    if memory_kib > 1_048_576 || iterations > 10 || parallelism > 16 {
        return Err(UnusableHash::TooCostly("Argon2: 1048576 KiB, 10 passes, 16 lanes"));
    }
    Ok(())
}

impl Parts {
    /// What the password gives with these parameters, as long as the output.
    fn derive(&self, plain: &PlainPassword, memory: &mut Memory) -> Result<Zeroizing<Vec<u8>>, UnusableHash> {
        let Argon2Settings { memory_kib, iterations, parallelism } = self.parameters;
        check_caps(memory_kib, iterations, parallelism)?;
        let length = self.output.len();
        let params = Params::new(memory_kib, iterations, parallelism, Some(length)).map_err(|_| MALFORMED)?;
        let mut output = Zeroizing::new(vec![0; length]);
        let blocks = memory.blocks(params.block_count());
        Argon2::new(self.algorithm, Version::V0x13, params)
            .hash_password_into_with_memory(plain.expose().as_bytes(), &self.salt, &mut output, blocks)
            .map_err(|_| MALFORMED)?;
        Ok(output)
    }
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
            assert_eq!(verifies(kept.0.expose(), credential), Err(UnusableHash::Unknown));
            assert_eq!(HashedPassword::import(kept.0.expose().clone()), Err(UnusableHash::Unknown));
            assert!(!kept.made_with(CHEAP));
        }
        assert_eq!(hashed("correct horse").elsewhere(), None);
        assert!(HashedPassword::made_elsewhere(&"x".repeat(4097)).is_err());
    }

    #[test]
    fn reference_vectors_verify() {
        // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1, and -i.
        for hash in [
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        ] {
            assert_eq!(verifies(hash, "password"), Ok(true));
            assert_eq!(verifies(hash, "passwort"), Ok(false));
        }
    }

    #[test]
    fn argon2i_is_made_anew_whatever_its_parameters() {
        let hash = "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
        assert!(!HashedPassword::import(hash.to_owned()).unwrap().made_with(CHEAP));
    }

    #[test]
    fn unknown_or_costly_hashes_are_refused() {
        for (hash, costly) in [
            ("", false),
            ("$2b$12$abcdefghijklmnopqrstuv", false),
            ("$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", false),
            (
                "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                true,
            ),
            ("$argon2i$v=19$m=64,t=11,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", true),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", false),
            ("$2b$16$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2", true),
        ] {
            let verified = verifies(hash, "password").unwrap_err();
            let imported = HashedPassword::import(hash.to_owned()).unwrap_err();
            for error in [verified, imported] {
                assert_eq!(matches!(error, UnusableHash::TooCostly(_)), costly, "{hash}: {error}");
            }
        }
    }
}
