//! Identifiers: a newtype for every kind, so that one is never taken for another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rng::Rng;
use crate::time::Timestamp;

/// An identifier was not of its kind's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct InvalidId {
    /// The kind that was expected, e.g. `"tenant id"`.
    pub kind: &'static str,
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Draws a new random (version 4) identifier.
            pub fn generate(rng: &dyn Rng) -> Self {
                Self(rng.uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId { kind: $kind })
            }
        }
    )+};
}

impl IdentityId {
    /// Draws a new identifier that is greater than those of milliseconds before (version 7). Whatever is stored by
    /// identity then stands together for those who came together: a thousand of them are a few pages of the
    /// database instead of thousands. It tells when the account was made to whoever sees it.
    pub fn generate_at(rng: &dyn Rng, now: Timestamp) -> Self {
        Self(rng.uuid_at(now))
    }
}

impl SessionId {
    /// No session: of what was granted without one. None has this id, since no random one is all zeros.
    pub const NONE: Self = Self(Uuid::nil());
}

uuid_ids! {
    /// A person (or machine) that signs in; `sub` of its tokens.
    IdentityId = "identity id";
    /// A signed-in session.
    SessionId = "session id";
    /// A customer inside a tenant.
    OrganisationId = "organisation id";
    /// Some members of an organisation.
    GroupId = "group id";
    /// An invitation into an organisation.
    InvitationId = "invitation id";
    /// What a subject (or a client for itself) granted to a client; every token hangs on one.
    GrantId = "grant id";
    /// A chain of rotated refresh tokens.
    FamilyId = "token family id";
    /// A self-service flow in progress.
    FlowId = "flow id";
    /// An admin API key.
    AdminKeyId = "admin key id";
    /// A plugin that was uploaded, until it is deleted; one that is uploaded under its name later is another.
    UploadedPluginId = "uploaded plugin id";
    /// One request, as it appears in logs, spans and error bodies.
    RequestId = "request id";
}

/// A tenant: lower-case letters, digits and inner hyphens, 1 to 63 bytes. Never changes once made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The tenant that answers at the root of the base URL.
    pub const DEFAULT: &'static str = "default";

    /// The tenant that answers at the root of the base URL.
    pub fn default_tenant() -> Self {
        Self(Arc::from(Self::DEFAULT))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let of_form = !text.is_empty()
            && text.len() <= 63
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if of_form { Ok(Self(Arc::from(text))) } else { Err(InvalidId { kind: "tenant id" }) }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            serde::de::Error::custom("a tenant id is 1 to 63 lower-case letters, digits and inner hyphens")
        })
    }
}

/// An OAuth client: 1 to 255 visible ASCII characters (RFC 6749 appendix A.1 allows VSCHAR).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let of_form =
            !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| (0x21..=0x7e).contains(&b));
        if of_form { Ok(Self(Arc::from(text))) } else { Err(InvalidId { kind: "client id" }) }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("a client id is 1 to 255 visible ASCII characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    #[test]
    fn identities_are_in_the_order_of_their_time_and_cannot_be_guessed_from_it() {
        let rng = SeededRng::new(1);
        let at = |millis: i64| IdentityId::generate_at(&rng, Timestamp::from_micros(millis * 1_000));
        let ids = [at(0), at(1_700_000_000_000), at(1_800_000_000_000), at(1_800_000_000_001)];
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7), "{ids:?}");
        // As text, too: so they stand in the database.
        assert!(ids.map(|id| id.to_string()).is_sorted());
        let (one, other) = (at(5).0.as_u128(), at(5).0.as_u128());
        assert_eq!(one >> 80, other >> 80, "the same millisecond");
        assert_ne!(one & u128::from(u64::MAX), other & u128::from(u64::MAX));
    }

    #[test]
    fn tenant_id_takes_only_host_label_form() {
        let long = "a".repeat(64);
        for (text, valid) in [
            ("default", true),
            ("a-1", true),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("A", false),
            ("a/b", false),
            (&long, false),
        ] {
            assert_eq!(text.parse::<TenantId>().is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn client_id_refuses_space_and_control() {
        for (text, valid) in
            [("nexboard", true), ("https://a.example/c", true), ("a b", false), ("a\n", false), ("é", false)]
        {
            assert_eq!(text.parse::<ClientId>().is_ok(), valid, "{text:?}");
        }
    }
}
