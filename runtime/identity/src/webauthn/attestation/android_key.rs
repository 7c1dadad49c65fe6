//! `android-key` (WebAuthn L3 section 8.4): Android's keystore certifies the very credential, and what it lets its key do.

use super::certificate::Oid;
use super::chain::Chain;
use super::der::{Der, Malformed, Tag};
use super::{Attestation, Kind, Statement};
use crate::webauthn::CeremonyError;

/// 1.3.6.1.4.1.11129.2.1.17.
const KEY_DESCRIPTION: Oid<'static> = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x11];

/// Tags of an authorization list: `purpose`, `allApplications`, `origin`.
const PURPOSE: Tag = Tag::context(1);
const ALL_APPLICATIONS: Tag = Tag::context(600);
const ORIGIN: Tag = Tag::context(702);

/// `KM_PURPOSE_SIGN`, `KM_ORIGIN_GENERATED`.
const SIGN: u32 = 2;
const GENERATED: u32 = 0;

pub(super) fn check<'a>(statement: &Statement<'a>) -> Result<Attestation<'a>, CeremonyError> {
    const WRONG: CeremonyError = CeremonyError::Attestation;
    let chain = Chain::required(statement.map)?;
    if !chain.is_signed(statement.integer("alg")?, &statement.message(), statement.bytes("sig")?) {
        return Err(WRONG);
    }
    let certificate = chain.first()?;
    if !certificate.is_of(&statement.attested.public_key) {
        return Err(WRONG);
    }
    let extension = certificate.extension(KEY_DESCRIPTION).ok_or(WRONG)?;
    let description = KeyDescription::read(extension.value).map_err(|Malformed| WRONG)?;
    if description.challenge != statement.client_data_hash || !description.is_of_hardware() {
        return Err(WRONG);
    }
    Ok(Attestation::Certified { kind: Kind::Basic, chain, model: Some(statement.attested.aaguid) })
}

/// What Android's keystore says of a key.
#[derive(Debug)]
struct KeyDescription<'a> {
    challenge: &'a [u8],
    by_software: Authorizations,
    by_hardware: Authorizations,
}

/// An `AuthorizationList`, as far as it is asked for.
#[derive(Debug, Default)]
struct Authorizations {
    is_for_all: bool,
    origin: Option<u32>,
    purposes: Vec<u32>,
}

impl<'a> KeyDescription<'a> {
    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Der::new(value);
        let mut description = outer.inside(Tag::SEQUENCE)?;
        outer.end()?;
        // The version and the security level of the attestation, then of the keystore.
        for tag in [Tag::INTEGER, Tag::ENUMERATED, Tag::INTEGER, Tag::ENUMERATED] {
            description.number(tag)?;
        }
        let challenge = description.value(Tag::OCTET_STRING)?;
        // `uniqueId`.
        description.value(Tag::OCTET_STRING)?;
        let by_software = Authorizations::read(description.inside(Tag::SEQUENCE)?)?;
        let by_hardware = Authorizations::read(description.inside(Tag::SEQUENCE)?)?;
        description.end()?;
        Ok(Self { challenge, by_software, by_hardware })
    }

    /// Whether the key was made where it is, signs, and is one relying party's. Only what the hardware enforces
    /// counts: what the system says of a key, a changed system says too.
    fn is_of_hardware(&self) -> bool {
        let hardware = &self.by_hardware;
        !self.by_software.is_for_all
            && !hardware.is_for_all
            && hardware.origin == Some(GENERATED)
            && hardware.purposes.contains(&SIGN)
    }
}

impl Authorizations {
    fn read(mut list: Der<'_>) -> Result<Self, Malformed> {
        let mut found = Self::default();
        while !list.is_empty() {
            let (tag, value) = list.any()?;
            let mut value = Der::new(value);
            match tag {
                ALL_APPLICATIONS => found.is_for_all = true,
                ORIGIN => found.origin = Some(value.number(Tag::INTEGER)?),
                PURPOSE => {
                    let mut purposes = value.inside(Tag::SET)?;
                    while !purposes.is_empty() {
                        found.purposes.push(purposes.number(Tag::INTEGER)?);
                    }
                }
                // There are new ones with every version of Android.
                _ => {}
            }
        }
        Ok(found)
    }
}
