//! What the test vectors of the specification attest, and to whom.

use std::collections::BTreeSet;

use super::vectors::{ANDROID_KEY, APPLE, FIDO_U2F, PACKED, ROOT, TPM};
use super::*;
use crate::settings::BoundKeys;

fn of_specification() -> AttestationSettings {
    trusting(&[&bytes(ROOT)])
}

fn aaguid(hex: &str) -> Uuid {
    Uuid::from_slice(&bytes(hex)).unwrap()
}

#[test]
fn attestations_of_the_specification_lead_to_its_root() {
    let check = |vector: &Vector, kind: &str, model: &str| {
        let record = Answer::of(vector).register(&of_specification(), NOW).unwrap();
        assert_eq!((record.attestation.as_str(), record.aaguid), (kind, aaguid(model)));
        assert_eq!(record.id.hex(), vector.id);
    };
    check(&PACKED, "basic", "876ca4f52071c3e9b25509ef2cdf7ed6");
    check(&TPM, "attca", "4b92a377fc5f6107c4c85c190adbfd99");
    check(&APPLE, "anonca", "748210a20076616a733b2114336fc384");
    // The vector says a model, which U2F does not sign.
    check(&FIDO_U2F, "basic", "00000000000000000000000000000000");
    // Section 8.4 asks for `purpose` and `origin`, and this certificate has neither.
    let android = Answer::of(&ANDROID_KEY).register(&of_specification(), NOW);
    assert_eq!(android.unwrap_err(), CeremonyError::Attestation);
}

#[test]
fn what_nobody_asked_for_counts_for_nothing() {
    let nothing = AttestationSettings::default();
    for vector in [&PACKED, &TPM, &APPLE, &FIDO_U2F] {
        let record = Answer::of(vector).register(&nothing, NOW).unwrap();
        assert_eq!(record.attestation, "unverified");
    }
    // Nor where another kind of key is bound.
    let others = AttestationSettings { binds: BTreeSet::from([BoundKeys::Passkey]), ..of_specification() };
    assert_eq!(Answer::of(&PACKED).register(&others, NOW).unwrap().attestation, "unverified");
    let passkey = Answer::of(&PACKED).register_as(KeyKind::Passkey, &others, NOW).unwrap();
    assert_eq!(passkey.attestation, "basic");
}

/// The years 2024 and 3024 begin.
const BEGIN: i64 = 1_704_067_200;
const END: i64 = 33_260_976_000;

#[test]
fn certificates_count_while_they_are_valid() {
    let at = |seconds| Answer::of(&PACKED).register(&of_specification(), Timestamp::from_seconds(seconds));
    assert_eq!(at(BEGIN - 1).unwrap_err(), CeremonyError::Untrusted);
    assert!(at(BEGIN).is_ok());
    assert!(at(END).is_ok());
    assert_eq!(at(END + 1).unwrap_err(), CeremonyError::Untrusted);
    assert_eq!(at(-1).unwrap_err(), CeremonyError::Untrusted);
}

#[test]
fn policy_names_models() {
    let model = aaguid("876ca4f52071c3e9b25509ef2cdf7ed6");
    let check = |vector: &Vector, allowed: &[Uuid], denied: &[Uuid], expect: Result<&str, CeremonyError>| {
        let settings = AttestationSettings {
            allowed_aaguids: allowed.iter().copied().collect(),
            denied_aaguids: denied.iter().copied().collect(),
            ..of_specification()
        };
        let found = Answer::of(vector).register(&settings, NOW).map(|record| record.attestation);
        assert_eq!(found.as_deref().map_err(|error| *error), expect, "{settings:?}");
    };
    check(&PACKED, &[model], &[], Ok("basic"));
    check(&PACKED, &[Uuid::nil()], &[], Err(CeremonyError::Model));
    check(&PACKED, &[], &[model], Err(CeremonyError::Model));
    check(&PACKED, &[], &[Uuid::nil()], Ok("basic"));
    // Nobody says of a U2F key what it is.
    check(&FIDO_U2F, &[], &[model], Ok("basic"));
    let said = aaguid("afb3c2efc054df425013d5c88e79c3c1");
    check(&FIDO_U2F, &[said, Uuid::nil()], &[], Err(CeremonyError::Model));
}

#[test]
fn nobody_and_oneself_are_not_enough() {
    let with_self = AttestationSettings { self_attestation: true, ..of_specification() };
    let own = Answer::of(&crate::webauthn::vectors::SELF);
    assert_eq!(own.register(&of_specification(), NOW).unwrap_err(), CeremonyError::Unattested);
    assert_eq!(own.register(&with_self, NOW).unwrap().attestation, "self");
    let nobody = Answer::of(&crate::webauthn::vectors::NONE);
    for settings in [&of_specification(), &with_self] {
        assert_eq!(nobody.register(settings, NOW).unwrap_err(), CeremonyError::Unattested);
    }
    assert_eq!(nobody.register(&AttestationSettings::default(), NOW).unwrap().attestation, "none");
    // What it says of itself can refuse it, and never allow it.
    let model = aaguid("df850e09db6afbdfab51697791506cfc");
    let denied = AttestationSettings { denied_aaguids: BTreeSet::from([model]), ..with_self.clone() };
    assert_eq!(own.register(&denied, NOW).unwrap_err(), CeremonyError::Model);
    let allowed = AttestationSettings { allowed_aaguids: BTreeSet::from([model]), ..with_self };
    assert_eq!(own.register(&allowed, NOW).unwrap_err(), CeremonyError::Model);
}

#[test]
fn whoever_is_not_trusted_is_refused() {
    let root = super::authorities::Authority::root("Somebody else");
    for vector in [&PACKED, &TPM, &APPLE, &FIDO_U2F] {
        let refused = Answer::of(vector).register(&trusting(&[root.der()]), NOW);
        assert_eq!(refused.unwrap_err(), CeremonyError::Untrusted);
        let none = AttestationSettings { conveyance: Conveyance::Direct, ..AttestationSettings::default() };
        assert_eq!(Answer::of(vector).register(&none, NOW).unwrap_err(), CeremonyError::Untrusted);
    }
    // The name alone makes no anchor.
    let namesake = super::authorities::Authority::namesake_of_specification();
    let refused = Answer::of(&PACKED).register(&trusting(&[namesake.der()]), NOW);
    assert_eq!(refused.unwrap_err(), CeremonyError::Untrusted);
}

/// Whichever bit is wrong, and wherever the object ends: it is refused, or it is the model that U2F does not sign and nobody
/// keeps.
#[test]
fn no_bit_of_a_certified_registration_can_change() {
    let settings = of_specification();
    for vector in [&PACKED, &TPM, &APPLE, &FIDO_U2F] {
        let answer = Answer::of(vector);
        let kept = answer.register(&settings, NOW).unwrap();
        for length in 0..answer.object.len() {
            let short = Answer { object: answer.object[..length].to_vec(), ..Answer::of(vector) };
            assert!(short.register(&settings, NOW).is_err(), "{length} bytes");
        }
        let mut changed = Answer::of(vector);
        let mut same = 0;
        for bit in 0..answer.object.len() * 8 {
            changed.object[bit / 8] ^= 1 << (bit % 8);
            if let Ok(record) = changed.register(&settings, NOW) {
                assert_eq!(record, kept, "bit {bit}");
                same += 1;
            }
            changed.object[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(same, if vector.id == FIDO_U2F.id { 128 } else { 0 });
    }
}

#[test]
fn statement_is_of_its_own_registration() {
    // Of another one that is right.
    let other = Answer { client_data: bytes(PACKED.created), ..Answer::of(&APPLE) };
    assert_eq!(other.register(&of_specification(), NOW).unwrap_err(), CeremonyError::Attestation);
    let other = Answer { client_data: bytes(APPLE.created), ..Answer::of(&TPM) };
    assert_eq!(other.register(&of_specification(), NOW).unwrap_err(), CeremonyError::Attestation);
}
