//! bcrypt: `$2b$12$` and 53 characters of its own base64, salt before hash.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;

use crate::password::UnusableHash;

/// The highest cost: each one more doubles it.
const HIGHEST_COST: u32 = 15;
const LOWEST_COST: u32 = 4;
/// All that bcrypt looks at of a password, its end included.
const KEY_BYTES: usize = 72;
const MALFORMED: UnusableHash = UnusableHash::Malformed("bcrypt");

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

pub(in crate::password) struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    /// The last of its 24 bytes is not written anywhere.
    output: [u8; 23],
}

impl Bcrypt {
    /// Reads what follows `$2b$`.
    pub(super) fn parse(rest: &str) -> Result<Self, UnusableHash> {
        let read = || {
            let (cost, encoded) = rest.split_once('$')?;
            let (salt, output) = encoded.split_at_checked(22)?;
            let salt = BASE64.decode(salt).ok()?.try_into().ok()?;
            let output = BASE64.decode(output).ok()?.try_into().ok()?;
            Some(Self { cost: cost.parse().ok()?, salt, output })
        };
        let hash = read().ok_or(MALFORMED)?;
        match hash.cost {
            ..LOWEST_COST => Err(MALFORMED),
            LOWEST_COST..=HIGHEST_COST => Ok(hash),
            _ => Err(UnusableHash::TooCostly("bcrypt: a cost of 15")),
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let key: Vec<u8> = password.iter().copied().chain([0]).take(KEY_BYTES).collect();
        let output = ::bcrypt::bcrypt(self.cost, self.salt, &key);
        output.get(..self.output.len()).is_some_and(|output| output.ct_eq(&self.output).into())
    }
}
