//! What a password must be.

use crate::identifier::Identifier;
use crate::password::PlainPassword;
use crate::settings::PasswordPolicy;

/// Why a password is refused. The person's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyViolation {
    /// Too short.
    #[error("the password must be at least {min} characters long")]
    TooShort {
        /// The fewest characters.
        min: u32,
        /// What was given.
        actual: u32,
    },
    /// Too long.
    #[error("the password must be at most {max} bytes long")]
    TooLong {
        /// The most bytes.
        max: u32,
        /// What was given.
        actual: u32,
    },
    /// It resembles the identifier.
    #[error("the password is too similar to the identifier")]
    SimilarToIdentifier,
    /// It is known from breaches.
    #[error("the password was found in data breaches")]
    Breached {
        /// How often, where that is known.
        times: Option<u64>,
    },
    /// Whether it is known from breaches nobody could tell. Not the person's to mend.
    #[error("it could not be checked whether the password is known from breaches")]
    Unchecked,
}

/// Checks a new password against the policy and the identifiers of its account.
pub fn check_policy(
    password: &PlainPassword,
    identifiers: &[Identifier],
    policy: &PasswordPolicy,
) -> Result<(), PolicyViolation> {
    let text = password.expose();
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if length < policy.min_length {
        return Err(PolicyViolation::TooShort { min: policy.min_length, actual: length });
    }
    let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if bytes > policy.max_bytes {
        return Err(PolicyViolation::TooLong { max: policy.max_bytes, actual: bytes });
    }
    if policy.refuse_similar_to_identifier && identifiers.iter().any(|identifier| similar(text, identifier)) {
        return Err(PolicyViolation::SimilarToIdentifier);
    }
    Ok(())
}

/// The identifier (or the local part of an address) makes up at least half of the password, or the
/// password is a part of the identifier.
fn similar(password: &str, identifier: &Identifier) -> bool {
    let password = password.to_lowercase();
    let whole = identifier.as_str();
    let local = whole.split_once('@').map_or(whole, |(local, _)| local);
    whole.contains(&password)
        || [whole, local]
            .iter()
            .any(|part| part.len() >= 4 && password.contains(part) && part.len() * 2 >= password.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, expect: Result<(), PolicyViolation>) {
        let identifiers = [Identifier::parse("Lovelace@example.com").unwrap()];
        let found = check_policy(&PlainPassword::new(password), &identifiers, &PasswordPolicy::default());
        assert_eq!(found, expect, "{password}");
    }

    #[test]
    fn length_counts_characters_and_caps_bytes() {
        check("1234567", Err(PolicyViolation::TooShort { min: 8, actual: 7 }));
        check("пароль", Err(PolicyViolation::TooShort { min: 8, actual: 6 }));
        check("correct horse", Ok(()));
        check(&"x".repeat(1025), Err(PolicyViolation::TooLong { max: 1024, actual: 1025 }));
    }

    #[test]
    fn password_must_not_resemble_the_identifier() {
        for password in ["lovelace1", "LOVELACE@example.com", "example.com", "xlovelacex"] {
            check(password, Err(PolicyViolation::SimilarToIdentifier));
        }
        check("lovelace was the first programmer", Ok(()));
    }
}
