//! The test vectors of the specification (WebAuthn L3 section 16), and what is left of them when a bit is wrong.
//!
//! Nobody here made them, so they show that others and we read the same bytes alike.

use serde_json::{Value, json};

use super::*;
use crate::settings::{AttestationSettings, RelyingPartySettings};

/// Nothing is asked of attestations.
fn any_authenticator(settings: &AttestationSettings) -> AttestationPolicy<'_> {
    AttestationPolicy::of(settings, KeyKind::SecondFactor, primitives::Timestamp::from_seconds(0))
}

/// A registration of section 16, and the assertion that goes with it where there is one.
pub(super) struct Vector {
    pub(super) id: &'static str,
    pub(super) attestation_object: &'static str,
    pub(super) created: &'static str,
}

/// Section 16.2: ES256 without attestation.
pub(super) const NONE: Vector = Vector {
    id: "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4",
    attestation_object: "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
    created: "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c4535513d3d227d",
};
const AUTHENTICATOR_DATA: &str = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000";
const GOT: &str = "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d";
const SIGNATURE: &str = "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87";

/// Section 16.3: ES256 that attests itself, its user verified.
pub(super) const SELF: Vector = Vector {
    id: "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c",
    attestation_object: "a363666d74667061636b65646761747453746d74a263616c67266373696758483046022100ae045923ded832b844cae4d5fc864277c0dc114ad713e271af0f0d371bd3ac540221009077a088ed51a673951ad3ba2673d5029bab65b64f4ea67b234321f86fcfac5d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
    created: "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a205539685458764b453255526b4d6e625f3078594856673d3d227d",
};

/// Section 16.4: in a frame of another origin.
const FRAMED: Vector = Vector {
    id: "6e1050c0d2ca2f07c755cb2c66a74c64fa43065c18f938354d9915db2bd5ce57",
    attestation_object: "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b54500000000883f4f6014f19c09d87aa38123be48d000206e1050c0d2ca2f07c755cb2c66a74c64fa43065c18f938354d9915db2bd5ce57a501020326200121582022200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d225820cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e",
    created: "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a224f2d57717a514e5463554a484930437257576e7951504859647862694332674872434d475666704c4f306b222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a747275652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a207a5a7175457444523944577170573574425754467567227d",
};

/// RS256, signed by pyca/cryptography: the registration, and an assertion of its counter's second use.
mod rs256 {
    use super::Vector;

    pub(super) const CREATED: Vector = Vector {
        id: "000102030405060708090a0b0c0d0e0f",
        attestation_object: "a363666d74646e6f6e656761747453746d74a0686175746844617461590157bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b54500000001000000000000000000000000000000000010000102030405060708090a0b0c0d0e0fa401030339010020590100dd57b08346605a6f96ed440685e3b87b0b626990cf0ae0018ea4ecedb5be9dcc300dc00b381f221234dc7d077be572cb1dc289b9faa73552e52737547db960f97a8e764fbfe02075ea832f5dae1477452b5095da095488cb9a29d8bd8dbdbfb7262a62e7f7b949565d9af0bbab10502781a826384588b606fd7354ca596a05d4fe714181cb080e1910a3067414e6274315c4778f9921ab0b3bb4af846494dbaf416d02085d99c785d206dbebf261c8ad84373531e5857e0d27f9195df6251a6f97fc015a61822d27f1fdbbcf676dcad79711d5c70f9e0b5ef3c188108cfec8231a2c214159fba79eb885f6efb0c0d33054b15c3bd3431497491ea90d0e5198992143010001",
        created: "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2259324e6a59324e6a59324e6a59324e6a59324e6a59324e6a59324e6a59324e6a59324e6a59324e6a59324d222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
    };
    pub(super) const DATA: &str =
        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000002";
    pub(super) const GOT: &str = "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a225a32646e5a32646e5a32646e5a32646e5a32646e5a32646e5a32646e5a32646e5a32646e5a32646e5a3263222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d";
    pub(super) const SIGNATURE: &str = "9b7bc24303e2fed72ede95c071b8a09f97981b728a363fd77ae124fc933f48ac8da246e7f4c192b33c6ae2d6f7323d6f91138bfcc780117e2bfb6680a1cc7130741b7284866b46239d2dfd6f19d24e18fc5d7b2aa4f04c80b823abd4c421d060df3c3abe9c79f436803b8fcf3b27860442a9d978d4adf311027ada7528a59ef6e724b7ccb6b0f7e2e6c5ee75890f0c0f0055dd0927f8dd9136cc746eaabe989663086744914f9d3d8002d8f3d1b9a420a8e928a32fa8125c42ac71ccb022e9156d20641f1b4204fc1a4375a5d1bf43ab3a848d3faf31d2a30f1e1dc2e83852d4c2bfdd3243dba3dfb9bf50b79522ea1386168396dd4a9e939f8d1ce3a45b6ad3";
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(super) fn encoded(hex: &str) -> String {
    base64url::encode(bytes(hex))
}

/// The challenge that a client data answers, as the form had it.
pub(super) fn challenge_of(client_data: &str) -> Challenge {
    let data: Value = serde_json::from_slice(&bytes(client_data)).unwrap();
    Challenge::from_bytes(base64url::decode(data["challenge"].as_str().unwrap()).unwrap())
}

pub(super) fn relying_party(host: &str) -> RelyingParty {
    let base = format!("https://{host}/").parse().unwrap();
    RelyingParty::of(&RelyingPartySettings::default(), &base).unwrap()
}

fn register(
    vector: &Vector,
    host: &str,
    challenge: &Challenge,
    user_verification: UserVerification,
) -> Result<NewCredential, CeremonyError> {
    let answer = json!({
        "id": encoded(vector.id),
        "rawId": encoded(vector.id),
        "type": "public-key",
        "response": {
            "clientDataJSON": encoded(vector.created),
            "attestationObject": encoded(vector.attestation_object),
        },
    });
    let relying_party = relying_party(host);
    let expected = Expected { relying_party: &relying_party, challenge, user_verification };
    let settings = AttestationSettings::default();
    UnverifiedRegistration::parse(&answer.to_string())?.verify(&expected, &any_authenticator(&settings))
}

fn registered(vector: &Vector) -> CredentialRecord {
    let new = register(vector, "example.org", &challenge_of(vector.created), UserVerification::Discouraged);
    let handle = UserHandle::new(vec![1; 16]).unwrap();
    new.unwrap().record(KeyKind::SecondFactor, handle, String::new())
}

fn assertion(handle: Option<&[u8]>, signature: &str, data: &str) -> UnverifiedAssertion {
    let answer = json!({
        "id": encoded(NONE.id),
        "rawId": encoded(NONE.id),
        "type": "public-key",
        "response": {
            "clientDataJSON": encoded(GOT),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
            "userHandle": handle.map(base64url::encode),
        },
    });
    UnverifiedAssertion::parse(&answer.to_string()).unwrap()
}

fn prove(
    record: &CredentialRecord,
    assertion: UnverifiedAssertion,
    challenge: &Challenge,
    user_verification: UserVerification,
) -> Result<CredentialRecord, CeremonyError> {
    let relying_party = relying_party("example.org");
    assertion.verify(&Expected { relying_party: &relying_party, challenge, user_verification }, record)
}

#[test]
fn registrations_of_the_specification_are_verified() {
    let record = registered(&NONE);
    assert_eq!((record.attestation.as_str(), record.uv_initialized), ("none", false));
    assert_eq!((record.backup_eligible, record.backup_state, record.sign_count), (true, true, 0));
    assert_eq!(record.id.hex(), NONE.id);
    let record = registered(&SELF);
    assert_eq!((record.attestation.as_str(), record.uv_initialized), ("self", true));
}

#[test]
fn registration_is_for_one_site_one_form_and_one_ceremony() {
    let challenge = challenge_of(NONE.created);
    let any = UserVerification::Discouraged;
    let refused =
        |host, challenge: &Challenge, required| register(&NONE, host, challenge, required).unwrap_err();
    assert_eq!(refused("example.com", &challenge, any), CeremonyError::Origin);
    assert_eq!(refused("example.org", &challenge_of(SELF.created), any), CeremonyError::Challenge);
    assert_eq!(
        refused("example.org", &challenge, UserVerification::Required),
        CeremonyError::UserVerification
    );
    let framed = register(&FRAMED, "example.org", &challenge_of(FRAMED.created), any);
    assert_eq!(framed.unwrap_err(), CeremonyError::CrossOrigin);
    let swapped = Vector { created: GOT, ..NONE };
    let swapped = register(&swapped, "example.org", &challenge_of(GOT), any);
    assert_eq!(swapped.unwrap_err(), CeremonyError::Type);
    let renamed = Vector { id: SELF.id, ..NONE };
    assert_eq!(register(&renamed, "example.org", &challenge, any).unwrap_err(), CeremonyError::Malformed);
}

/// Whichever bit is wrong, and wherever the object ends: it is refused, or it is the id, the key or the model that
/// nobody has vouched for.
#[test]
fn no_bit_of_an_attested_registration_can_change() {
    let whole = bytes(SELF.attestation_object);
    let challenge = challenge_of(SELF.created);
    let verify = |object: &[u8]| {
        let answer = json!({
            "rawId": encoded(SELF.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": encoded(SELF.created),
                "attestationObject": base64url::encode(object),
            },
        });
        let relying_party = relying_party("example.org");
        let user_verification = UserVerification::Required;
        let expected = Expected { relying_party: &relying_party, challenge: &challenge, user_verification };
        let settings = AttestationSettings::default();
        UnverifiedRegistration::parse(&answer.to_string())
            .and_then(|answer| answer.verify(&expected, &any_authenticator(&settings)))
    };
    assert!(verify(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(verify(&whole[..length]).is_err(), "{length} bytes");
    }
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&changed).is_err(), "bit {bit}");
    }
}

#[test]
fn assertion_of_the_specification_is_verified() {
    let record = registered(&NONE);
    let challenge = challenge_of(GOT);
    let any = UserVerification::Discouraged;
    let good = || assertion(Some(&[1; 16]), SIGNATURE, AUTHENTICATOR_DATA);
    let after = prove(&record, good(), &challenge, any).unwrap();
    assert_eq!((after.sign_count, after.backup_state), (0, true));
    // One that keeps no handle says none.
    assert!(prove(&record, assertion(None, SIGNATURE, AUTHENTICATOR_DATA), &challenge, any).is_ok());

    let other = assertion(Some(&[2; 16]), SIGNATURE, AUTHENTICATOR_DATA);
    assert_eq!(prove(&record, other, &challenge, any), Err(CeremonyError::UserHandle));
    assert_eq!(prove(&registered(&SELF), good(), &challenge, any), Err(CeremonyError::UserHandle));
    let another = Challenge::from_bytes(vec![0; 32]);
    assert_eq!(prove(&record, good(), &another, any), Err(CeremonyError::Challenge));
    let verified = prove(&record, good(), &challenge, UserVerification::Required);
    assert_eq!(verified, Err(CeremonyError::UserVerification));
    let counted = CredentialRecord { sign_count: 1, ..record.clone() };
    assert_eq!(prove(&counted, good(), &challenge, any), Err(CeremonyError::Counter));
    let bound = CredentialRecord { backup_eligible: false, ..record };
    assert_eq!(prove(&bound, good(), &challenge, any), Err(CeremonyError::Backup));
}

#[test]
fn no_bit_of_an_assertion_can_change() {
    let record = registered(&NONE);
    let challenge = challenge_of(GOT);
    let flipped = |whole: &str, bit: usize| {
        let mut changed = bytes(whole);
        changed[bit / 8] ^= 1 << (bit % 8);
        CredentialId::new(changed).unwrap().hex()
    };
    for bit in 0..AUTHENTICATOR_DATA.len() * 4 {
        let changed = assertion(None, SIGNATURE, &flipped(AUTHENTICATOR_DATA, bit));
        assert!(
            prove(&record, changed, &challenge, UserVerification::Discouraged).is_err(),
            "data, bit {bit}"
        );
    }
    for bit in 0..SIGNATURE.len() * 4 {
        let changed = assertion(None, &flipped(SIGNATURE, bit), AUTHENTICATOR_DATA);
        assert!(
            prove(&record, changed, &challenge, UserVerification::Discouraged).is_err(),
            "signature, bit {bit}"
        );
    }
}

/// What comes back from a seal is what went in.
#[test]
fn record_comes_back_as_it_was_kept() {
    let record = registered(&NONE);
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<CredentialRecord>(&text).unwrap(), record);
    let broken = text.replace("\"public_key\":\"p", "\"public_key\":\"q");
    assert!(serde_json::from_str::<CredentialRecord>(&broken).is_err());
}

#[test]
fn rsa_keys_sign_and_are_not_short() {
    let record = registered(&rs256::CREATED);
    assert_eq!((record.public_key.algorithm(), record.sign_count), (-257, 1));
    let answer = |signature: &str| {
        let answer = json!({
            "rawId": encoded(rs256::CREATED.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": encoded(rs256::GOT),
                "authenticatorData": encoded(rs256::DATA),
                "signature": encoded(signature),
            },
        });
        UnverifiedAssertion::parse(&answer.to_string()).unwrap()
    };
    let challenge = challenge_of(rs256::GOT);
    let proven = prove(&record, answer(rs256::SIGNATURE), &challenge, UserVerification::Required).unwrap();
    assert_eq!(proven.sign_count, 2);
    let again = prove(&proven, answer(rs256::SIGNATURE), &challenge, UserVerification::Required);
    assert_eq!(again, Err(CeremonyError::Counter));
    let wrong = prove(&record, answer(&rs256::SIGNATURE[2..]), &challenge, UserVerification::Required);
    assert_eq!(wrong, Err(CeremonyError::Signature));

    // The same key with a byte less is not one that is offered.
    let mut short = record.public_key.cose().to_vec();
    short.drain(11..140);
    short.splice(8..11, [0x58, 127]);
    assert!(PublicKey::parse(&short).is_err());
    for (label, broken) in [
        ("another algorithm", "a401020326200121420000"),
        (
            "a compressed point",
            "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df6122f5",
        ),
        ("a short point", "a50102032620012141af224193"),
        ("an EC key that says RS256", "a5010203390100200121582"),
        ("Ed25519 that is short", "a4010103272006214100"),
        ("no key", "a0"),
    ] {
        let broken = if broken.len() % 2 == 1 { format!("{broken}0") } else { broken.to_owned() };
        assert!(PublicKey::parse(&bytes(&broken)).is_err(), "{label}");
    }
}
