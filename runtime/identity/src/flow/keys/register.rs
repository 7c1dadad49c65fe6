//! Verifying the answer to a form that asked for a new key.

use super::{Ceremony, relying_party};
use crate::flow::{Message, Room};
use crate::webauthn::{
    AttestationPolicy, CeremonyError, Expected, KeyKind, NewCredential, UnverifiedRegistration,
};

/// The new credential, or what its owner is told.
pub(super) fn register(
    room: Room<'_>,
    ceremony: &Ceremony,
    kind: KeyKind,
    answer: &str,
) -> Result<NewCredential, Message> {
    verify(room, ceremony, kind, answer).map_err(|error| {
        tracing::info!(request = %room.request, %error, kind = kind.as_str(), "a new key was refused");
        told(error)
    })
}

fn verify(
    room: Room<'_>,
    ceremony: &Ceremony,
    kind: KeyKind,
    answer: &str,
) -> Result<NewCredential, CeremonyError> {
    let relying_party = relying_party(room).ok_or(CeremonyError::RelyingParty)?;
    let expected = Expected {
        relying_party: &relying_party,
        challenge: ceremony.open(room.now)?,
        user_verification: kind.user_verification(),
    };
    let policy = AttestationPolicy::of(&room.settings.attestation, kind, room.now);
    UnverifiedRegistration::parse(answer)?.verify(&expected, &policy)
}

/// What is the authenticator's, and what is the clock's, is said: trying the same again would not help, or would.
fn told(error: CeremonyError) -> Message {
    match error {
        CeremonyError::Expired => Message::key_too_late(),
        CeremonyError::AttestationFormat
        | CeremonyError::Unattested
        | CeremonyError::Untrusted
        | CeremonyError::Model => Message::key_not_accepted(),
        CeremonyError::Malformed
        | CeremonyError::ClientData
        | CeremonyError::Type
        | CeremonyError::Challenge
        | CeremonyError::Origin
        | CeremonyError::CrossOrigin
        | CeremonyError::AuthenticatorData
        | CeremonyError::RelyingParty
        | CeremonyError::UserPresence
        | CeremonyError::UserVerification
        | CeremonyError::Backup
        | CeremonyError::Key(_)
        | CeremonyError::Attestation
        | CeremonyError::UserHandle
        | CeremonyError::Signature
        | CeremonyError::Counter => Message::key_not_verified(),
    }
}
