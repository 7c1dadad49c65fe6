//! What a chosen secret costs, and whom it costs it.

use std::pin::pin;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::future::poll_fn;
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::{ClientId, Timestamp};
use zeroize::Zeroizing;

use super::*;
use crate::client::ClientDocument;
use crate::memory::now;

/// Hashes nothing: a stored text is the secret. Says how often it was asked.
#[derive(Debug, Default)]
struct Hasher {
    asked: AtomicUsize,
    is_slow: AtomicBool,
    is_busy: AtomicBool,
    is_full: AtomicBool,
}

impl SecretHasher for Hasher {
    fn hash(&self, secret: Secret<String>) -> PortResult<'_, String> {
        Box::pin(ready(Ok(secret.expose().clone())))
    }

    fn verify(&self, secret: Secret<String>, phc: String) -> PortResult<'_, bool> {
        Box::pin(ready(Ok(*secret.expose() == phc)))
    }

    fn has_room(&self) -> bool {
        !self.is_full.load(Ordering::SeqCst)
    }

    fn attempt<'a>(&'a self, _: SecretGuess<'a>, check: PortResult<'a, bool>) -> PortResult<'a, bool> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let is_slow = || self.is_slow.load(Ordering::SeqCst);
            poll_fn(|_| if is_slow() { Poll::Pending } else { Poll::Ready(()) }).await;
            if self.is_busy.load(Ordering::SeqCst) {
                return Err(PortError::busy("too many were wrong"));
            }
            check.await
        })
    }
}

/// A client, and whoever checks its secrets.
struct Checked {
    sealer: Sealer,
    hasher: Hasher,
    verified: VerifiedSecrets,
    tenant: TenantId,
    client: ClientId,
}

impl Checked {
    fn new() -> Self {
        let ring = Keyring::new(DataKey { id: 1, material: Zeroizing::new([7; 32]) }, []);
        Self {
            sealer: Sealer::new(ring, Arc::new(SeededRng::new(1))),
            hasher: Hasher::default(),
            verified: VerifiedSecrets::default(),
            tenant: TenantId::default_tenant(),
            client: "app".parse().unwrap(),
        }
    }

    async fn matches(&self, client: &ClientRecord, secret: &str) -> Result<bool, PortError> {
        self.check().matches(client, &Secret::new(secret.to_owned())).await
    }

    fn check(&self) -> SecretCheck<'_> {
        SecretCheck {
            sealer: &self.sealer,
            hasher: &self.hasher,
            verified: &self.verified,
            guess: SecretGuess { tenant: &self.tenant, client: &self.client, source: None },
        }
    }

    fn asked(&self) -> usize {
        self.hasher.asked.load(Ordering::SeqCst)
    }
}

fn with(managed_by: ManagedBy, secrets: Vec<StoredSecret>) -> ClientRecord {
    let always = Timestamp::from_seconds(0);
    ClientRecord {
        document: ClientDocument::default(),
        secrets,
        managed_by,
        enabled: true,
        created_at: always,
        updated_at: always,
        not_before: always,
        version: 1,
        registration: None,
    }
}

fn chosen(secret: &str) -> ClientRecord {
    with(ManagedBy::Api, vec![StoredSecret::Argon2id(secret.to_owned())])
}

#[test]
fn secret_that_was_looked_at_before_is_not_hashed_again() {
    let client = Checked::new();
    let stored = chosen("word");
    for _ in 0..50 {
        assert_eq!(now(client.matches(&stored, "word")), Ok(true));
        assert_eq!(now(client.matches(&stored, "wrong")), Ok(false));
    }
    assert_eq!(client.asked(), 2);
    // What was right is wrong when another one was chosen, and the other way round.
    let stored = chosen("wrong");
    assert_eq!(now(client.matches(&stored, "word")), Ok(false));
    assert_eq!(now(client.matches(&stored, "wrong")), Ok(true));
    assert_eq!(client.asked(), 4);
}

/// Attack: so many guesses that the client is refused with them. Whoever was right before is not asked about.
#[test]
fn client_that_was_right_is_let_in_while_guesses_are_refused() {
    let client = Checked::new();
    let stored = chosen("word");
    assert_eq!(now(client.matches(&stored, "word")), Ok(true));
    client.hasher.is_busy.store(true, Ordering::SeqCst);
    assert!(now(client.matches(&stored, "guess")).is_err());
    assert_eq!(now(client.matches(&stored, "word")), Ok(true));
    // That nobody looked says nothing of the secret.
    client.hasher.is_busy.store(false, Ordering::SeqCst);
    assert_eq!(now(client.matches(&stored, "guess")), Ok(false));
}

/// Thousands of requests of one client come before the first was looked at: they are one attempt.
#[test]
fn requests_that_bring_one_secret_at_once_are_one_attempt() {
    let client = Checked::new();
    for (secret, is_right) in [("word", true), ("wrong", false)] {
        let before = client.asked();
        client.hasher.is_slow.store(true, Ordering::SeqCst);
        let stored = chosen("word");
        let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(client.matches(&stored, secret))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
        client.hasher.is_slow.store(false, Ordering::SeqCst);
        for one in &mut waiting {
            assert_eq!(one.as_mut().poll(&mut context), Poll::Ready(Ok(is_right)));
        }
        drop(waiting);
        assert_eq!(client.asked() - before, 1);
    }
    assert!(client.verified.lock().asked.is_empty(), "nobody waits any more");
}

#[test]
fn who_hangs_up_leaves_the_check_to_the_next() {
    let client = Checked::new();
    client.hasher.is_slow.store(true, Ordering::SeqCst);
    let stored = chosen("word");
    let mut context = Context::from_waker(Waker::noop());
    {
        let gone = pin!(client.matches(&stored, "word"));
        assert!(gone.poll(&mut context).is_pending());
    }
    assert!(client.verified.lock().asked.is_empty());
    client.hasher.is_slow.store(false, Ordering::SeqCst);
    assert_eq!(now(client.matches(&stored, "word")), Ok(true));
    assert_eq!(client.asked(), 2);
}

#[test]
fn secret_that_we_made_costs_no_attempt_whatever_is_beside_it() {
    let client = Checked::new();
    let (made, secret) =
        StoredSecret::generate(&client.sealer, &SeededRng::new(2), &client.tenant, "portcullis");
    let stored = with(ManagedBy::Api, vec![StoredSecret::Argon2id("former".to_owned()), made.clone()]);
    assert_eq!(now(client.matches(&stored, secret.expose())), Ok(true));
    assert_eq!(now(client.matches(&with(ManagedBy::Api, vec![made]), "wrong")), Ok(false));
    assert_eq!(client.asked(), 0);
}

/// Attack: words are tried as the secret that the configuration file declares. To look at one costs nothing, so there could be
/// thousands a second.
#[test]
fn secrets_of_the_file_are_guessed_as_those_are_that_somebody_chose() {
    let client = Checked::new();
    let hash = client.sealer.hash(&client.tenant, CLIENT_SECRET_PURPOSE, b"word");
    let kept = vec![StoredSecret::Keyed(primitives::base64url::encode(hash.0))];
    let stored = with(ManagedBy::File, kept);
    for _ in 0..50 {
        assert_eq!(now(client.matches(&stored, "word")), Ok(true));
    }
    for n in 0..5 {
        assert_eq!(now(client.matches(&stored, &format!("guess-{n}"))), Ok(false));
    }
    assert_eq!(client.asked(), 6);
    client.hasher.is_busy.store(true, Ordering::SeqCst);
    assert!(now(client.matches(&stored, "guess")).is_err());
    assert_eq!(now(client.matches(&stored, "word")), Ok(true));
}

/// Attack: an operator's tools write down the client as it was, while somebody guesses. Hashed anew its secret would be one that
/// nobody knows, and its next request one more guess.
#[test]
fn secret_that_a_client_is_given_again_stays_as_it_is_stored_and_a_new_one_is_known() {
    let client = Checked::new();
    client.hasher.is_busy.store(true, Ordering::SeqCst);
    let check = client.check();
    let (made, secret) =
        StoredSecret::generate(&client.sealer, &SeededRng::new(2), &client.tenant, "portcullis");
    let keep = |before: &[StoredSecret], secret: &Secret<String>| {
        now(check.keep((before, ManagedBy::Api), secret)).unwrap()
    };
    assert_eq!(keep(slice::from_ref(&made), &secret), made, "one that we made does not become a guess");
    let word = Secret::new("word".to_owned());
    let stored = keep(&[made], &word);
    assert_eq!(stored, StoredSecret::Argon2id("word".to_owned()));
    assert_eq!(keep(slice::from_ref(&stored), &word), stored);
    assert_eq!(now(client.matches(&with(ManagedBy::Api, vec![stored]), "word")), Ok(true));
    assert_eq!(client.asked(), 0);
}

/// Attack: so many guesses that nobody can look at further ones. Those would be counted and taken back, a write each.
#[test]
fn secret_that_nobody_can_look_at_is_not_counted() {
    let client = Checked::new();
    client.hasher.is_full.store(true, Ordering::SeqCst);
    assert!(now(client.matches(&chosen("word"), "guess")).is_err());
    assert_eq!(client.asked(), 0);
    client.hasher.is_full.store(false, Ordering::SeqCst);
    assert_eq!(now(client.matches(&chosen("word"), "word")), Ok(true));
}
