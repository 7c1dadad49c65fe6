//! Passkeys and security keys: what the ceremonies of WebAuthn Level 3 prove.
//!
//! A credential is a key pair that an authenticator made for this relying party. Registering it (section 7.1) and
//! signing in with it (section 7.2) are ceremonies: the browser hands us what it says (`client_data`) and what the
//! authenticator says (`authenticator_data`) under a signature. What comes is `Unverified…` until its consuming
//! `verify` returns a [`CredentialRecord`], whose counter and flags are then to be kept.
//!
//! | attack | what stops it |
//! |---|---|
//! | a page of somebody else has the person sign | the browser's `origin`, the authenticator's `rpIdHash` |
//! | an answer is sent twice, or comes from another form | the challenge is the form's, and leaves with it |
//! | an answer is kept for later, with a form that stays open | the challenge has an end of its own |
//! | an authenticator is copied | its counter goes back |
//! | a stolen phone signs in alone | user verification, where the key is the only factor |
//! | a frame on another site | `crossOrigin`, `topOrigin` |
//! | hostile CBOR | `cbor` has bounds |
//! | an authenticator that the tenant does not take | `attestation`, where the tenant asks for it |

mod assertion;
mod attestation;
mod authenticator_data;
mod cbor;
mod client_data;
mod cose;
mod options;
mod record;
mod registration;
mod relying_party;

pub use assertion::UnverifiedAssertion;
pub use attestation::{AttestationPolicy, UnusableAnchor, check_anchor};
pub use cose::{ALGORITHMS, PublicKey, UnusableKey};
pub use options::{Asked, creation_options, request_options};
pub use record::{CredentialId, CredentialRecord, KeyKind, StoredKey, UserHandle};
pub use registration::{NewCredential, UnverifiedRegistration};
pub use relying_party::{RelyingParty, UnusableRelyingParty};

use std::fmt;

use primitives::{Rng, base64url};
use serde::{Deserialize, Serialize};

/// The largest answer of a browser; one with an RSA key takes three kilobytes.
const MOST_BYTES: usize = 32 * 1024;

/// A challenge: 256 random bits (section 13.4.3), in base64url. It is one form's and leaves with it, or before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(#[serde(with = "record::text")] Vec<u8>);

impl Challenge {
    /// Draws a challenge.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = vec![0; 32];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// A challenge that was drawn before.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    const fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// In base64url, as browsers take it.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

/// Whether the authenticator must have asked for a PIN, a finger or a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerification {
    /// It must: the key is all that is proven.
    Required,
    /// It need not: the key is proven beside something else.
    Discouraged,
}

impl UserVerification {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Discouraged => "discouraged",
        }
    }
}

/// What a ceremony was begun with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// For whom.
    pub relying_party: &'a RelyingParty,
    /// The challenge of the form.
    pub challenge: &'a Challenge,
    /// Whether the authenticator must know its user.
    pub user_verification: UserVerification,
}

/// Why a ceremony proves nothing. All are the client's; people are told one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// Not what browsers answer.
    #[error("the answer is not a public key credential")]
    Malformed,
    /// `clientDataJSON` is not JSON, or lacks a member.
    #[error("the client data is malformed")]
    ClientData,
    /// Of the other ceremony.
    #[error("the client data is of another ceremony")]
    Type,
    /// Of another form, or used.
    #[error("the challenge is another one")]
    Challenge,
    /// Answered when its time was over.
    #[error("the challenge has expired")]
    Expired,
    /// On another site.
    #[error("the origin is none of the tenant's")]
    Origin,
    /// In a frame.
    #[error("the ceremony took place in a frame of another origin")]
    CrossOrigin,
    /// Authenticator data that ends early, or goes on.
    #[error("the authenticator data is malformed")]
    AuthenticatorData,
    /// For another relying party.
    #[error("the authenticator answered for another relying party")]
    RelyingParty,
    /// Nobody was there.
    #[error("the authenticator saw nobody")]
    UserPresence,
    /// Anybody could have been there.
    #[error("the authenticator does not know its user")]
    UserVerification,
    /// Backup flags that contradict each other, or those at registration.
    #[error("the backup flags contradict each other")]
    Backup,
    /// A key of no algorithm that was offered.
    #[error(transparent)]
    Key(#[from] UnusableKey),
    /// An attestation statement that is not right.
    #[error("the attestation is not right")]
    Attestation,
    /// An attestation of a format that nobody here can verify.
    #[error("an attestation of this format cannot be verified")]
    AttestationFormat,
    /// Nobody attests the authenticator, where somebody must.
    #[error("the authenticator attests nothing, or only itself")]
    Unattested,
    /// Somebody whom the tenant does not trust attests it.
    #[error("the attestation leads to no certificate that is trusted")]
    Untrusted,
    /// Of a model that the tenant does not take.
    #[error("the authenticator's model is not allowed")]
    Model,
    /// A credential of somebody else.
    #[error("the credential is another person's")]
    UserHandle,
    /// The key did not sign.
    #[error("the signature is wrong")]
    Signature,
    /// The counter went back: there may be two of it.
    #[error("the signature counter went back: the authenticator may have been copied")]
    Counter,
}

#[cfg(test)]
mod vectors;
