//! The accidents that a verifier with an old key set meets, and the life of a key.

use super::*;
use crate::TenantKeys;
use futures_util::FutureExt as _;
use primitives::rng::SeededRng;

const EDDSA: SigningAlgorithm = SigningAlgorithm::EdDsa;
const ES256: SigningAlgorithm = SigningAlgorithm::Es256;
const ES384: SigningAlgorithm = SigningAlgorithm::Es384;
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
                    KeyState::Revoked { .. } => panic!("a key is not born revoked"),
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
            other => panic!("rotation leaves the sets of operators alone: {other:?}"),
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

    /// Rotates what is there.
    fn rotate(&mut self, now: Timestamp, rng: &dyn Rng) -> Vec<&'static str> {
        let all: Vec<_> = self.0.iter().map(|key| key.algorithm).collect();
        self.rotate_wanting(&all, now, rng)
    }

    fn rotate_wanting(
        &mut self,
        wanted: &[SigningAlgorithm],
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Vec<&'static str> {
        let change = rotate(&TenantId::default_tenant(), wanted, &self.0, &SCHEDULE, now, rng).unwrap();
        self.apply(change)
    }

    fn take_over(&mut self, wanted: &[SigningAlgorithm], now: Timestamp) -> Vec<&'static str> {
        let change = take_over(&TenantId::default_tenant(), wanted, &self.0, &SCHEDULE, now);
        self.apply(change)
    }

    /// What signs.
    fn signing(&self) -> Vec<SigningAlgorithm> {
        self.0.iter().filter(|key| key.signs()).map(|key| key.algorithm).collect()
    }
}

#[test]
fn new_tenant_gets_a_signing_key_of_each_wanted_algorithm_once() {
    let (rng, mut store) = (SeededRng::new(1), Store::default());
    let wanted = [EDDSA, ES256, EDDSA];
    assert_eq!(store.ensure(&wanted, START, &rng), ["create", "create"]);
    assert_eq!(store.ensure(&wanted, START, &rng), [""; 0]);
    let keys = TenantKeys::new(&store.0, START).unwrap();
    assert!(wanted.into_iter().all(|algorithm| keys.signer(algorithm).is_some()));
}

#[test]
fn key_of_another_algorithm_is_published_before_it_signs() {
    let (rng, mut store) = (SeededRng::new(1), Store::default());
    store.ensure(&[ES256], START, &rng);
    assert_eq!(store.ensure(&[ES256, EDDSA], at(5), &rng), ["publish"]);
    assert_eq!(store.ensure(&[ES256, EDDSA], at(6), &rng), [""; 0], "it waits");
    assert_eq!(store.rotate(at(14), &rng), [""; 0]);
    assert_eq!(store.signing(), [ES256]);
    assert_eq!(store.rotate(at(15), &rng), ["activate"]);
    assert_eq!(store.signing(), [ES256, EDDSA]);
}

#[test]
fn waiting_successor_takes_over_where_nothing_signs() {
    let (rng, mut store) = (SeededRng::new(2), Store::default());
    let state = KeyState::Pending { signs_from: at(50) };
    store.0.push(SigningKey::generate(EDDSA, state, START, &rng).unwrap());
    assert_eq!(store.ensure(&[EDDSA], START, &rng), ["activate"]);
}

#[test]
fn keys_are_published_then_sign_then_retire_then_leave() {
    let (rng, mut store) = (SeededRng::new(3), Store::default());
    store.ensure(&[EDDSA], START, &rng);
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

/// Plays 400 s of a tenant that wants at each second what `wanted` says: every token of it is signed, and
/// verifies for its 30 s against key sets that are up to 9 s old. The job runs every 3 s.
fn check_stale_sets(seed: u64, wanted: impl Fn(i64) -> Vec<SigningAlgorithm>) -> Store {
    let (rng, mut store) = (SeededRng::new(seed), Store::default());
    let mut sets: Vec<(i64, TenantKeys)> = Vec::new();
    let mut tokens: Vec<(i64, String)> = Vec::new();
    for now in (0..400).step_by(3) {
        let wanted = wanted(now);
        store.ensure(&wanted, at(now), &rng);
        store.take_over(&wanted, at(now));
        store.rotate_wanting(&wanted, at(now), &rng);
        sets.push((now, TenantKeys::new(&store.0, at(now)).unwrap()));
        // Any key that signs may be used.
        let keys = sets.last().map(|(_, keys)| keys).unwrap();
        let signers: Vec<_> = SigningAlgorithm::ALL.into_iter().filter_map(|one| keys.signer(one)).collect();
        assert!(!signers.is_empty(), "nothing signs at {now} s");
        let sign = |signer: &crate::TokenSigner| {
            (now, signer.sign(crate::TokenType::Jwt, &now).now_or_never().unwrap().unwrap())
        };
        tokens.extend(signers.into_iter().map(sign));
    }
    for (signed, token) in &tokens {
        for (cached, keys) in sets.iter().filter(|(at, _)| (signed - 9..signed + 30).contains(at)) {
            let read = crate::UnverifiedJws::parse(token).unwrap().verify_with(keys.verifying());
            assert!(read.is_ok(), "token of {signed} s, key set of {cached} s");
        }
    }
    store
}

#[test]
fn every_token_verifies_for_its_life_against_a_stale_key_set() {
    check_stale_sets(4, |_| vec![EDDSA]);
}

#[test]
fn tenant_that_changes_its_algorithm_never_stops_signing_and_publishes_first() {
    let check = |at: &[i64], turns: &[&[SigningAlgorithm]]| {
        let turn = |now| at.iter().filter(|at| **at <= now).count();
        let store = check_stale_sets(7, |now| turns[turn(now)].to_vec());
        assert_eq!(store.signing(), turns[turns.len() - 1], "{turns:?} at {at:?}");
    };
    check(&[50], &[&[ES256], &[EDDSA]]);
    check(&[50], &[&[ES256, ES384], &[EDDSA]]);
    // In the time when its successor is published, and when that takes over.
    check(&[93], &[&[ES256], &[EDDSA]]);
    check(&[99], &[&[ES256], &[EDDSA]]);
    // There and back, before the first turn is done, as it is done, and after.
    for back in [53, 60, 63, 90] {
        check(&[50, back], &[&[ES256], &[EDDSA], &[ES256]]);
        check(&[50, back], &[&[ES256], &[EDDSA], &[ES384]]);
    }
}

#[test]
fn unwanted_algorithm_signs_until_the_others_do_and_stays_published_while_its_tokens_live() {
    let (rng, mut store) = (SeededRng::new(6), Store::default());
    store.ensure(&[EDDSA], START, &rng);
    store.rotate(at(90), &rng);
    assert_eq!(store.take_over(&[EDDSA], at(91)), [""; 0]);
    store.ensure(&[ES256], at(91), &rng);
    assert_eq!(store.take_over(&[ES256], at(91)), [""; 0], "the wanted one is only published");
    // Its successor, which was published already, takes over meanwhile.
    assert_eq!(store.rotate_wanting(&[ES256], at(100), &rng), ["retire", "activate"]);
    assert_eq!(store.signing(), [EDDSA]);
    assert_eq!(store.rotate_wanting(&[ES256], at(101), &rng), ["retire", "activate"]);
    assert_eq!(store.take_over(&[ES256], at(101)), [""; 0], "once");
    assert_eq!(store.signing(), [ES256]);
    assert_eq!(TenantKeys::new(&store.0, at(101)).unwrap().jwks().keys.len(), 3);
    assert_eq!(store.ensure(&[EDDSA, ES256], at(102), &rng), ["publish"], "wanted again, it gets a new key");
    // 101 s, and 30 s for tokens and a minute of slack.
    assert_eq!(store.rotate(at(189), &rng), ["activate"]);
    assert_eq!(store.rotate(at(190), &rng), ["delete"]);
    assert_eq!(store.rotate(at(191), &rng), ["delete", "publish"]);
}

#[test]
fn unwanted_algorithm_gets_no_successor() {
    let (rng, mut store) = (SeededRng::new(6), Store::default());
    store.ensure(&[EDDSA], START, &rng);
    store.ensure(&[ES256], at(85), &rng);
    assert_eq!(store.rotate_wanting(&[ES256], at(94), &rng), [""; 0], "it is due, and on its way out");
    assert_eq!(store.rotate_wanting(&[ES256], at(95), &rng), ["retire", "activate"]);
}

#[test]
fn key_that_was_published_for_nothing_leaves_at_once() {
    let (rng, mut store) = (SeededRng::new(6), Store::default());
    store.ensure(&[EDDSA], START, &rng);
    store.ensure(&[EDDSA, ES256], at(1), &rng);
    assert_eq!(store.take_over(&[EDDSA], at(2)), ["retire"]);
    // Also one that appeared after it was given up, and is due.
    store.ensure(&[EDDSA, ES384], at(3), &rng);
    assert_eq!(store.rotate_wanting(&[EDDSA], at(20), &rng), ["retire"]);
    assert_eq!(store.signing(), [EDDSA]);
}

#[test]
fn algorithms_rotate_apart_in_one_change() {
    let (rng, mut store) = (SeededRng::new(5), Store::default());
    store.ensure(&[EDDSA, ES256], START, &rng);
    assert_eq!(store.rotate(at(90), &rng), ["publish", "publish"]);
    assert_eq!(store.rotate(at(100), &rng), ["retire", "activate", "retire", "activate"]);
}
