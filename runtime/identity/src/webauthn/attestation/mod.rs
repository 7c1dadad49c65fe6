//! Attestation objects (WebAuthn L3 sections 6.5 and 8): what an authenticator says of itself, and who stands behind it.
//!
//! Each format has its file, with the checks of its section. What they return says who has attested; whether that is
//! enough is the tenant's `policy`. A format that is not known is refused, for it would be kept as if it had been
//! verified.
//!
//! | attack | what stops it |
//! |---|---|
//! | the attestation of another key, form or site | its signature is over both, or its certificate is the credential's |
//! | software says that it is a security key | its certificates lead to an anchor of the operator's |
//! | a model says that it is another one | the certificate's AAGUID; where nobody signs a model, none is allowed |
//! | a certificate of another purpose | the fields that each format asks for |
//! | hostile CBOR, DER, structures of TPMs | readers that borrow, with bounds |

mod android_key;
mod apple;
mod certificate;
mod chain;
mod der;
mod fido_u2f;
mod packed;
mod policy;
mod tpm;
mod tpm_structures;

use uuid::Uuid;

pub use policy::{AttestationPolicy, UnusableAnchor, check_anchor};

use self::chain::Chain;
use super::CeremonyError;
use super::authenticator_data::{Attested, AuthenticatorData};
use super::cbor::{self, Item, Map};

/// An attestation object, read.
#[derive(Debug)]
pub(super) struct AttestationObject<'a> {
    format: &'a str,
    statement: Map<'a>,
    authenticator_data: &'a [u8],
}

/// A statement with all that it is about: what the formats check.
#[derive(Debug)]
struct Statement<'a> {
    map: &'a Map<'a>,
    authenticator_data: &'a [u8],
    client_data_hash: &'a [u8],
    data: &'a AuthenticatorData<'a>,
    attested: &'a Attested<'a>,
}

/// Who attests a credential, by a statement that is right.
#[derive(Debug)]
enum Attestation<'a> {
    /// Nobody.
    Nobody,
    /// Its own key.
    OfItself,
    /// Whoever these certificates lead to.
    Certified {
        kind: Kind,
        chain: Chain<'a>,
        /// The model that is attested, if any is.
        model: Option<Uuid>,
    },
}

/// What certificates stand for (section 6.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A model.
    Basic,
    /// A TPM, by an authority.
    AttCa,
    /// A single credential, by an authority that does not say whose.
    AnonCa,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::AttCa => "attca",
            Self::AnonCa => "anonca",
        }
    }
}

impl<'a> AttestationObject<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, CeremonyError> {
        const BROKEN: CeremonyError = CeremonyError::Attestation;
        let map = cbor::read_map(bytes).map_err(|_| BROKEN)?;
        Ok(Self {
            format: map.text("fmt").and_then(Item::as_text).ok_or(BROKEN)?,
            statement: map.text("attStmt").and_then(Item::as_map).cloned().ok_or(BROKEN)?,
            authenticator_data: map.text("authData").and_then(Item::as_bytes).ok_or(BROKEN)?,
        })
    }

    /// The authenticator data, with a credential in it.
    pub(super) fn data(&self) -> Result<AuthenticatorData<'a>, CeremonyError> {
        AuthenticatorData::read(self.authenticator_data)
    }

    /// Section 7.1 steps 21 to 24: the statement is right, and the policy takes it.
    pub(super) fn check(
        &self,
        (data, attested): (&AuthenticatorData<'_>, &Attested<'_>),
        client_data_hash: &[u8],
        policy: &AttestationPolicy<'_>,
    ) -> Result<Judged, CeremonyError> {
        let statement = Statement {
            map: &self.statement,
            authenticator_data: self.authenticator_data,
            client_data_hash,
            data,
            attested,
        };
        let attestation = match self.format {
            // Section 8.7.
            "none" if self.statement.is_empty() => Attestation::Nobody,
            "none" => return Err(CeremonyError::Attestation),
            "packed" => packed::check(&statement)?,
            "tpm" => tpm::check(&statement)?,
            "android-key" => android_key::check(&statement)?,
            "fido-u2f" => fido_u2f::check(&statement)?,
            "apple" => apple::check(&statement)?,
            // `android-safetynet` (section 8.5) is gone with the service that it asks: nobody can verify one.
            _ => return Err(CeremonyError::AttestationFormat),
        };
        policy.judge(&attestation, attested.aaguid)
    }
}

/// What is kept of an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    /// `none`, `self`, `basic`, `attca` or `anonca`; `unverified` is a right statement that nobody trusted stands
    /// behind.
    pub(super) kind: &'static str,
    /// The model; nil where the format has none.
    pub(super) aaguid: Uuid,
}

impl<'a> Statement<'a> {
    /// What most formats sign.
    fn message(&self) -> Vec<u8> {
        [self.authenticator_data, self.client_data_hash].concat()
    }

    fn has(&self, name: &str) -> bool {
        self.map.text(name).is_some()
    }

    fn bytes(&self, name: &str) -> Result<&'a [u8], CeremonyError> {
        self.map.text(name).and_then(Item::as_bytes).ok_or(CeremonyError::Attestation)
    }

    fn integer(&self, name: &str) -> Result<i64, CeremonyError> {
        self.map.text(name).and_then(Item::as_integer).ok_or(CeremonyError::Attestation)
    }

    fn text(&self, name: &str) -> Result<&'a str, CeremonyError> {
        self.map.text(name).and_then(Item::as_text).ok_or(CeremonyError::Attestation)
    }
}

#[cfg(test)]
mod tests;
