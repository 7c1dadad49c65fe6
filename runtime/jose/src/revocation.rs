//! Taking a signing key away that has leaked.
//!
//! Attack: somebody has the private half, and makes tokens of any kind about anybody. Rotation would let the key be published,
//! and its tokens verify, for as long as the longest of them lives. Here it leaves the published set at once, and whatever it
//! has signed is nobody's token: true ones die with the forged ones, since nobody can tell them apart. Who verifies for
//! themselves goes on with the copy of the set that they have; for how long is the set's own word to them.
//!
//! The key that waits takes over at once, though copies of the set may lack it yet: tokens that look forged for a while are
//! the smaller evil. Where none waits one is made, in the same change, so that there is no moment in which nothing signs.

use primitives::audit::Actor;
use primitives::{Change, Rng, TenantId, Timestamp};

use crate::algorithm::SigningAlgorithm;
use crate::generate::GenerationFailed;
use crate::rotation::{Keys, activate, insert, of_key};
use crate::settings::RotationSchedule;
use crate::signing_key::{KeyId, KeyState, SigningKey, Write};

/// Why no key was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// The caller's fault.
    #[error("there is no such key")]
    NotFound,
    /// Ours.
    #[error(transparent)]
    Generation(#[from] GenerationFailed),
}

/// Revokes a key, whatever it does, and lets another sign where it did; `None` if it is revoked.
///
/// What it signed with gets another key if that is wanted, or if nothing else signs. Makes keys: see
/// [`ensure_keys`](crate::ensure_keys) for what that costs.
pub fn revoke_key(
    (tenant, actor): (&TenantId, Actor),
    kid: &KeyId,
    (wanted, schedule): (&[SigningAlgorithm], &RotationSchedule),
    existing: &[SigningKey],
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Option<Change<Write>>, RevokeError> {
    let key = existing.iter().find(|key| key.kid == *kid).ok_or(RevokeError::NotFound)?;
    if matches!(key.state, KeyState::Revoked { .. }) {
        return Ok(None);
    }
    let audit = of_key("signing_key.revoked", key, actor).with("algorithm", &key.algorithm);
    // First: the guards take the writes in this order, and one key of an algorithm signs.
    let change =
        Change::new(tenant.clone()).write(Write::RevokeSigningKey { kid: kid.clone(), at: now }).audit(audit);
    let others_sign = existing.iter().any(|other| other.kid != *kid && other.signs());
    if !key.signs() || (others_sign && !wanted.contains(&key.algorithm)) {
        return Ok(Some(change));
    }
    // Nothing signs any more: what the tenant wants signs, and no longer what it does not.
    let algorithm = if wanted.contains(&key.algorithm) {
        key.algorithm
    } else {
        wanted.first().copied().unwrap_or(key.algorithm)
    };
    if let Some(next) = Keys(existing).pending(algorithm) {
        return Ok(Some(activate(change, next, schedule, now)));
    }
    let state = KeyState::Active { rotate_at: schedule.rotate_at(now) };
    Ok(Some(insert(change, SigningKey::generate(algorithm, state, now, rng)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::rng::SeededRng;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const OTHER: SigningAlgorithm = SigningAlgorithm::Es256;
    const USUAL: SigningAlgorithm = SigningAlgorithm::EdDsa;

    fn key(algorithm: SigningAlgorithm, state: KeyState, seed: u64) -> SigningKey {
        SigningKey::generate(algorithm, state, NOW, &SeededRng::new(seed)).unwrap()
    }

    fn revoke(existing: &[SigningKey], which: usize, wanted: &[SigningAlgorithm]) -> Vec<Write> {
        let by = (&TenantId::default_tenant(), Actor::System);
        let schedule = RotationSchedule::default();
        let kid = &existing[which].kid;
        let decided =
            revoke_key(by, kid, (wanted, &schedule), existing, NOW, &SeededRng::new(9)).unwrap().unwrap();
        assert!(decided.audit.iter().any(|event| event.action == "signing_key.revoked"));
        let Some((Write::RevokeSigningKey { kid: revoked, at: NOW }, rest)) = decided.writes.split_first()
        else {
            panic!("{:?}", decided.writes)
        };
        assert_eq!(revoked, kid);
        rest.to_vec()
    }

    #[test]
    fn the_next_key_takes_over_at_once() {
        let active = key(USUAL, KeyState::Active { rotate_at: NOW }, 1);
        let pending = key(USUAL, KeyState::Pending { signs_from: Timestamp::from_seconds(9_000_000) }, 2);
        let writes = revoke(&[active, pending.clone()], 0, &[USUAL]);
        assert!(
            matches!(&writes[..], [Write::ActivateSigningKey { kid, .. }] if *kid == pending.kid),
            "{writes:?}"
        );
    }

    #[test]
    fn the_last_key_has_a_successor_made() {
        let active = key(USUAL, KeyState::Active { rotate_at: NOW }, 1);
        let retired = key(USUAL, KeyState::Retired { until: Timestamp::from_seconds(9_000_000) }, 2);
        for (wanted, expect) in [(&[USUAL][..], USUAL), (&[OTHER][..], OTHER), (&[][..], USUAL)] {
            let writes = revoke(&[active.clone(), retired.clone()], 0, wanted);
            let [Write::InsertSigningKey(made)] = &writes[..] else { panic!("{writes:?}") };
            assert!(made.signs() && made.kid != active.kid && made.algorithm == expect, "{made:?}");
        }
    }

    #[test]
    fn what_did_not_sign_has_no_successor() {
        let states = [
            KeyState::Active { rotate_at: NOW },
            KeyState::Pending { signs_from: NOW },
            KeyState::Retired { until: Timestamp::from_seconds(9_000_000) },
        ];
        let keys = [0, 1, 2].map(|index| key(USUAL, states[index], index as u64));
        assert!(revoke(&keys, 1, &[USUAL]).is_empty());
        assert!(revoke(&keys, 2, &[USUAL]).is_empty());
        // Nor has what the tenant signs with no more, while another signs.
        let leaving = key(OTHER, KeyState::Active { rotate_at: NOW }, 7);
        assert!(revoke(&[keys[0].clone(), leaving], 1, &[USUAL]).is_empty());
    }

    #[test]
    fn again_is_no_error_and_nobody_is() {
        let revoked = key(USUAL, KeyState::Revoked { at: NOW }, 1);
        let decide = |kid: &KeyId| {
            let by = (&TenantId::default_tenant(), Actor::System);
            let schedule = RotationSchedule::default();
            let existing = std::slice::from_ref(&revoked);
            revoke_key(by, kid, (&[USUAL], &schedule), existing, NOW, &SeededRng::new(9))
                .map(|change| change.is_some())
        };
        assert_eq!(decide(&revoked.kid), Ok(false));
        assert_eq!(decide(&"nobody".parse().unwrap()), Err(RevokeError::NotFound));
    }
}
