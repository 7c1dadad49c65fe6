//! What attestation statements ask of a certificate (RFC 5280 section 4.1): its subject, its key and its extensions.
//!
//! Whether anybody trusted has signed it is `chain`'s question.

use uuid::Uuid;

use super::der::{self, Der, Malformed, Tag};
use crate::webauthn::CeremonyError;
use crate::webauthn::cose::{Key, PublicKey};

/// An object identifier, as DER writes it.
pub(super) type Oid<'a> = &'a [u8];

/// `id-ce-keyUsage`, `id-ce-subjectAltName`, `id-ce-basicConstraints`, `id-ce-extKeyUsage`.
const KEY_USAGE: Oid<'static> = &[0x55, 0x1d, 0x0f];
pub(super) const SUBJECT_ALT_NAME: Oid<'static> = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: Oid<'static> = &[0x55, 0x1d, 0x13];
pub(super) const EXTENDED_KEY_USAGE: Oid<'static> = &[0x55, 0x1d, 0x25];
/// `id-fido-gen-ce-aaguid`, 1.3.6.1.4.1.45724.1.1.4.
const AAGUID: Oid<'static> = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04];

/// `ecPublicKey` on `prime256v1`, `id-Ed25519`, `rsaEncryption`: the algorithms of the keys that are offered.
const P256: &[u8] = &[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// The most extensions that a certificate may have; those of authenticators have ten.
const MOST_EXTENSIONS: usize = 32;

/// A certificate, read as far as attestation asks for it.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    /// `version`: 2 is version 3.
    version: u32,
    /// Each part of `subject`: what it is, and its text.
    pub(super) subject: Vec<(Oid<'a>, &'a str)>,
    /// What is inside `subjectPublicKeyInfo`.
    key: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

/// An extension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extension<'a> {
    id: Oid<'a>,
    pub(super) is_critical: bool,
    pub(super) value: &'a [u8],
}

impl<'a> Certificate<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, CeremonyError> {
        Self::parse(bytes).map_err(|Malformed| CeremonyError::Attestation)
    }

    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Der::new(bytes);
        let mut certificate = outer.inside(Tag::SEQUENCE)?;
        outer.end()?;
        let mut to_be_signed = certificate.inside(Tag::SEQUENCE)?;
        let version = match to_be_signed.optional(Tag::context(0))? {
            Some(version) => Der::new(version).number(Tag::INTEGER)?,
            None => 0,
        };
        to_be_signed.value(Tag::INTEGER)?;
        // Algorithm, issuer, validity.
        for _ in 0..3 {
            to_be_signed.value(Tag::SEQUENCE)?;
        }
        let subject = name(to_be_signed.inside(Tag::SEQUENCE)?)?;
        let key = to_be_signed.value(Tag::SEQUENCE)?;
        let extensions = match to_be_signed.optional(Tag::context(3))? {
            Some(extensions) => extensions_of(Der::new(extensions))?,
            None => Vec::new(),
        };
        to_be_signed.end()?;
        Ok(Self { version, subject, key, extensions })
    }

    pub(super) const fn is_version_3(&self) -> bool {
        self.version == 2
    }

    /// The extension of an id; each is there once at most.
    pub(super) fn extension(&self, id: Oid<'_>) -> Option<Extension<'a>> {
        self.extensions.iter().find(|extension| extension.id == id).copied()
    }

    /// Whether it says that it is no authority's. One that says nothing does not.
    pub(super) fn is_no_authority(&self) -> bool {
        let read = |extension: Extension<'a>| {
            let mut outer = Der::new(extension.value);
            let mut constraints = outer.inside(Tag::SEQUENCE)?;
            outer.end()?;
            constraints.optional(Tag::BOOLEAN)
        };
        self.extension(BASIC_CONSTRAINTS).is_some_and(|found| matches!(read(found), Ok(None)))
    }

    /// Whether its key may sign certificates, where it says what its key may do (RFC 5280 section 4.2.1.3).
    pub(super) fn may_sign_certificates(&self) -> bool {
        self.extension(KEY_USAGE).is_none_or(|usage| {
            matches!(Der::new(usage.value).value(Tag::BIT_STRING), Ok([_, bits, ..]) if bits & 0x04 != 0)
        })
    }

    /// Whether what it says of the model is what the authenticator says (sections 8.2 and 8.3): an extension that names
    /// another one, or that others would have to understand, is refused.
    pub(super) fn names_model(&self, aaguid: Uuid) -> bool {
        self.extension(AAGUID).is_none_or(|extension| {
            let mut value = Der::new(extension.value);
            !extension.is_critical
                && value.value(Tag::OCTET_STRING) == Ok(aaguid.as_bytes().as_slice())
                && value.is_empty()
        })
    }

    /// Whether its key is that of the credential.
    pub(super) fn is_of(&self, key: &PublicKey) -> bool {
        let Ok((algorithm, bits)) = self.subject_key() else { return false };
        match key.key() {
            Key::Es256(point) => algorithm == P256 && bits == point,
            Key::EdDsa(known) => algorithm == ED25519 && bits == known,
            Key::Rs256 { n, e } => {
                let e = e.iter().position(|byte| *byte != 0).and_then(|at| e.get(at..)).unwrap_or_default();
                algorithm == RSA && rsa(bits) == Ok((n.as_slice(), e))
            }
        }
    }

    /// Whether its key is on P-256.
    pub(super) fn is_on_p256(&self) -> bool {
        matches!(self.subject_key(), Ok((algorithm, _)) if algorithm == P256)
    }

    /// What is inside `algorithm`, and the bits of the key.
    fn subject_key(&self) -> Result<(&'a [u8], &'a [u8]), Malformed> {
        let mut info = Der::new(self.key);
        let algorithm = info.value(Tag::SEQUENCE)?;
        // Whole bytes: no bit of the last one is unused.
        let Some((0, bits)) = info.value(Tag::BIT_STRING)?.split_first() else { return Err(Malformed) };
        info.end()?;
        Ok((algorithm, bits))
    }
}

/// Modulus and exponent (RFC 8017 appendix A.1.1).
fn rsa(bits: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut outer = Der::new(bits);
    let mut key = outer.inside(Tag::SEQUENCE)?;
    outer.end()?;
    let (n, e) = (key.value(Tag::INTEGER)?, key.value(Tag::INTEGER)?);
    key.end()?;
    Ok((der::unsigned(n)?, der::unsigned(e)?))
}

/// The parts of a `Name` (RFC 5280 section 4.1.2.4), with their texts.
pub(super) fn name(mut sets: Der<'_>) -> Result<Vec<(Oid<'_>, &str)>, Malformed> {
    let mut parts = Vec::new();
    while !sets.is_empty() {
        let mut set = sets.inside(Tag::SET)?;
        while !set.is_empty() {
            let mut part = set.inside(Tag::SEQUENCE)?;
            parts.push((part.value(Tag::OBJECT_IDENTIFIER)?, part.text()?));
            part.end()?;
        }
    }
    Ok(parts)
}

fn extensions_of(mut outer: Der<'_>) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut list = outer.inside(Tag::SEQUENCE)?;
    outer.end()?;
    let mut extensions: Vec<Extension<'_>> = Vec::new();
    while !list.is_empty() {
        let mut extension = list.inside(Tag::SEQUENCE)?;
        let id = extension.value(Tag::OBJECT_IDENTIFIER)?;
        // FALSE is the default, which DER does not write.
        let is_critical = match extension.optional(Tag::BOOLEAN)? {
            Some([0xff]) => true,
            None => false,
            Some(_) => return Err(Malformed),
        };
        let value = extension.value(Tag::OCTET_STRING)?;
        extension.end()?;
        if extensions.len() == MOST_EXTENSIONS || extensions.iter().any(|known| known.id == id) {
            return Err(Malformed);
        }
        extensions.push(Extension { id, is_critical, value });
    }
    Ok(extensions)
}
