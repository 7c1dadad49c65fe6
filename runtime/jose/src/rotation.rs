//! What is to be done about a tenant's signing keys: publish, then sign, then retire, then delete.
//!
//! Attack, or rather accident: a verifier keeps a copy of the key set. A key that signs before every copy
//! has it, or leaves the set while a token of it lives, makes good tokens look forged, and operators
//! answer that by turning verification off. So a successor is published well before it signs, and a
//! retired key stays published for as long as the longest token lives. The same holds for a tenant that
//! changes its algorithm: what signed before goes on until the new key has been published long enough.
//!
//! Everything here decides on a list of keys that was read a moment ago. Two nodes may decide the same at
//! once: the guards of [`Write`] let one of them through, and the other reads again.

use primitives::audit::Actor;
use primitives::{AuditEvent, Change, Rng, TenantId, Timestamp};

use crate::algorithm::SigningAlgorithm;
use crate::generate::GenerationFailed;
use crate::settings::RotationSchedule;
use crate::signing_key::{KeyState, SigningKey, Write};

/// Gives a tenant a key for each wanted algorithm without one; `None` if it has all.
///
/// Where nothing signs yet they sign at once: there is no token, and nobody has a copy of the set. Where
/// a key signs, others are published first and [`take_over`] when their time has come; until then that one
/// goes on. Making an RSA key takes up to some seconds of CPU: call this where nobody waits for the thread.
pub fn ensure_keys(
    tenant: &TenantId,
    wanted: &[SigningAlgorithm],
    existing: &[SigningKey],
    schedule: &RotationSchedule,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Option<Change<Write>>, GenerationFailed> {
    let keys = Keys(existing);
    let at_once = !existing.iter().any(SigningKey::signs);
    let mut change = Change::new(tenant.clone());
    for (index, algorithm) in wanted.iter().copied().enumerate() {
        if wanted.iter().take(index).any(|before| *before == algorithm) || keys.active(algorithm).is_some() {
            continue;
        }
        change = match keys.pending(algorithm) {
            Some(pending) if at_once => activate(change, pending, schedule, now),
            Some(_) => change,
            None => {
                let state = if at_once {
                    KeyState::Active { rotate_at: schedule.rotate_at(now) }
                } else {
                    KeyState::Pending { signs_from: schedule.signs_from(now) }
                };
                insert(change, SigningKey::generate(algorithm, state, now, rng)?)
            }
        };
    }
    Ok(unless_empty(change))
}

/// Lets published keys sign whose time has come, and takes the keys of algorithms that are not wanted out
/// of use; `None` if there is nothing to do. Makes no key.
///
/// What is not wanted signs until every wanted algorithm has a key that does, so that there always is one,
/// and stays published until what it signed has expired. Whoever wants such an algorithm again at the same
/// time may have found its key signing, and made none: read the settings once more after this.
pub fn take_over(
    tenant: &TenantId,
    wanted: &[SigningAlgorithm],
    existing: &[SigningKey],
    schedule: &RotationSchedule,
    now: Timestamp,
) -> Option<Change<Write>> {
    let (keys, until) = (Keys(existing), schedule.retired_until(now));
    let step = |change, key: &SigningKey| match key.state {
        KeyState::Retired { .. } | KeyState::Revoked { .. } => change,
        // A pending one too: by now it may have begun to sign.
        _ if keys.leaves(key, wanted, now) => retire(change, key, until, Actor::System),
        KeyState::Pending { signs_from } if signs_from <= now => {
            let change = match keys.active(key.algorithm) {
                Some(former) => retire(change, former, until, Actor::System),
                None => change,
            };
            activate(change, key, schedule, now)
        }
        KeyState::Pending { .. } | KeyState::Active { .. } => change,
    };
    unless_empty(existing.iter().fold(Change::new(tenant.clone()), step))
}

/// Does what is due about the keys that a tenant has; `None` if nothing is.
///
/// Each step is due by its own time, so that a node that was away does late what it missed, and never
/// lets a key sign that was not published for the whole of `publish_ahead_seconds`. What is not wanted gets
/// no successor. Makes keys: see [`ensure_keys`] for what that costs.
pub fn rotate(
    tenant: &TenantId,
    wanted: &[SigningAlgorithm],
    existing: &[SigningKey],
    schedule: &RotationSchedule,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Option<Change<Write>>, GenerationFailed> {
    let keys = Keys(existing);
    let taken_over = take_over(tenant, wanted, existing, schedule, now);
    let mut change = taken_over.unwrap_or_else(|| Change::new(tenant.clone()));
    for key in existing.iter().filter(|key| key.state.due_at() <= now) {
        change = match key.state {
            KeyState::Retired { .. } => delete(change, key, now),
            // Its successor, if it is to have one, is published already.
            KeyState::Active { .. }
                if keys.pending(key.algorithm).is_none() && wanted.contains(&key.algorithm) =>
            {
                let state = KeyState::Pending { signs_from: schedule.signs_from(now) };
                insert(change, SigningKey::generate(key.algorithm, state, now, rng)?)
            }
            // What has leaked is remembered, so that it never comes back.
            KeyState::Pending { .. } | KeyState::Active { .. } | KeyState::Revoked { .. } => change,
        };
    }
    Ok(unless_empty(change))
}

/// A tenant's keys by what they do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'a>(pub(crate) &'a [SigningKey]);

impl<'a> Keys<'a> {
    pub(crate) fn active(self, algorithm: SigningAlgorithm) -> Option<&'a SigningKey> {
        self.of(algorithm).find(|key| key.signs())
    }

    pub(crate) fn pending(self, algorithm: SigningAlgorithm) -> Option<&'a SigningKey> {
        self.of(algorithm).find(|key| matches!(key.state, KeyState::Pending { .. }))
    }

    /// Whether a key goes out of use since its algorithm is not wanted. One that signs is needed, with its
    /// successor, for as long as a wanted algorithm has no key that signs at `now`.
    fn leaves(self, key: &SigningKey, wanted: &[SigningAlgorithm], now: Timestamp) -> bool {
        let signs = |algorithm: &SigningAlgorithm| {
            let due = |pending: &SigningKey| pending.state.due_at() <= now;
            self.active(*algorithm).is_some() || self.pending(*algorithm).is_some_and(due)
        };
        !wanted.contains(&key.algorithm) && (self.active(key.algorithm).is_none() || wanted.iter().all(signs))
    }

    fn of(self, algorithm: SigningAlgorithm) -> impl Iterator<Item = &'a SigningKey> {
        self.0.iter().filter(move |key| key.algorithm == algorithm)
    }
}

fn unless_empty(change: Change<Write>) -> Option<Change<Write>> {
    (!change.writes.is_empty()).then_some(change)
}

pub(crate) fn insert(change: Change<Write>, key: SigningKey) -> Change<Write> {
    let audit = of_key("signing_key.created", &key, Actor::System).with("algorithm", &key.algorithm);
    change.write(Write::InsertSigningKey(Box::new(key))).audit(audit)
}

pub(crate) fn activate(
    change: Change<Write>,
    key: &SigningKey,
    schedule: &RotationSchedule,
    now: Timestamp,
) -> Change<Write> {
    let write = Write::ActivateSigningKey { kid: key.kid.clone(), rotate_at: schedule.rotate_at(now) };
    change.write(write).audit(of_key("signing_key.activated", key, Actor::System))
}

/// Stands before the write that makes another key active: the guards take them in this order.
pub(crate) fn retire(
    change: Change<Write>,
    key: &SigningKey,
    until: Timestamp,
    actor: Actor,
) -> Change<Write> {
    let write = Write::RetireSigningKey { kid: key.kid.clone(), until };
    change.write(write).audit(of_key("signing_key.retired", key, actor))
}

fn delete(change: Change<Write>, key: &SigningKey, now: Timestamp) -> Change<Write> {
    let write = Write::DeleteSigningKey { kid: key.kid.clone(), now };
    change.write(write).audit(of_key("signing_key.deleted", key, Actor::System))
}

pub(crate) fn of_key(action: &'static str, key: &SigningKey, actor: Actor) -> AuditEvent {
    AuditEvent::new(action, actor, "signing_key", &key.kid)
}

#[cfg(test)]
mod tests;
