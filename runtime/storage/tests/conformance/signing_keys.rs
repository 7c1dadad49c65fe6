//! Signing keys: sealed at rest, one pending and one active of an algorithm, and parsed anew when one
//! changes.

use futures_util::future::join_all;
use jose::ports::SigningKeys as _;
use jose::{KeyState, RotationSchedule, SigningAlgorithm, SigningKey, Write, revoke_key};
use oauth2::ports::TokenKeys as _;
use oauth2::write::Write as TokenWrite;
use portcullis_storage::ApplyError;
use primitives::{Actor, Change, TenantId};

use crate::world::World;

impl World {
    fn key(&self, algorithm: SigningAlgorithm, state: KeyState) -> SigningKey {
        SigningKey::generate(algorithm, state, self.now(), &*self.rng).unwrap()
    }

    fn pending(&self) -> SigningKey {
        self.key(SigningAlgorithm::Es256, KeyState::Pending { signs_from: self.in_seconds(10) })
    }

    fn active(&self) -> SigningKey {
        self.key(SigningAlgorithm::Es256, KeyState::Active { rotate_at: self.in_seconds(100) })
    }

    /// What signs, if anything does.
    async fn signer(&self) -> Option<String> {
        let keys = self.storage.load_keys(&self.tenant).await.unwrap();
        keys.signer(SigningAlgorithm::Es256).map(|signer| signer.kid().to_owned())
    }

    async fn states(&self) -> Vec<(String, KeyState)> {
        let keys = self.storage.list_signing_keys(&self.tenant).await.unwrap();
        keys.into_iter().map(|key| (key.kid.to_string(), key.state)).collect()
    }
}

fn insert(key: &SigningKey) -> Write {
    Write::InsertSigningKey(Box::new(key.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_read_as_it_was_written() {
    for world in World::each().await {
        let key = world.active();
        assert_eq!(world.apply([insert(&key)]).await, None);
        assert_eq!(world.apply([insert(&key)]).await, Some(0), "its name is taken");
        let listed = world.storage.list_signing_keys(&world.tenant).await.unwrap();
        let [found] = listed.as_slice() else { panic!("not one key") };
        assert_eq!(
            (&found.kid, found.algorithm, found.created_at, found.state, found.key.to_json()),
            (&key.kid, key.algorithm, key.created_at, key.state, key.key.to_json()),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_algorithm_has_one_pending_and_one_active_key() {
    for world in World::each().await {
        assert_eq!(world.apply([insert(&world.active()), insert(&world.pending())]).await, None);
        assert_eq!(world.apply([insert(&world.active())]).await, Some(0));
        assert_eq!(world.apply([insert(&world.pending())]).await, Some(0));
        let other = world.key(SigningAlgorithm::EdDsa, world.active().state);
        assert_eq!(world.apply([insert(&other)]).await, None, "another algorithm has its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_goes_from_pending_to_active_to_retired_to_gone() {
    for world in World::each().await {
        let (old, new) = (world.active(), world.pending());
        assert_eq!(world.apply([insert(&old), insert(&new)]).await, None);
        let (rotate_at, until) = (world.in_seconds(200), world.in_seconds(300));
        let activate = || Write::ActivateSigningKey { kid: new.kid.clone(), rotate_at };
        let retire = || Write::RetireSigningKey { kid: old.kid.clone(), until };
        let delete = |now| Write::DeleteSigningKey { kid: old.kid.clone(), now };
        assert_eq!(world.apply([activate()]).await, Some(0), "another key is active");
        assert_eq!(world.apply([delete(until)]).await, Some(0), "not retired");
        assert_eq!(world.apply([retire(), activate()]).await, None);
        assert_eq!(world.apply([retire()]).await, Some(0), "retired already");
        assert_eq!(world.apply([activate()]).await, Some(0), "not pending");
        let mut expected = vec![
            (old.kid.to_string(), KeyState::Retired { until }),
            (new.kid.to_string(), KeyState::Active { rotate_at }),
        ];
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(world.states().await, expected, "made at the same time, ordered by name");
        assert_eq!(world.apply([delete(world.in_seconds(299))]).await, Some(0), "its time is not over");
        assert_eq!(world.apply([delete(until)]).await, None);
        assert_eq!(world.states().await, [(new.kid.to_string(), KeyState::Active { rotate_at })]);
    }
}

/// A lifespan was lowered: what was signed before lives as long as it did.
#[tokio::test(flavor = "multi_thread")]
async fn key_that_is_needed_for_longer_stays_for_longer_when_it_retires() {
    for world in World::each().await {
        let (old, new) = (world.active(), world.pending());
        assert_eq!(world.apply([insert(&old), insert(&new)]).await, None);
        let keep = |seconds| TokenWrite::KeepSigningKeys { until: world.in_seconds(seconds) };
        assert_eq!(world.apply([keep(500)]).await, None);
        assert_eq!(world.apply([keep(400)]).await, None, "nothing is brought forward");
        let elsewhere = Change::new("other".parse().unwrap()).write(keep(2_000));
        world.storage.apply(elsewhere).await.unwrap();
        let retire = |key: &SigningKey, seconds| {
            [Write::RetireSigningKey { kid: key.kid.clone(), until: world.in_seconds(seconds) }]
        };
        assert_eq!(world.apply(retire(&old, 300)).await, None);
        assert_eq!(world.apply([keep(900)]).await, None, "it signs nothing that could need it");
        assert_eq!(world.apply(retire(&new, 1_000)).await, None);
        let until = |key: &SigningKey, seconds| {
            (key.kid.to_string(), KeyState::Retired { until: world.in_seconds(seconds) })
        };
        let mut expected = vec![until(&old, 500), until(&new, 1_000)];
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(world.states().await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_key_that_will_not_be_needed_retires() {
    for world in World::each().await {
        let (key, until) = (world.pending(), world.in_seconds(300));
        let retire = Write::RetireSigningKey { kid: key.kid.clone(), until };
        assert_eq!(world.apply([insert(&key), retire]).await, None);
        assert_eq!(world.states().await, [(key.kid.to_string(), KeyState::Retired { until })]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn activation_is_won_once_of_fifty_times() {
    for world in World::each().await {
        let key = world.pending();
        assert_eq!(world.apply([insert(&key)]).await, None);
        world.race(Write::ActivateSigningKey { kid: key.kid.clone(), rotate_at: world.now() }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parsed_keys_follow_every_change() {
    for world in World::each().await {
        assert_eq!(world.signer().await, None);
        let (old, new) = (world.active(), world.pending());
        assert_eq!(world.apply([insert(&old), insert(&new)]).await, None);
        assert_eq!(world.signer().await.as_deref(), Some(old.kid.as_str()));
        let retire = Write::RetireSigningKey { kid: old.kid.clone(), until: world.in_seconds(5) };
        let activate = Write::ActivateSigningKey { kid: new.kid.clone(), rotate_at: world.in_seconds(5) };
        assert_eq!(world.apply([retire, activate]).await, None);
        assert_eq!(world.signer().await.as_deref(), Some(new.kid.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_with_something_due_are_walked_in_order() {
    for mut world in World::each().await {
        let names = ["a", "b", "c"].map(|name| name.parse::<TenantId>().unwrap());
        for (tenant, due) in names.iter().zip([1, 2, 50]) {
            world.tenant = tenant.clone();
            let state = KeyState::Pending { signs_from: world.in_seconds(due) };
            let keys = [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa]
                .map(|algorithm| world.key(algorithm, state));
            assert_eq!(world.apply(keys.iter().map(insert)).await, None);
        }
        let due = async |after: Option<&TenantId>, limit| {
            world.storage.list_tenants_due(world.in_seconds(2), after, limit).await.unwrap()
        };
        assert_eq!(due(None, 10).await, names[..2]);
        assert_eq!(due(None, 1).await, names[..1]);
        assert_eq!(due(Some(&names[0]), 10).await, names[1..2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_key_is_gone_from_what_is_used_at_once_and_remembered() {
    for world in World::each().await {
        let (old, new) = (world.active(), world.pending());
        assert_eq!(world.apply([insert(&old), insert(&new)]).await, None);
        let revoke = |key: &SigningKey| Write::RevokeSigningKey { kid: key.kid.clone(), at: world.now() };
        let activate = Write::ActivateSigningKey { kid: new.kid.clone(), rotate_at: world.in_seconds(200) };
        assert_eq!(world.storage.load_keys(&world.tenant).await.unwrap().jwks().keys.len(), 2);
        assert_eq!(
            world.apply([revoke(&old), activate]).await,
            None,
            "the next one signs in the same change"
        );
        assert_eq!(world.apply([revoke(&old)]).await, Some(0), "revoked already");
        let keys = world.storage.load_keys(&world.tenant).await.unwrap();
        let names: Vec<_> = keys.jwks().keys.iter().filter_map(|key| key.kid()).collect();
        assert_eq!(names, [new.kid.as_str()]);
        let states = world.states().await;
        assert!(states.contains(&(old.kid.to_string(), KeyState::Revoked { at: world.now() })), "{states:?}");
        // Nothing takes it back, or out: rotation has nothing to do with it.
        let later = world.in_seconds(1_000);
        let retire = Write::RetireSigningKey { kid: old.kid.clone(), until: later };
        let back = Write::ActivateSigningKey { kid: old.kid.clone(), rotate_at: later };
        let delete = Write::DeleteSigningKey { kid: old.kid.clone(), now: later };
        for write in [retire, back, delete, insert(&old)] {
            assert_eq!(world.apply([write]).await, Some(0));
        }
        let due = world.storage.list_tenants_due(world.in_seconds(150), None, 10).await.unwrap();
        assert_eq!(due, [], "nothing is due about it");
        assert_eq!(world.apply([revoke(&new)]).await, None, "the last one too");
        assert!(world.storage.load_keys(&world.tenant).await.unwrap().jwks().keys.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_is_won_once_of_fifty_times() {
    for world in World::each().await {
        let key = world.active();
        assert_eq!(world.apply([insert(&key)]).await, None);
        world.race(Write::RevokeSigningKey { kid: key.kid.clone(), at: world.now() }).await;
    }
}

/// Attack: a revocation that ends half way, after which nothing signs, or what has leaked still does.
#[tokio::test(flavor = "multi_thread")]
async fn revocation_and_its_successor_are_written_together_or_not_at_all() {
    for world in World::each().await {
        let leaked = world.active();
        assert_eq!(world.apply([insert(&leaked)]).await, None);
        let revoke = Write::RevokeSigningKey { kid: leaked.kid.clone(), at: world.now() };
        let of_nobody =
            Write::ActivateSigningKey { kid: world.pending().kid, rotate_at: world.in_seconds(100) };
        for taken in [insert(&leaked), of_nobody] {
            assert_eq!(world.apply([revoke.clone(), taken]).await, Some(1));
            assert_eq!(world.states().await, [(leaked.kid.to_string(), leaked.state)]);
            assert_eq!(world.signer().await.as_deref(), Some(leaked.kid.as_str()));
        }
        let next = world.active();
        assert_eq!(world.apply([revoke, insert(&next)]).await, None);
        assert_eq!(world.signer().await.as_deref(), Some(next.kid.as_str()));
    }
}

/// Attack: several operators revoke the last key at once, each with a successor of their own: many sign, or nobody does.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_revoke_the_last_key_one_has_made_its_successor() {
    for world in World::each().await {
        let leaked = world.active();
        assert_eq!(world.apply([insert(&leaked)]).await, None);
        let existing = world.storage.list_signing_keys(&world.tenant).await.unwrap();
        let schedule = RotationSchedule::default();
        let wanted = (&[SigningAlgorithm::Es256][..], &schedule);
        let decide = |_| {
            let by = (&world.tenant, Actor::System);
            revoke_key(by, &leaked.kid, wanted, &existing, world.now(), &*world.rng).unwrap().unwrap()
        };
        let changes: Vec<_> = (0..50).map(decide).collect();
        let outcomes = join_all(changes.into_iter().map(|change| world.storage.apply(change))).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let missed = outcomes.iter().filter(|one| matches!(one, Err(ApplyError::Missed { .. }))).count();
        assert_eq!((won, missed), (1, 49), "on {}", world.storage.kind());
        let states = world.states().await;
        let revoked = (leaked.kid.to_string(), KeyState::Revoked { at: world.now() });
        assert!(states.len() == 2 && states.contains(&revoked), "{states:?}");
        let active = states.iter().find(|(_, state)| matches!(state, KeyState::Active { .. }));
        assert_eq!(world.signer().await.as_ref(), active.map(|(kid, _)| kid), "{states:?}");
        assert!(active.is_some(), "{states:?}");
    }
}
