//! `apple` (WebAuthn L3 section 8.8): an authority of Apple's certifies the very credential, with a nonce.

use ring::digest::{SHA256, digest};

use super::certificate::Oid;
use super::chain::Chain;
use super::der::{Der, Malformed, Tag};
use super::{Attestation, Kind, Statement};
use crate::webauthn::CeremonyError;

/// 1.2.840.113635.100.8.2.
const NONCE: Oid<'static> = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x08, 0x02];

pub(super) fn check<'a>(statement: &Statement<'a>) -> Result<Attestation<'a>, CeremonyError> {
    const WRONG: CeremonyError = CeremonyError::Attestation;
    let chain = Chain::required(statement.map)?;
    let certificate = chain.first()?;
    // Steps 2 to 4: the nonce is of this very registration.
    let nonce = digest(&SHA256, &statement.message());
    let extension = certificate.extension(NONCE).ok_or(WRONG)?;
    if read_nonce(extension.value) != Ok(nonce.as_ref()) {
        return Err(WRONG);
    }
    // Step 5: the certificate is the credential's.
    if !certificate.is_of(&statement.attested.public_key) {
        return Err(WRONG);
    }
    Ok(Attestation::Certified { kind: Kind::AnonCa, chain, model: Some(statement.attested.aaguid) })
}

/// `SEQUENCE { [1] { OCTET STRING } }`.
fn read_nonce(value: &[u8]) -> Result<&[u8], Malformed> {
    let mut outer = Der::new(value);
    let mut sequence = outer.inside(Tag::SEQUENCE)?;
    outer.end()?;
    let mut tagged = sequence.inside(Tag::context(1))?;
    sequence.end()?;
    let nonce = tagged.value(Tag::OCTET_STRING)?;
    tagged.end()?;
    Ok(nonce)
}
