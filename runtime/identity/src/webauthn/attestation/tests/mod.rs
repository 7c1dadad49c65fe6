//! Attestations that are right, that are wrong, and that a tenant does not take.

#![expect(clippy::type_complexity, reason = "cases are tables")]

mod authorities;
mod formats;
mod hostile;
mod specification;
mod tpm;
mod vectors;

use primitives::{Timestamp, base64url};
use serde_json::json;

use super::*;
use crate::settings::{AttestationSettings, Conveyance};
use crate::webauthn::vectors::{Vector, bytes, relying_party};
use crate::webauthn::{
    Challenge, CredentialRecord, Expected, KeyKind, UnverifiedRegistration, UserHandle, UserVerification,
};

/// 2027-01-15.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A tenant that trusts these certificates.
fn trusting(anchors: &[&[u8]]) -> AttestationSettings {
    AttestationSettings {
        conveyance: Conveyance::Direct,
        trust_anchors: anchors.iter().enumerate().map(|(at, der)| (at.to_string(), pem(der))).collect(),
        ..AttestationSettings::default()
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A registration as a browser sends it.
struct Answer {
    id: Vec<u8>,
    object: Vec<u8>,
    client_data: Vec<u8>,
}

impl Answer {
    fn of(vector: &Vector) -> Self {
        Self {
            id: bytes(vector.id),
            object: bytes(vector.attestation_object),
            client_data: bytes(vector.created),
        }
    }

    /// What is kept of it.
    fn register(
        &self,
        settings: &AttestationSettings,
        now: Timestamp,
    ) -> Result<CredentialRecord, CeremonyError> {
        self.register_as(KeyKind::SecondFactor, settings, now)
    }

    fn register_as(
        &self,
        kind: KeyKind,
        settings: &AttestationSettings,
        now: Timestamp,
    ) -> Result<CredentialRecord, CeremonyError> {
        let answer = json!({
            "rawId": base64url::encode(&self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": base64url::encode(&self.client_data),
                "attestationObject": base64url::encode(&self.object),
            },
        });
        let client_data: serde_json::Value = serde_json::from_slice(&self.client_data).unwrap();
        let challenge = base64url::decode(client_data["challenge"].as_str().unwrap()).unwrap();
        let expected = Expected {
            relying_party: &relying_party("example.org"),
            challenge: &Challenge::from_bytes(challenge),
            user_verification: UserVerification::Discouraged,
        };
        let policy = AttestationPolicy::of(settings, kind, now);
        let new = UnverifiedRegistration::parse(&answer.to_string())?.verify(&expected, &policy)?;
        Ok(new.record(kind, UserHandle::new(vec![1; 16]).unwrap(), String::new()))
    }
}

/// CBOR of what an attestation object has.
enum Cbor {
    Integer(i64),
    Bytes(Vec<u8>),
    Text(&'static str),
    Array(Vec<Self>),
    Map(Vec<(&'static str, Self)>),
}

impl Cbor {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Integer(number) if *number < 0 => head(1, (-1 - number).unsigned_abs(), to),
            Self::Integer(number) => head(0, number.unsigned_abs(), to),
            Self::Bytes(bytes) => {
                head(2, bytes.len() as u64, to);
                to.extend(bytes);
            }
            Self::Text(text) => {
                head(3, text.len() as u64, to);
                to.extend(text.as_bytes());
            }
            Self::Array(items) => {
                head(4, items.len() as u64, to);
                for item in items {
                    item.write(to);
                }
            }
            Self::Map(pairs) => {
                head(5, pairs.len() as u64, to);
                for (key, value) in pairs {
                    Self::Text(key).write(to);
                    value.write(to);
                }
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }
}

fn head(major: u8, number: u64, to: &mut Vec<u8>) {
    let major = major << 5;
    match number {
        0..=23 => to.push(major | u8::try_from(number).unwrap()),
        24..=0xff => to.extend([major | 0x18, u8::try_from(number).unwrap()]),
        _ => {
            to.push(major | 0x19);
            to.extend(u16::try_from(number).unwrap().to_be_bytes());
        }
    }
}
