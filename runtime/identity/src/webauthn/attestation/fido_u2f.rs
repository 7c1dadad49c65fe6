//! `fido-u2f` (WebAuthn L3 section 8.6): what older security keys sign.
//!
//! They sign neither the model nor the flags nor the counter. Flags and a counter that such a key cannot have are refused, and the
//! model that stands there is nobody's word.

use super::chain::Chain;
use super::{Attestation, Kind, Statement};
use crate::webauthn::CeremonyError;
use crate::webauthn::cose::{ES256, Key};

pub(super) fn check<'a>(statement: &Statement<'a>) -> Result<Attestation<'a>, CeremonyError> {
    const WRONG: CeremonyError = CeremonyError::Attestation;
    // Steps 1 and 2: one certificate, whose key is on P-256.
    let chain = Chain::required(statement.map)?;
    if !chain.is_single() || !chain.first()?.is_on_p256() {
        return Err(WRONG);
    }
    let data = statement.data;
    if !data.flags.is_only_present_and_attested() || data.sign_count != 0 {
        return Err(WRONG);
    }
    // Steps 3 and 4: the key as U2F writes it.
    let Key::Es256(point) = statement.attested.public_key.key() else { return Err(WRONG) };
    // Step 5.
    let signed = [
        &[0x00],
        data.rp_id_hash.as_slice(),
        statement.client_data_hash,
        statement.attested.id,
        point.as_slice(),
    ]
    .concat();
    // Step 6.
    if !chain.is_signed(ES256, &signed, statement.bytes("sig")?) {
        return Err(WRONG);
    }
    Ok(Attestation::Certified { kind: Kind::Basic, chain, model: None })
}
