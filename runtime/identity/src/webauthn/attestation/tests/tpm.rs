//! What a TPM certifies (section 8.3), each part of it wrong in turn and signed all the same.

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, IsCa};
use ring::digest::{SHA256, digest};

use super::authorities::{AAGUID, Authority, Credential, MODEL, of_model, sign, x5c};
use super::*;

/// A statement in its parts.
struct Parts {
    version: &'static str,
    algorithm: i64,
    magic: u32,
    kind: u16,
    extra_data: Vec<u8>,
    /// Of another object than the public area.
    other_name: Option<Vec<u8>>,
    name_algorithm: u16,
    symmetric: u16,
    curve: u16,
    point: Vec<u8>,
    tail: Vec<u8>,
    certificate: CertificateParams,
}

impl Parts {
    fn of(credential: &Credential) -> Self {
        Self {
            version: "2.0",
            algorithm: -7,
            magic: 0xff54_4347,
            kind: 0x8017,
            extra_data: digest(&SHA256, &credential.message()).as_ref().to_vec(),
            other_name: None,
            name_algorithm: 0x000b,
            symmetric: 0x0010,
            curve: 0x0003,
            point: credential.point()[1..].to_vec(),
            tail: Vec::new(),
            certificate: of_tpm(DEVICE, PURPOSE),
        }
    }

    fn public_area(&self) -> Vec<u8> {
        let (x, y) = self.point.split_at(32);
        [
            &[0x00, 0x23][..],
            &self.name_algorithm.to_be_bytes(),
            &[0, 4, 0, 0, 0, 0],
            &self.symmetric.to_be_bytes(),
            &[0x00, 0x10],
            &self.curve.to_be_bytes(),
            &[0x00, 0x10],
            &sized(x),
            &sized(y),
            &self.tail,
        ]
        .concat()
    }

    fn cert_info(&self) -> Vec<u8> {
        let named = || {
            let hash = digest(&SHA256, &self.public_area());
            [&self.name_algorithm.to_be_bytes()[..], hash.as_ref()].concat()
        };
        let name = self.other_name.clone().unwrap_or_else(named);
        [
            &self.magic.to_be_bytes()[..],
            &self.kind.to_be_bytes(),
            &sized(b"signer"),
            &sized(&self.extra_data),
            &[0; 17 + 8],
            &sized(&name),
            &sized(b"qualified"),
            &self.tail,
        ]
        .concat()
    }

    fn answer(&self, credential: &Credential, root: &Authority) -> Answer {
        let attester = root.attester(&self.certificate);
        let info = self.cert_info();
        let statement = vec![
            ("ver", Cbor::Text(self.version)),
            ("alg", Cbor::Integer(self.algorithm)),
            ("x5c", x5c(&[&attester.der])),
            ("sig", Cbor::Bytes(sign(&attester.key, &info))),
            ("certInfo", Cbor::Bytes(info)),
            ("pubArea", Cbor::Bytes(self.public_area())),
        ];
        credential.answer("tpm", statement)
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn der(tag: u8, inside: &[&[u8]]) -> Vec<u8> {
    let inside = inside.concat();
    [&[tag, u8::try_from(inside.len()).unwrap()], inside.as_slice()].concat()
}

/// Manufacturer, model and version.
const DEVICE: [&str; 3] = ["id:4E544300", "NPCT75x", "id:0007"];
/// 2.23.133.8.3.
const PURPOSE: &[u64] = &[2, 23, 133, 8, 3];

/// A certificate as section 8.3.1 has it.
fn of_tpm(device: [&str; 3], purpose: &[u64]) -> CertificateParams {
    let mut params = of_model();
    params.distinguished_name = DistinguishedName::new();
    let part = |(last, text): (u8, &str)| {
        let id = [0x06, 0x05, 0x67, 0x81, 0x05, 0x02, last];
        der(0x31, &[&der(0x30, &[&id, &der(0x0c, &[text.as_bytes()])])])
    };
    let parts: Vec<u8> = (1..).zip(device).flat_map(part).collect();
    let names = der(0x30, &[&der(0xa4, &[&der(0x30, &[&parts])])]);
    let mut names = CustomExtension::from_oid_content(&[2, 5, 29, 17], names);
    names.set_criticality(true);
    params.custom_extensions = vec![names];
    if !purpose.is_empty() {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::Other(purpose.to_vec())];
    }
    params
}

#[test]
fn tpm_certifies_the_credentials_key_for_this_registration() {
    let root = Authority::root("Root");
    let credential = Credential::new();
    let check = |change: &dyn Fn(&mut Parts), expect: Result<&str, CeremonyError>, what: &str| {
        let mut parts = Parts::of(&credential);
        change(&mut parts);
        let answer = parts.answer(&credential, &root);
        let found = answer.register(&trusting(&[root.der()]), NOW).map(|record| record.attestation);
        assert_eq!(found.as_deref().map_err(|error| *error), expect, "{what}");
    };
    check(&|_| (), Ok("attca"), "as it should be");
    let other = Credential::new();
    let cases: [(&dyn Fn(&mut Parts), &str); 20] = [
        (&|parts| parts.version = "1.2", "an older TPM"),
        (&|parts| parts.algorithm = -65535, "signed with SHA-1"),
        (&|parts| parts.algorithm = -257, "signed with another algorithm"),
        (&|parts| parts.magic = 0xff54_4348, "not made by the TPM"),
        (&|parts| parts.kind = 0x8018, "a quote, which is no certification"),
        (&|parts| parts.extra_data = vec![0; 32], "for another registration"),
        (&|parts| parts.extra_data.truncate(16), "for half of it"),
        (&|parts| parts.other_name = Some([&[0, 0x0b][..], &[0; 32]].concat()), "of another object"),
        (&|parts| parts.other_name = Some(Vec::new()), "of no object"),
        (&|parts| parts.name_algorithm = 0x0004, "named with SHA-1"),
        (&|parts| parts.name_algorithm = 0x0010, "named with nothing"),
        (&|parts| parts.symmetric = 0x0006, "a key that encrypts"),
        (&|parts| parts.curve = 0x0004, "a key on P-384"),
        (&|parts| parts.point = other.point()[1..].to_vec(), "another key"),
        (&|parts| parts.tail = vec![0], "with a byte after it"),
        (&|parts| parts.certificate = of_tpm(["id:4E5443", "x", "y"], PURPOSE), "of no manufacturer"),
        (&|parts| parts.certificate = of_tpm(["id:4E544300", "", "y"], PURPOSE), "of no model"),
        (&|parts| parts.certificate = of_tpm(DEVICE, &[1, 3, 6, 1, 5, 5, 7, 3, 1]), "of a server"),
        (&|parts| parts.certificate = of_tpm(DEVICE, &[]), "for any purpose"),
        (&|parts| parts.certificate.is_ca = IsCa::NoCa, "that does not say that it is no authority"),
    ];
    for (change, what) in cases {
        check(change, Err(CeremonyError::Attestation), what);
    }
    check(
        &|parts| parts.certificate.distinguished_name = of_model().distinguished_name,
        Err(CeremonyError::Attestation),
        "with a subject",
    );
    check(
        &|parts| parts.certificate.custom_extensions.clear(),
        Err(CeremonyError::Attestation),
        "without a device",
    );
    let naming = |model: [u8; 16]| {
        move |parts: &mut Parts| {
            let content = [&[4, 16][..], &model].concat();
            parts.certificate.custom_extensions.push(CustomExtension::from_oid_content(AAGUID, content));
        }
    };
    check(&naming(MODEL), Ok("attca"), "of its model");
    check(&naming([0; 16]), Err(CeremonyError::Attestation), "of another model");
}
