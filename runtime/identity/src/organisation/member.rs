//! Who belongs to an organisation, and what they may do in it.

use std::fmt;
use std::str::FromStr;

use primitives::{IdentityId, OrganisationId, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

use super::{OrganisationError, Provenance};

/// What somebody is in an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Role {
    /// Manages everybody, other owners too.
    Owner,
    /// Manages everybody but owners.
    Admin,
    /// Manages nobody.
    Member,
    /// A word of the customer's own; it manages nobody.
    Other(String),
}

/// The longest role, in bytes.
const MAX_ROLE: usize = 63;

impl Role {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Other(word) => word,
        }
    }

    /// Whether it manages members.
    pub const fn administers(&self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = OrganisationError;

    /// Attack: `Owner` or `owner ` looks like `owner` and is not, in somebody else's code. So a role is lower-case ASCII.
    fn from_str(text: &str) -> Result<Self, OrganisationError> {
        let of_form = !text.is_empty()
            && text.len() <= MAX_ROLE
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.:".contains(&b));
        match text {
            "owner" => Ok(Self::Owner),
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            other if of_form => Ok(Self::Other(other.to_owned())),
            _ => Err(OrganisationError::Malformed(
                "a role is 1 to 63 lower-case letters, digits and any of `-_.:`",
            )),
        }
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Somebody who belongs to an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// To which.
    pub organisation: OrganisationId,
    /// Who.
    pub identity: IdentityId,
    /// What they are in it.
    pub role: Role,
    /// By what they belong to it.
    pub provenance: Provenance,
    /// Since when.
    pub created_at: Timestamp,
    /// When that last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_words_that_look_like_no_other() {
        for (text, expect) in [
            ("owner", Some(Role::Owner)),
            ("admin", Some(Role::Admin)),
            ("member", Some(Role::Member)),
            ("billing:read", Some(Role::Other("billing:read".to_owned()))),
            ("Owner", None),
            ("owner ", None),
            ("оwner", None),
            ("", None),
            (&"a".repeat(64), None),
        ] {
            assert_eq!(text.parse::<Role>().ok(), expect, "{text:?}");
        }
    }
}
