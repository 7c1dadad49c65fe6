//! Attestation objects (WebAuthn L3 sections 6.5.4 and 8): `none`, and `packed` signed by the credential itself.
//!
//! An attestation that certificates stand behind says which model an authenticator is. It is never asked for
//! (`attestation: "none"`), so one that comes all the same is refused rather than passed over: it would be kept as if
//! it had been verified.

use super::CeremonyError;
use super::authenticator_data::{Attested, AuthenticatorData};
use super::cbor::{self, Item, Map};

/// An attestation object, read.
#[derive(Debug)]
pub(super) struct AttestationObject<'a> {
    format: &'a str,
    statement: Map<'a>,
    pub(super) authenticator_data: &'a [u8],
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

    /// Section 7.1 steps 22 to 25: the statement is right, and of a kind that is trusted. Returns its type.
    pub(super) fn check(
        &self,
        attested: &Attested<'_>,
        client_data_hash: &[u8],
    ) -> Result<&'static str, CeremonyError> {
        match self.format {
            // Section 8.7.
            "none" if self.statement.is_empty() => Ok("none"),
            "none" => Err(CeremonyError::Attestation),
            "packed" => {
                if self.statement.text("x5c").is_some() || self.statement.text("ecdaaKeyId").is_some() {
                    return Err(CeremonyError::AttestationUnasked);
                }
                // Section 8.2, self attestation: `alg` is the credential's, and its key has signed.
                let alg = self.statement.text("alg").and_then(Item::as_integer);
                let signature = self.statement.text("sig").and_then(Item::as_bytes);
                let signature = signature.ok_or(CeremonyError::Attestation)?;
                let message = [self.authenticator_data, client_data_hash].concat();
                if alg == Some(attested.public_key.algorithm())
                    && attested.public_key.is_signed(&message, signature)
                {
                    Ok("self")
                } else {
                    Err(CeremonyError::Attestation)
                }
            }
            _ => Err(CeremonyError::AttestationUnasked),
        }
    }
}

impl<'a> AttestationObject<'a> {
    /// The authenticator data, with a credential in it.
    pub(super) fn data(&self) -> Result<AuthenticatorData<'a>, CeremonyError> {
        AuthenticatorData::read(self.authenticator_data)
    }
}
