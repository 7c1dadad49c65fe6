//! What crypt(3) makes: MD5 (`$1$`), SHA-256 (`$5$`) and SHA-512 (`$6$`), under these names or Kratos' own.

use md5::{Digest as _, Md5};
use sha_crypt::{Params, PasswordVerifier as _, ShaCrypt};
use subtle::ConstantTimeEq as _;

use crate::password::UnusableHash;

const MOST_ROUNDS: u32 = 2_000_000;
const LONGEST_SALT: usize = 16;
const LONGEST_MD5_SALT: usize = 8;
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(in crate::password) enum Crypt {
    Md5 {
        salt: String,
        /// Its 22 characters.
        output: String,
    },
    /// As crypt(3) writes it.
    Sha(String),
}

impl Crypt {
    pub(super) fn parse_md5(rest: &str) -> Result<Self, UnusableHash> {
        let malformed = UnusableHash::Malformed("md5-crypt");
        let (salt, output) = rest.split_once('$').ok_or(malformed)?;
        if salt.len() > LONGEST_MD5_SALT || output.len() != 22 || !is_encoded(output) {
            return Err(malformed);
        }
        Ok(Self::Md5 { salt: salt.to_owned(), output: output.to_owned() })
    }

    pub(super) fn parse_sha256(rest: &str) -> Result<Self, UnusableHash> {
        check_sha(rest, 43, UnusableHash::Malformed("sha256-crypt"))?;
        Ok(Self::Sha(format!("$5${rest}")))
    }

    pub(super) fn parse_sha512(rest: &str) -> Result<Self, UnusableHash> {
        check_sha(rest, 86, UnusableHash::Malformed("sha512-crypt"))?;
        Ok(Self::Sha(format!("$6${rest}")))
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Self::Md5 { salt, output } => {
                encode(&md5_crypt(password, salt.as_bytes())).as_bytes().ct_eq(output.as_bytes()).into()
            }
            Self::Sha(hash) => ShaCrypt::default().verify_password(password, hash.as_str()).is_ok(),
        }
    }
}

fn check_sha(rest: &str, length: usize, malformed: UnusableHash) -> Result<(), UnusableHash> {
    let rest = match rest.strip_prefix("rounds=") {
        None => rest,
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(malformed)?;
            let rounds: u32 = rounds.parse().map_err(|_| malformed)?;
            if rounds > MOST_ROUNDS {
                return Err(UnusableHash::TooCostly("sha-crypt: 2000000 rounds"));
            }
            if rounds < Params::ROUNDS_MIN {
                return Err(malformed);
            }
            rest
        }
    };
    let (salt, output) = rest.split_once('$').ok_or(malformed)?;
    if salt.is_empty() || salt.len() > LONGEST_SALT || output.len() != length || !is_encoded(output) {
        return Err(malformed);
    }
    Ok(())
}

fn is_encoded(text: &str) -> bool {
    text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// Poul-Henning Kamp's algorithm of 1994, step by step.
fn md5_crypt(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let alternate = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    for chunk in password.chunks(alternate.len()) {
        first.update(alternate.get(..chunk.len()).unwrap_or_default());
    }
    let mut bits = password.len();
    while bits > 0 {
        first.update(if bits & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        let is_odd = round % 2 == 1;
        next.update(if is_odd { password } else { digest.as_slice() });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if is_odd { digest.as_slice() } else { password });
        digest = next.finalize();
    }
    digest.into()
}

/// Its own order of bytes and base64, least significant first.
fn encode(digest: &[u8; 16]) -> String {
    const ORDER: [[Option<usize>; 3]; 6] = [
        [Some(0), Some(6), Some(12)],
        [Some(1), Some(7), Some(13)],
        [Some(2), Some(8), Some(14)],
        [Some(3), Some(9), Some(15)],
        [Some(4), Some(10), Some(5)],
        [None, None, Some(11)],
    ];
    let byte = |at: Option<usize>| at.and_then(|at| digest.get(at)).copied().unwrap_or_default();
    let mut text = String::with_capacity(24);
    for [high, middle, low] in ORDER {
        let mut bits = u32::from_be_bytes([0, byte(high), byte(middle), byte(low)]);
        for _ in 0..4 {
            text.extend(ALPHABET.get(bits as usize & 63).map(|byte| char::from(*byte)));
            bits >>= 6;
        }
    }
    text.truncate(22);
    text
}
