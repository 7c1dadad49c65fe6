//! Authenticator data (WebAuthn L3 section 6.1): what the authenticator says, under its signature.

use ring::digest::{SHA256, digest};
use uuid::Uuid;

use super::cbor;
use super::cose::PublicKey;
use super::{CeremonyError, Expected, UserVerification};

/// The longest credential id (section 7.1 step 25).
const MOST_ID_BYTES: usize = 1023;

/// Authenticator data, read; only what [`AuthenticatorData::check`] lets pass counts.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    pub(super) rp_id_hash: &'a [u8; 32],
    pub(super) flags: Flags,
    pub(super) sign_count: u32,
    pub(super) attested: Option<Attested<'a>>,
}

/// The flags (section 6.1, table 5).
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const fn user_present(self) -> bool {
        self.0 & 0x01 != 0
    }

    pub(super) const fn user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    pub(super) const fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    pub(super) const fn backup_state(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether it says that somebody was there and that a credential follows, and nothing else: all that a U2F key can
    /// say.
    pub(super) const fn is_only_present_and_attested(self) -> bool {
        self.0 == 0x41
    }

    const fn has_attested(self) -> bool {
        self.0 & 0x40 != 0
    }

    const fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// Attested credential data (section 6.5.1).
#[derive(Debug)]
pub(super) struct Attested<'a> {
    pub(super) aaguid: Uuid,
    pub(super) id: &'a [u8],
    pub(super) public_key: PublicKey,
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, CeremonyError> {
        const BROKEN: CeremonyError = CeremonyError::AuthenticatorData;
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(BROKEN)?;
        let (flags, rest) = rest.split_first().ok_or(BROKEN)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(BROKEN)?;
        let flags = Flags(*flags);
        let mut attested = None;
        if flags.has_attested() {
            let (found, after) = Attested::read(rest)?;
            (attested, rest) = (Some(found), after);
        }
        if flags.has_extensions() {
            // Nothing was asked of extensions; what came unasked is passed over, as long as it is one map.
            (_, rest) = cbor::read_first_map(rest).map_err(|_| BROKEN)?;
        }
        if !rest.is_empty() {
            return Err(BROKEN);
        }
        Ok(Self { rp_id_hash, flags, sign_count: u32::from_be_bytes(*sign_count), attested })
    }

    /// Sections 7.1 and 7.2: the steps on the flags that both ceremonies share.
    pub(super) fn check(&self, expected: &Expected<'_>) -> Result<(), CeremonyError> {
        // 7.1 step 14, 7.2 step 15.
        if self.rp_id_hash != digest(&SHA256, expected.relying_party.id().as_bytes()).as_ref() {
            return Err(CeremonyError::RelyingParty);
        }
        // 7.1 step 15, 7.2 step 16.
        if !self.flags.user_present() {
            return Err(CeremonyError::UserPresence);
        }
        // 7.1 step 16, 7.2 step 17.
        if expected.user_verification == UserVerification::Required && !self.flags.user_verified() {
            return Err(CeremonyError::UserVerification);
        }
        // 7.1 step 17, 7.2 step 18. What cannot be backed up is not.
        if self.flags.backup_state() && !self.flags.backup_eligible() {
            return Err(CeremonyError::Backup);
        }
        Ok(())
    }
}

impl<'a> Attested<'a> {
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), CeremonyError> {
        const BROKEN: CeremonyError = CeremonyError::AuthenticatorData;
        let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(BROKEN)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(BROKEN)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if !(1..=MOST_ID_BYTES).contains(&length) {
            return Err(BROKEN);
        }
        let (id, rest) = rest.split_at_checked(length).ok_or(BROKEN)?;
        let (map, after) = cbor::read_first_map(rest).map_err(|_| BROKEN)?;
        let cose = rest.get(..rest.len() - after.len()).ok_or(BROKEN)?;
        // 7.1 step 20: the algorithm is one that was offered.
        let public_key = PublicKey::read(&map, cose)?;
        Ok((Self { aaguid: Uuid::from_bytes(*aaguid), id, public_key }, after))
    }
}
