//! What is to be done about a tenant's signing keys: publish, then sign, then retire, then delete.
//!
//! Attack, or rather accident: a verifier keeps a copy of the key set. A key that signs before every copy
//! has it, or leaves the set while a token of it lives, makes good tokens look forged, and operators
//! answer that by turning verification off. So a successor is published well before it signs, and a
//! retired key stays published for as long as the longest token lives.
//!
//! Everything here decides on a list of keys that was read a moment ago. Two nodes may decide the same at
//! once: the guards of [`Write`] let one of them through, and the other reads again.

use primitives::audit::Actor;
use primitives::{AuditEvent, Change, Rng, TenantId, Timestamp};

use crate::algorithm::SigningAlgorithm;
use crate::generate::GenerationFailed;
use crate::settings::RotationSchedule;
use crate::signing_key::{KeyState, SigningKey, Write};

/// Gives a tenant a key that signs at once for each wanted algorithm without one; `None` if it has all.
///
/// It need not be published ahead: there is no token of that algorithm yet, and a verifier that meets the
/// first one finds no key of its name and reads the set anew. A successor that waits for its time takes
/// over instead of a new key. Making an RSA key takes up to some seconds of CPU: call this where nobody
/// waits for the thread.
pub fn ensure_keys(
    tenant: &TenantId,
    algorithms: &[SigningAlgorithm],
    existing: &[SigningKey],
    schedule: &RotationSchedule,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Option<Change<Write>>, GenerationFailed> {
    let keys = Keys(existing);
    let mut change = Change::new(tenant.clone());
    for (index, algorithm) in algorithms.iter().copied().enumerate() {
        if algorithms.iter().take(index).any(|before| *before == algorithm)
            || keys.active(algorithm).is_some()
        {
            continue;
        }
        change = if let Some(pending) = keys.pending(algorithm) {
            activate(change, pending, schedule, now)
        } else {
            let state = KeyState::Active { rotate_at: schedule.rotate_at(now) };
            insert(change, SigningKey::generate(algorithm, state, now, rng)?)
        };
    }
    Ok(unless_empty(change))
}

/// Takes the keys of algorithms that are not among `algorithms` out of use; `None` if there are none.
///
/// They stay published until what they signed has expired. Whoever names such an algorithm again at the
/// same time may have found its key signing, and made none: read the settings once more after this.
pub fn retire_unnamed(
    tenant: &TenantId,
    algorithms: &[SigningAlgorithm],
    existing: &[SigningKey],
    schedule: &RotationSchedule,
    now: Timestamp,
) -> Option<Change<Write>> {
    let unnamed = existing
        .iter()
        .filter(|key| !matches!(key.state, KeyState::Retired { .. }) && !algorithms.contains(&key.algorithm));
    // A pending one too: by now it may have begun to sign.
    let until = schedule.retired_until(now);
    unless_empty(
        unnamed.fold(Change::new(tenant.clone()), |change, key| retire(change, key, until, Actor::System)),
    )
}

/// Does what is due about the keys that a tenant has; `None` if nothing is.
///
/// Each step is due by its own time, so that a node that was away does late what it missed, and never
/// lets a key sign that was not published for the whole of `publish_ahead_seconds`. Makes keys: see
/// [`ensure_keys`] for what that costs.
pub fn rotate(
    tenant: &TenantId,
    existing: &[SigningKey],
    schedule: &RotationSchedule,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Option<Change<Write>>, GenerationFailed> {
    let keys = Keys(existing);
    let mut change = Change::new(tenant.clone());
    for key in existing.iter().filter(|key| key.state.due_at() <= now) {
        change = match key.state {
            KeyState::Retired { .. } => delete(change, key, now),
            KeyState::Pending { .. } => {
                if let Some(former) = keys.active(key.algorithm) {
                    change = retire(change, former, schedule.retired_until(now), Actor::System);
                }
                activate(change, key, schedule, now)
            }
            // Its successor is published already and not due, or is due and handled as itself.
            KeyState::Active { .. } if keys.pending(key.algorithm).is_some() => change,
            KeyState::Active { .. } => {
                let state = KeyState::Pending { signs_from: schedule.signs_from(now) };
                insert(change, SigningKey::generate(key.algorithm, state, now, rng)?)
            }
        };
    }
    Ok(unless_empty(change))
}

/// A tenant's keys by what they do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'a>(pub(crate) &'a [SigningKey]);

impl<'a> Keys<'a> {
    pub(crate) fn active(self, algorithm: SigningAlgorithm) -> Option<&'a SigningKey> {
        self.of(algorithm).find(|key| matches!(key.state, KeyState::Active { .. }))
    }

    pub(crate) fn pending(self, algorithm: SigningAlgorithm) -> Option<&'a SigningKey> {
        self.of(algorithm).find(|key| matches!(key.state, KeyState::Pending { .. }))
    }

    fn of(self, algorithm: SigningAlgorithm) -> impl Iterator<Item = &'a SigningKey> {
        self.0.iter().filter(move |key| key.algorithm == algorithm)
    }
}

fn unless_empty(change: Change<Write>) -> Option<Change<Write>> {
    (!change.writes.is_empty()).then_some(change)
}

fn insert(change: Change<Write>, key: SigningKey) -> Change<Write> {
    let audit = of_key("signing_key.created", &key, Actor::System).with("algorithm", &key.algorithm);
    change.write(Write::InsertSigningKey(Box::new(key))).audit(audit)
}

fn activate(
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

fn of_key(action: &'static str, key: &SigningKey, actor: Actor) -> AuditEvent {
    AuditEvent::new(action, actor, "signing_key", &key.kid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TenantKeys;
    use primitives::rng::SeededRng;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);
    /// Signs for 100 s, of which its successor is published for 10 s, then stays for 30 s and a minute.
    const SCHEDULE: RotationSchedule =
        RotationSchedule { rotate_every_seconds: 100, publish_ahead_seconds: 10, keep_retired_seconds: 30 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(START.seconds() + seconds)
    }

    /// A store that holds to the guards, with what each write did as a word.
    #[derive(Debug, Default)]
    struct Store(Vec<SigningKey>);

    impl Store {
        fn apply(&mut self, change: Option<Change<Write>>) -> Vec<&'static str> {
            let Some(change) = change else { return Vec::new() };
            assert_eq!(change.audit.len(), change.writes.len(), "every write has its record");
            change.writes.into_iter().map(|write| self.write(write)).collect()
        }

        fn write(&mut self, write: Write) -> &'static str {
            match write {
                Write::InsertSigningKey(key) => {
                    let keys = Keys(&self.0);
                    assert!(self.0.iter().all(|other| other.kid != key.kid));
                    let word = match key.state {
                        KeyState::Pending { .. } => {
                            assert!(keys.pending(key.algorithm).is_none());
                            "publish"
                        }
                        KeyState::Active { .. } => {
                            assert!(keys.active(key.algorithm).is_none());
                            "create"
                        }
                        KeyState::Retired { .. } => panic!("a key is not born retired"),
                    };
                    self.0.push(*key);
                    word
                }
                Write::ActivateSigningKey { kid, rotate_at } => {
                    let algorithm = self.find(&kid).algorithm;
                    assert!(Keys(&self.0).active(algorithm).is_none());
                    let key = self.find(&kid);
                    assert!(matches!(key.state, KeyState::Pending { .. }));
                    key.state = KeyState::Active { rotate_at };
                    "activate"
                }
                Write::RetireSigningKey { kid, until } => {
                    let key = self.find(&kid);
                    assert!(!matches!(key.state, KeyState::Retired { .. }));
                    key.state = KeyState::Retired { until };
                    "retire"
                }
                Write::DeleteSigningKey { kid, now } => {
                    let state = self.find(&kid).state;
                    assert!(matches!(state, KeyState::Retired { until } if until <= now));
                    self.0.retain(|key| key.kid != kid);
                    "delete"
                }
            }
        }

        fn find(&mut self, kid: &crate::KeyId) -> &mut SigningKey {
            self.0.iter_mut().find(|key| key.kid == *kid).unwrap()
        }

        fn ensure(
            &mut self,
            algorithms: &[SigningAlgorithm],
            now: Timestamp,
            rng: &dyn Rng,
        ) -> Vec<&'static str> {
            let tenant = TenantId::default_tenant();
            let change = ensure_keys(&tenant, algorithms, &self.0, &SCHEDULE, now, rng).unwrap();
            self.apply(change)
        }

        fn rotate(&mut self, now: Timestamp, rng: &dyn Rng) -> Vec<&'static str> {
            let change = rotate(&TenantId::default_tenant(), &self.0, &SCHEDULE, now, rng).unwrap();
            self.apply(change)
        }
    }

    #[test]
    fn new_tenant_gets_a_signing_key_of_each_wanted_algorithm_once() {
        let (rng, mut store) = (SeededRng::new(1), Store::default());
        let wanted = [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];
        assert_eq!(store.ensure(&wanted, START, &rng), ["create", "create"]);
        assert_eq!(store.ensure(&wanted, START, &rng), [""; 0]);
        let keys = TenantKeys::new(&store.0, START).unwrap();
        assert!(wanted.into_iter().all(|algorithm| keys.signer(algorithm).is_some()));
        assert_eq!(store.ensure(&[SigningAlgorithm::Es384], at(5), &rng), ["create"]);
    }

    #[test]
    fn waiting_successor_takes_over_where_nothing_signs() {
        let (rng, mut store) = (SeededRng::new(2), Store::default());
        let state = KeyState::Pending { signs_from: at(50) };
        store.0.push(SigningKey::generate(SigningAlgorithm::EdDsa, state, START, &rng).unwrap());
        assert_eq!(store.ensure(&[SigningAlgorithm::EdDsa], START, &rng), ["activate"]);
    }

    #[test]
    fn keys_are_published_then_sign_then_retire_then_leave() {
        let (rng, mut store) = (SeededRng::new(3), Store::default());
        store.ensure(&[SigningAlgorithm::EdDsa], START, &rng);
        let mut check = |seconds, expect: &[&str]| {
            assert_eq!(store.rotate(at(seconds), &rng), expect, "after {seconds} s");
        };
        check(0, &[]);
        check(89, &[]);
        check(90, &["publish"]);
        check(99, &[]);
        check(100, &["retire", "activate"]);
        check(189, &[]);
        check(190, &["delete", "publish"]);
        check(200, &["retire", "activate"]);
        // A node that was away publishes first, however late it is.
        check(10_000, &["delete", "publish"]);
        check(10_009, &[]);
        check(10_010, &["retire", "activate"]);
    }

    #[test]
    fn every_token_verifies_for_its_life_against_a_stale_key_set() {
        // Tokens live 30 s, key sets are cached for 9 s, the job runs every 3 s.
        let (rng, mut store) = (SeededRng::new(4), Store::default());
        store.ensure(&[SigningAlgorithm::EdDsa], START, &rng);
        let mut sets: Vec<(i64, TenantKeys)> = Vec::new();
        let mut tokens: Vec<(i64, String)> = Vec::new();
        for now in (0..400).step_by(3) {
            store.rotate(at(now), &rng);
            sets.push((now, TenantKeys::new(&store.0, at(now)).unwrap()));
            let signer = sets.last().and_then(|(_, keys)| keys.signer(SigningAlgorithm::EdDsa)).unwrap();
            tokens.push((now, signer.sign(crate::TokenType::Jwt, &now).unwrap()));
        }
        for (signed, token) in &tokens {
            for (cached, keys) in sets.iter().filter(|(at, _)| (signed - 9..signed + 30).contains(at)) {
                let read = crate::UnverifiedJws::parse(token).unwrap().verify_with(keys.verifying());
                assert!(read.is_ok(), "token of {signed} s, key set of {cached} s");
            }
        }
    }

    #[test]
    fn unnamed_algorithm_signs_no_more_and_stays_published_while_its_tokens_live() {
        let (rng, mut store) = (SeededRng::new(6), Store::default());
        let both = [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256];
        store.ensure(&both, START, &rng);
        store.rotate(at(90), &rng);
        let mut retire = |algorithms: &[SigningAlgorithm], seconds| {
            let tenant = TenantId::default_tenant();
            let change = retire_unnamed(&tenant, algorithms, &store.0, &SCHEDULE, at(seconds));
            store.apply(change)
        };
        assert_eq!(retire(&both, 91), [""; 0]);
        assert_eq!(retire(&both[1..], 91), ["retire", "retire"], "the active and the pending one");
        assert_eq!(retire(&both[1..], 91), [""; 0], "once");
        let keys = TenantKeys::new(&store.0, at(91)).unwrap();
        assert!(keys.signer(SigningAlgorithm::EdDsa).is_none());
        assert!(keys.signer(SigningAlgorithm::Es256).is_some());
        assert_eq!(keys.jwks().keys.len(), 4);
        assert_eq!(store.rotate(at(100), &rng), ["retire", "activate"], "no successor is made");
        assert_eq!(store.ensure(&both, at(101), &rng), ["create"], "named again, it gets a new key");
        // 91 s, and 30 s for tokens and a minute of slack.
        assert_eq!(store.rotate(at(180), &rng), [""; 0]);
        assert_eq!(store.rotate(at(181), &rng), ["delete", "delete"]);
    }

    #[test]
    fn algorithms_rotate_apart_in_one_change() {
        let (rng, mut store) = (SeededRng::new(5), Store::default());
        store.ensure(&[SigningAlgorithm::EdDsa, SigningAlgorithm::Es256], START, &rng);
        assert_eq!(store.rotate(at(90), &rng), ["publish", "publish"]);
        assert_eq!(store.rotate(at(100), &rng), ["retire", "activate", "retire", "activate"]);
    }
}
