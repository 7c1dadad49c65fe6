//! `packed` (WebAuthn L3 section 8.2): signed by a certificate of the model, or by the credential itself.

use super::certificate::{Certificate, Oid};
use super::chain::Chain;
use super::{Attestation, Kind, Statement};
use crate::webauthn::CeremonyError;

/// `id-at-countryName`, `id-at-organizationName`, `id-at-organizationalUnitName`, `id-at-commonName`.
const COUNTRY: Oid<'static> = &[0x55, 0x04, 0x06];
const ORGANIZATION: Oid<'static> = &[0x55, 0x04, 0x0a];
const ORGANIZATIONAL_UNIT: Oid<'static> = &[0x55, 0x04, 0x0b];
const COMMON_NAME: Oid<'static> = &[0x55, 0x04, 0x03];

pub(super) fn check<'a>(statement: &Statement<'a>) -> Result<Attestation<'a>, CeremonyError> {
    const WRONG: CeremonyError = CeremonyError::Attestation;
    let (algorithm, signature) = (statement.integer("alg")?, statement.bytes("sig")?);
    let message = statement.message();
    // ECDAA is of drafts; Level 3 has none.
    if statement.has("ecdaaKeyId") {
        return Err(WRONG);
    }
    let Some(chain) = Chain::read(statement.map)? else {
        // Self attestation: `alg` is the credential's, and its key has signed.
        let key = &statement.attested.public_key;
        let is_own = algorithm == key.algorithm() && key.is_signed(&message, signature);
        return if is_own { Ok(Attestation::OfItself) } else { Err(WRONG) };
    };
    if !chain.is_signed(algorithm, &message, signature) {
        return Err(WRONG);
    }
    let certificate = chain.first()?;
    check_certificate(&certificate)?;
    if !certificate.names_model(statement.attested.aaguid) {
        return Err(WRONG);
    }
    Ok(Attestation::Certified { kind: Kind::Basic, chain, model: Some(statement.attested.aaguid) })
}

/// Section 8.2.1.
fn check_certificate(certificate: &Certificate<'_>) -> Result<(), CeremonyError> {
    let mut of = [COUNTRY, ORGANIZATION, ORGANIZATIONAL_UNIT, COMMON_NAME].map(|part| {
        let mut found = certificate.subject.iter().filter(move |(id, _)| *id == part).map(|(_, text)| *text);
        // Once, so that nobody reads another one.
        found.next().filter(|text| !text.is_empty() && found.next().is_none())
    });
    let [country, organization, unit, name] = &mut of;
    let is_right = certificate.is_version_3()
        && country.is_some_and(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && organization.is_some()
        && *unit == Some("Authenticator Attestation")
        && name.is_some()
        && certificate.is_no_authority();
    if is_right { Ok(()) } else { Err(CeremonyError::Attestation) }
}
