//! PBKDF2 (RFC 8018): `$pbkdf2-sha256$i=100000,l=32$<salt>$<hash>`.

use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::fields::{bytes, fields, parameters};
use crate::password::UnusableHash;

/// Iterations of all blocks together.
const MOST_ITERATIONS: u64 = 10_000_000;
const SHORTEST_OUTPUT: usize = 8;
const MALFORMED: UnusableHash = UnusableHash::Malformed("PBKDF2");

pub(in crate::password) struct Pbkdf2 {
    algorithm: Algorithm,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const fn output_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Pbkdf2 {
    pub(super) fn parse(algorithm: &str, rest: &str) -> Result<Self, UnusableHash> {
        let algorithm = match algorithm {
            "sha1" => Algorithm::Sha1,
            "sha224" => Algorithm::Sha224,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return Err(UnusableHash::Unknown),
        };
        let read = || {
            let [costs, salt, output] = fields(rest)?;
            let [iterations, length] = parameters(costs, ["i", "l"])?;
            let output = bytes(output)?;
            let agrees = output.len() == length as usize && output.len() >= SHORTEST_OUTPUT && iterations > 0;
            agrees.then_some(Self { algorithm, iterations, salt: bytes(salt)?, output })
        };
        let hash = read().ok_or(MALFORMED)?;
        let blocks = hash.output.len().div_ceil(algorithm.output_bytes()) as u64;
        if u64::from(hash.iterations) * blocks > MOST_ITERATIONS {
            return Err(UnusableHash::TooCostly("PBKDF2: 10000000 iterations of all blocks together"));
        }
        Ok(hash)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        let derive = match self.algorithm {
            Algorithm::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>,
            Algorithm::Sha224 => pbkdf2::pbkdf2_hmac::<Sha224>,
            Algorithm::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>,
            Algorithm::Sha384 => pbkdf2::pbkdf2_hmac::<Sha384>,
            Algorithm::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>,
        };
        derive(password, &self.salt, self.iterations, &mut output);
        output.ct_eq(&self.output).into()
    }
}
