//! Passwords that are known from breaches (NIST SP 800-63B section 5.1.1.2).
//!
//! | attack | what stands against it |
//! |---|---|
//! | whoever knows the breaches, or reads along, learns the password | by type: only a [`HashPrefix`] can be asked for, 20 of 160 bits of its hash |
//! | the size of the answer tells which prefix was asked for | the server is asked to pad it (`Add-Padding`); what is padding counts for nothing |
//! | the server is slow, huge, or answers with something else | a deadline, a bound, and [`BreachRange::parse`], which takes nothing that is no range |
//! | the server is down, and holds everybody up | it is left alone for a while ([`RangeCache`]); what becomes of the password is a setting |
//! | a tenant's settings name a file of the node, and its words come out | the list is named in the node's file alone, and nothing of it is told |
//! | nobody gets in any more since their password is in a breach | proving a password is never checked: only what makes a new hash asks |

mod cache;
mod list;
mod range;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use primitives::Origin;
use sha1::{Digest as _, Sha1};
use zeroize::{Zeroize as _, ZeroizeOnDrop};

pub use cache::RangeCache;
pub use list::{UnusableList, find_in_list};
pub use range::{BreachRange, MalformedRange};

use super::{Busy, HashedPassword, PlainPassword, PolicyViolation, UnusableHash};
use crate::flow::Room;
use crate::settings::BreachedSettings;

/// Hexadecimal digits of a SHA-1.
const DIGITS: usize = 40;

/// The SHA-1 of a password, by which lists of breaches know it. Whoever has it can guess the password quickly.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordDigest([u8; 20]);

impl Drop for PasswordDigest {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for PasswordDigest {}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest(…)")
    }
}

impl PasswordDigest {
    /// The digest of a password as it was typed, in UTF-8.
    pub fn of(password: &PlainPassword) -> Self {
        Self(Sha1::digest(password.expose().as_bytes()).into())
    }

    /// What may leave of it.
    pub const fn prefix(&self) -> HashPrefix {
        let [a, b, c, ..] = self.0;
        HashPrefix([a, b, c & 0xf0])
    }

    /// Its digits, in upper case.
    fn digits(&self) -> [u8; DIGITS] {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        let mut digits = [0; DIGITS];
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (digit, nibble) in digits.iter_mut().zip(nibbles) {
            *digit = HEX.get(usize::from(nibble)).copied().unwrap_or_default();
        }
        digits
    }
}

/// The first five hexadecimal digits of a password's SHA-1: all of it that anybody else is told. Some thousand known
/// passwords and untold others share each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashPrefix([u8; 3]);

impl fmt::Display for HashPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:02X}{b:02X}{:X}", c >> 4)
    }
}

/// How often a password was found in breaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrences {
    /// Never.
    Never,
    /// So often.
    Times(u64),
    /// At least once: a list without counts has it.
    Uncounted,
}

impl Occurrences {
    fn check(self, max: u32) -> Result<(), PolicyViolation> {
        match self {
            Self::Times(times) if times > u64::from(max) => {
                Err(PolicyViolation::Breached { times: Some(times) })
            }
            Self::Uncounted => Err(PolicyViolation::Breached { times: None }),
            Self::Never | Self::Times(_) => Ok(()),
        }
    }
}

/// Nobody can tell whether a password is known. The cause is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it could not be checked whether the password is known from breaches")]
pub struct BreachesUnknown;

/// Knows passwords from breaches: a server, which is told a prefix, and a list of the operator's own.
pub trait Breaches: Send + Sync {
    /// The hashes with a prefix that a server knows.
    fn load_range<'a>(
        &'a self,
        host: &'a Origin,
        prefix: HashPrefix,
    ) -> BoxFuture<'a, Result<Arc<BreachRange>, BreachesUnknown>>;

    /// Looks a hash up in a file.
    fn find_listed<'a>(
        &'a self,
        list: &'a Path,
        digest: PasswordDigest,
    ) -> BoxFuture<'a, Result<Occurrences, BreachesUnknown>>;
}

/// For who asks nobody: nobody can tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBreaches;

impl Breaches for NoBreaches {
    fn load_range<'a>(
        &'a self,
        _: &'a Origin,
        _: HashPrefix,
    ) -> BoxFuture<'a, Result<Arc<BreachRange>, BreachesUnknown>> {
        Box::pin(std::future::ready(Err(BreachesUnknown)))
    }

    fn find_listed<'a>(
        &'a self,
        _: &'a Path,
        _: PasswordDigest,
    ) -> BoxFuture<'a, Result<Occurrences, BreachesUnknown>> {
        Box::pin(std::future::ready(Err(BreachesUnknown)))
    }
}

impl Room<'_> {
    /// Hashes a password that somebody sets, unless it is known from breaches. Whatever sets one comes through here; it has
    /// counted the attempt before, since a server may be asked.
    pub(crate) async fn hash_new<E: From<Busy> + From<UnusableHash>>(
        self,
        password: PlainPassword,
    ) -> Result<Result<HashedPassword, PolicyViolation>, E> {
        if let Err(violation) = check(self.breaches, &self.settings.password.breached, &password).await {
            return Ok(Err(violation));
        }
        Ok(Ok(self.hashing.hash(password, self.settings.argon2).await??))
    }
}

/// The list first: of what it knows nobody else is told anything.
async fn check(
    breaches: &dyn Breaches,
    settings: &BreachedSettings,
    password: &PlainPassword,
) -> Result<(), PolicyViolation> {
    if settings.host.is_none() && settings.list.is_none() {
        return Ok(());
    }
    let digest = PasswordDigest::of(password);
    if let Some(list) = &settings.list {
        // No network error: the operator's own file is there, or is put there.
        let listed = breaches.find_listed(list, digest.clone()).await;
        listed.map_err(|BreachesUnknown| PolicyViolation::Unchecked)?.check(settings.max_breaches)?;
    }
    let Some(host) = &settings.host else { return Ok(()) };
    match breaches.load_range(host, digest.prefix()).await {
        Ok(range) => range.find(&digest).check(settings.max_breaches),
        Err(BreachesUnknown) if settings.ignore_network_errors => Ok(()),
        Err(BreachesUnknown) => Err(PolicyViolation::Unchecked),
    }
}

/// The number of a hexadecimal digit.
const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A count as it is written after a colon.
fn count(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_five_digits_of_the_hash() {
        // RFC 3174 has no such vector; `printf password | sha1sum` does.
        let digest = PasswordDigest::of(&PlainPassword::new("password"));
        assert_eq!(digest.digits().as_slice(), b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        assert_eq!(digest.prefix().to_string(), "5BAA6");
        assert_eq!(format!("{digest:?}"), "PasswordDigest(…)");
        // Two passwords of one prefix are one question.
        let mut other = digest.clone();
        other.0[2] ^= 0x0f;
        other.0[19] ^= 0xff;
        assert_eq!(other.prefix(), digest.prefix());
        other.0[2] ^= 0x10;
        assert_ne!(other.prefix(), digest.prefix());
    }

    #[test]
    fn a_password_may_have_been_found_as_often_as_the_tenant_says() {
        for (found, max, expect) in [
            (Occurrences::Never, 0, Ok(())),
            (Occurrences::Times(0), 0, Ok(())),
            (Occurrences::Times(1), 0, Err(PolicyViolation::Breached { times: Some(1) })),
            (Occurrences::Times(5), 5, Ok(())),
            (Occurrences::Times(6), 5, Err(PolicyViolation::Breached { times: Some(6) })),
            (
                Occurrences::Times(u64::MAX),
                u32::MAX,
                Err(PolicyViolation::Breached { times: Some(u64::MAX) }),
            ),
            (Occurrences::Uncounted, u32::MAX, Err(PolicyViolation::Breached { times: None })),
        ] {
            assert_eq!(found.check(max), expect, "{found:?} of {max}");
        }
    }
}
