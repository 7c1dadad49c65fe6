//! Credential records (WebAuthn L3 section 4): what is kept of a credential.

use std::fmt;
use std::str::FromStr;

use primitives::{IdentityId, Timestamp, base64url};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PublicKey;

/// The id that an authenticator gave a credential: 1 to 1023 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialId(#[serde(with = "text")] Vec<u8>);

impl CredentialId {
    /// The id of these bytes.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=1023).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// In hexadecimal, as forms name it.
    pub fn hex(&self) -> String {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
        self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(digit).collect()
    }
}

/// In base64url, as browsers and the store name it.
impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl FromStr for CredentialId {
    type Err = super::CeremonyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base64url::decode(text).and_then(Self::new).ok_or(super::CeremonyError::Malformed)
    }
}

/// How an authenticator knows whose a credential is (section 5.4.3): 1 to 64 bytes that say nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserHandle(#[serde(with = "text")] Vec<u8>);

impl UserHandle {
    /// The handle of somebody who has none yet.
    pub fn of(identity: IdentityId) -> Self {
        Self(identity.0.as_bytes().to_vec())
    }

    /// The handle of these bytes.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for UserHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// A passkey: signs in alone, and is found without a name.
    Passkey,
    /// A security key beside something else.
    SecondFactor,
    /// A security key that signs in alone once it is known who it is.
    Passwordless,
}

impl KeyKind {
    /// As it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::SecondFactor => "second_factor",
            Self::Passwordless => "passwordless",
        }
    }

    /// The kind that is kept so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Passkey, Self::SecondFactor, Self::Passwordless].into_iter().find(|kind| kind.as_str() == text)
    }

    /// Its type in the flow API.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::SecondFactor | Self::Passwordless => "webauthn",
        }
    }

    /// Whether it signs in alone.
    pub const fn is_first_factor(self) -> bool {
        matches!(self, Self::Passkey | Self::Passwordless)
    }
}

/// A credential that was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRecord {
    /// Its id.
    pub id: CredentialId,
    /// What it is for.
    pub kind: KeyKind,
    /// What its owner calls it; empty if they do not.
    pub display_name: String,
    /// How the authenticator knows its owner.
    pub user_handle: UserHandle,
    /// What verifies its signatures.
    pub public_key: PublicKey,
    /// The highest counter that was seen.
    pub sign_count: u32,
    /// Whether its user was ever verified.
    pub uv_initialized: bool,
    /// Whether it may be copied to other devices of its owner.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backup_state: bool,
    /// How the authenticator is reached, as the browser said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
    /// The model of the authenticator: somebody trusted vouches for it where `attestation` is `basic`, `attca` or `anonca`,
    /// otherwise it is the authenticator's own word.
    pub aaguid: Uuid,
    /// Who attested it: `none`, `self`, `basic`, `attca` or `anonca`; `unverified` is somebody whom nobody asked for.
    pub attestation: String,
}

/// A credential as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Whose.
    pub identity: IdentityId,
    /// The credential.
    pub record: CredentialRecord,
    /// Counts its changes.
    pub version: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed, which it does whenever it is used.
    pub updated_at: Timestamp,
}

/// Bytes as base64url text.
pub(super) mod text {
    use primitives::base64url;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::webauthn) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(bytes))
    }

    pub(in crate::webauthn) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64url::decode(text).ok_or_else(|| serde::de::Error::custom("not base64url"))
    }
}
