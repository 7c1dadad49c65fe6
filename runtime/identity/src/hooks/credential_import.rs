//! What a plugin says of a password that was set elsewhere.

use primitives::Secret;

use super::Origin;
use crate::identity::Identity;
use crate::password::PlainPassword;

/// A password that only a plugin can verify.
///
/// Attack: whoever guesses tells by the time that the plugin takes which accounts there are, or which have not moved
/// yet. So it is asked about every sign-in that fails, with a password that nobody typed.
#[derive(Debug, Clone)]
pub struct ImportAttempt<'a> {
    /// What was typed to say who it is.
    pub identifier: String,
    /// The password.
    pub password: PlainPassword,
    /// What was kept of the credential elsewhere.
    pub credential: Option<Secret<String>>,
    /// Whose account it is; none if the answer does not matter.
    pub identity: Option<&'a Identity>,
    /// From where.
    pub origin: Origin,
}

/// Whether it is the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportVerdict {
    /// It is.
    Correct,
    /// It is not, or no plugin knows.
    Wrong,
}
