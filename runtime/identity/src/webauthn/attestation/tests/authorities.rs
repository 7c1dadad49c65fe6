//! Makers of authenticators, and an authenticator that they certify: `rcgen` writes the certificates.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SigningKey as _, date_time_ymd,
};
use ring::digest::{SHA256, digest};

use super::*;

/// 1.3.6.1.4.1.45724.1.1.4.
pub(super) const AAGUID: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
/// The model of the authenticator here.
pub(super) const MODEL: [u8; 16] = [0x5a; 16];

/// Who signs certificates.
pub(super) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    der: Vec<u8>,
}

/// Who signs attestations.
pub(super) struct Attester {
    pub(super) key: KeyPair,
    pub(super) der: Vec<u8>,
}

fn name(parts: &[(DnType, DnValue)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), value.clone());
    }
    name
}

fn printable(text: &str) -> DnValue {
    DnValue::PrintableString(text.try_into().unwrap())
}

/// From 2024 to 2034.
fn params(subject: DistinguishedName, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.is_ca = is_ca;
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2034, 1, 1);
    params
}

fn of_authority(common_name: &str) -> CertificateParams {
    let mut params =
        params(name(&[(DnType::CommonName, common_name.into())]), IsCa::Ca(BasicConstraints::Unconstrained));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// A certificate as section 8.2.1 has it.
pub(super) fn of_model() -> CertificateParams {
    let subject = name(&[
        (DnType::CountryName, printable("SE")),
        (DnType::OrganizationName, "Maker".into()),
        (DnType::OrganizationalUnitName, "Authenticator Attestation".into()),
        (DnType::CommonName, "Model 5".into()),
    ]);
    params(subject, IsCa::ExplicitNoCa)
}

/// With an extension that names a model.
pub(super) fn naming(model: [u8; 16], is_critical: bool) -> CertificateParams {
    let mut params = of_model();
    let mut extension = CustomExtension::from_oid_content(AAGUID, [&[4, 16][..], &model].concat());
    extension.set_criticality(is_critical);
    params.custom_extensions.push(extension);
    params
}

impl Authority {
    fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { params, key, der }
    }

    pub(super) fn root(common_name: &str) -> Self {
        Self::self_signed(of_authority(common_name))
    }

    /// One that is called as the root of the specification's vectors.
    pub(super) fn namesake_of_specification() -> Self {
        let mut params = of_authority("");
        params.distinguished_name = name(&[
            (DnType::CommonName, "WebAuthn test vectors".into()),
            (DnType::OrganizationName, "W3C".into()),
            (DnType::OrganizationalUnitName, "Authenticator Attestation CA".into()),
            (DnType::CountryName, printable("AA")),
        ]);
        Self::self_signed(params)
    }

    /// An authority below this one.
    pub(super) fn authority(&self, common_name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = of_authority(common_name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        Self { params, key, der }
    }

    /// Certifies a key that attests.
    pub(super) fn attester(&self, params: &CertificateParams) -> Attester {
        self.certify(params, KeyPair::generate().unwrap())
    }

    pub(super) fn certify(&self, params: &CertificateParams, key: KeyPair) -> Attester {
        let der = params.signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        Attester { key, der }
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

/// A new credential on P-256, about which somebody says something.
pub(super) struct Credential {
    pub(super) key: KeyPair,
    pub(super) flags: u8,
    pub(super) sign_count: u32,
}

impl Credential {
    pub(super) fn new() -> Self {
        Self { key: KeyPair::generate().unwrap(), flags: 0x41, sign_count: 0 }
    }

    const ID: [u8; 16] = [7; 16];

    pub(super) fn point(&self) -> &[u8] {
        self.key.public_key_raw()
    }

    pub(super) fn client_data_hash() -> Vec<u8> {
        digest(&SHA256, &client_data()).as_ref().to_vec()
    }

    pub(super) fn authenticator_data(&self) -> Vec<u8> {
        let (x, y) = self.point()[1..].split_at(32);
        [
            digest(&SHA256, b"example.org").as_ref(),
            &[self.flags],
            &self.sign_count.to_be_bytes(),
            &MODEL,
            &[0, 16],
            &Self::ID,
            // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20],
            x,
            &[0x22, 0x58, 0x20],
            y,
        ]
        .concat()
    }

    pub(super) fn message(&self) -> Vec<u8> {
        [self.authenticator_data(), Self::client_data_hash()].concat()
    }

    pub(super) fn u2f_message(&self) -> Vec<u8> {
        let rp_id_hash = digest(&SHA256, b"example.org");
        [&[0][..], rp_id_hash.as_ref(), &Self::client_data_hash(), &Self::ID, self.point()].concat()
    }

    pub(super) fn answer(&self, format: &'static str, statement: Vec<(&'static str, Cbor)>) -> Answer {
        let object = Cbor::Map(vec![
            ("fmt", Cbor::Text(format)),
            ("attStmt", Cbor::Map(statement)),
            ("authData", Cbor::Bytes(self.authenticator_data())),
        ]);
        Answer { id: Self::ID.to_vec(), object: object.bytes(), client_data: client_data() }
    }

    /// `packed`, with these certificates.
    pub(super) fn packed(&self, by: &Attester, others: &[&[u8]]) -> Answer {
        let certificates = [&[by.der.as_slice()], others].concat();
        self.packed_with(sign(&by.key, &self.message()), &certificates)
    }

    pub(super) fn packed_with(&self, signature: Vec<u8>, certificates: &[&[u8]]) -> Answer {
        let statement =
            vec![("alg", Cbor::Integer(-7)), ("sig", Cbor::Bytes(signature)), ("x5c", x5c(certificates))];
        self.answer("packed", statement)
    }
}

pub(super) fn sign(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    key.sign(message).unwrap()
}

pub(super) fn x5c(certificates: &[&[u8]]) -> Cbor {
    Cbor::Array(certificates.iter().map(|certificate| Cbor::Bytes(certificate.to_vec())).collect())
}

fn client_data() -> Vec<u8> {
    br#"{"type":"webauthn.create","challenge":"AAAA","origin":"https://example.org","crossOrigin":false}"#
        .to_vec()
}
