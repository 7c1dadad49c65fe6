//! `tpm` (WebAuthn L3 section 8.3): a TPM 2.0 certifies that it has the credential's key.

use ring::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

use super::certificate::{Certificate, EXTENDED_KEY_USAGE, Oid, SUBJECT_ALT_NAME, name};
use super::chain::Chain;
use super::der::{Der, Malformed, Tag};
use super::tpm_structures::{CertifyInfo, Public, PublicId};
use super::{Attestation, Kind, Statement};
use crate::webauthn::CeremonyError;
use crate::webauthn::cose::{ES256, Key, PublicKey, RS256};

/// `tcg-kp-AIKCertificate`, 2.23.133.8.3.
const AIK_CERTIFICATE: Oid<'static> = &[0x67, 0x81, 0x05, 0x08, 0x03];
/// `tcg-at-tpmManufacturer`, `tcg-at-tpmModel`, `tcg-at-tpmVersion`: 2.23.133.2.1 to 3.
const MANUFACTURER: Oid<'static> = &[0x67, 0x81, 0x05, 0x02, 0x01];
const MODEL: Oid<'static> = &[0x67, 0x81, 0x05, 0x02, 0x02];
const VERSION: Oid<'static> = &[0x67, 0x81, 0x05, 0x02, 0x03];

pub(super) fn check<'a>(statement: &Statement<'a>) -> Result<Attestation<'a>, CeremonyError> {
    const WRONG: CeremonyError = CeremonyError::Attestation;
    if statement.text("ver")? != "2.0" {
        return Err(WRONG);
    }
    let (algorithm, signature) = (statement.integer("alg")?, statement.bytes("sig")?);
    // The key that the TPM names is the credential's.
    let public_area = statement.bytes("pubArea")?;
    let public = Public::read(public_area).ok_or(WRONG)?;
    if !is_key(&public, &statement.attested.public_key) {
        return Err(WRONG);
    }
    // What the TPM certified is that key, for this registration; that it is a certification (`magic` and `type`) was
    // read.
    let cert_info = statement.bytes("certInfo")?;
    let info = CertifyInfo::read(cert_info).ok_or(WRONG)?;
    let hash = hash_of_signature(algorithm).ok_or(WRONG)?;
    if info.extra_data != digest(hash, &statement.message()).as_ref() {
        return Err(WRONG);
    }
    let name_hash = hash_of_name(public.name_algorithm).ok_or(WRONG)?;
    let name = [&public.name_algorithm.to_be_bytes()[..], digest(name_hash, public_area).as_ref()].concat();
    if info.name != name {
        return Err(WRONG);
    }
    // And the attestation key has signed it.
    let chain = Chain::required(statement.map)?;
    if !chain.is_signed(algorithm, cert_info, signature) {
        return Err(WRONG);
    }
    let certificate = chain.first()?;
    check_certificate(&certificate)?;
    if !certificate.names_model(statement.attested.aaguid) {
        return Err(WRONG);
    }
    Ok(Attestation::Certified { kind: Kind::AttCa, chain, model: Some(statement.attested.aaguid) })
}

fn is_key(public: &Public<'_>, key: &PublicKey) -> bool {
    match (&public.id, key.key()) {
        (PublicId::P256 { x, y }, Key::Es256(point)) => {
            let point = point.split_first().map(|(_, coordinates)| coordinates.split_at(32));
            point.is_some_and(|(known_x, known_y)| *x == known_x && *y == known_y)
        }
        (PublicId::Rsa { exponent, modulus }, Key::Rs256 { n, e }) => {
            let e = e.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
            *exponent == e && *modulus == n.as_slice()
        }
        _ => false,
    }
}

/// The hash of a signature algorithm, by its COSE number.
fn hash_of_signature(algorithm: i64) -> Option<&'static Algorithm> {
    match algorithm {
        ES256 | RS256 => Some(&SHA256),
        -35 | -258 => Some(&SHA384),
        -259 => Some(&SHA512),
        _ => None,
    }
}

/// The hash of a `TPM_ALG_ID`. SHA-1 (4) proves nothing.
fn hash_of_name(algorithm: u16) -> Option<&'static Algorithm> {
    match algorithm {
        0x000b => Some(&SHA256),
        0x000c => Some(&SHA384),
        0x000d => Some(&SHA512),
        _ => None,
    }
}

/// Section 8.3.1.
fn check_certificate(certificate: &Certificate<'_>) -> Result<(), CeremonyError> {
    let names_device = certificate
        .extension(SUBJECT_ALT_NAME)
        .is_some_and(|extension| matches!(device_of(extension.value), Ok(true)));
    let is_for_attestation = certificate
        .extension(EXTENDED_KEY_USAGE)
        .is_some_and(|extension| matches!(has_purpose(extension.value), Ok(true)));
    let is_right = certificate.is_version_3()
        && certificate.subject.is_empty()
        && names_device
        && is_for_attestation
        && certificate.is_no_authority();
    if is_right { Ok(()) } else { Err(CeremonyError::Attestation) }
}

/// Whether a `SubjectAltName` has a directory name that says manufacturer, model and version of a TPM (TPMv2-EK-Profile
/// section 3.2.9).
fn device_of(value: &[u8]) -> Result<bool, Malformed> {
    let mut outer = Der::new(value);
    let mut names = outer.inside(Tag::SEQUENCE)?;
    outer.end()?;
    while !names.is_empty() {
        let (tag, value) = names.any()?;
        if tag != Tag::context(4) {
            continue;
        }
        let mut directory = Der::new(value);
        let parts = name(directory.inside(Tag::SEQUENCE)?)?;
        directory.end()?;
        let of = |part| parts.iter().find(|(id, _)| *id == part).map(|(_, text)| *text);
        let is_id = |text: &str| {
            text.strip_prefix("id:")
                .is_some_and(|id| id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        let is_text = |text: &str| !text.is_empty();
        return Ok(of(MANUFACTURER).is_some_and(is_id)
            && of(MODEL).is_some_and(is_text)
            && of(VERSION).is_some_and(is_text));
    }
    Ok(false)
}

fn has_purpose(value: &[u8]) -> Result<bool, Malformed> {
    let mut outer = Der::new(value);
    let mut purposes = outer.inside(Tag::SEQUENCE)?;
    outer.end()?;
    let mut found = false;
    while !purposes.is_empty() {
        found |= purposes.value(Tag::OBJECT_IDENTIFIER)? == AIK_CERTIFICATE;
    }
    Ok(found)
}
