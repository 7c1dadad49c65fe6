//! Client secrets that people chose: counted, and then hashed in a bounded pool of their own.
//!
//! Attack: whoever knows the name of a client, which stands in every address that leads to its sign-in, tries words as its
//! secret. Secrets that we made are not counted, and neither is one that was looked at before (`oauth2::client::secret`).

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use identity::limiter::{Attempts, Counted, LimitKey, NotCounted};
use identity::password::{HashedPassword, HashingPool, PlainPassword};
use identity::settings::{Argon2Settings, Rate};
use oauth2::ports::{Busy, PortError, PortResult, SecretGuess, SecretHasher};
use primitives::{ClientId, Clock, Secret, TenantId};

/// Wrong secrets of a client from one source.
const GUESSES: Rate = Rate { burst: 10, refill_seconds: 30 };
/// The same from everywhere: some 8,640 a day.
const GUESSES_OF_CLIENT: Rate = Rate { burst: 100, refill_seconds: 10 };

/// [`SecretHasher`] by way of a pool in which no password is hashed: nobody who signs in waits for a client.
#[derive(Debug)]
pub(crate) struct ClientSecretHasher {
    /// Looks at what is tried.
    pub(crate) pool: HashingPool,
    /// Hashes what operators choose, whom no stranger's guesses keep waiting: that of passwords.
    pub(crate) chosen: HashingPool,
    pub(crate) attempts: Arc<dyn Attempts>,
    pub(crate) proven: ProvenSources,
    pub(crate) clock: Arc<dyn Clock>,
}

/// From where clients have brought a secret that was right, since the node began.
///
/// Attack: a client is guessed at from everywhere for as long as its owner cannot bear it, and it is given another secret. What it
/// brings then comes from where it came from before: only the count of that source holds.
#[derive(Debug, Default)]
pub(crate) struct ProvenSources(Mutex<HashSet<Place>>);

type Place = (TenantId, ClientId, IpAddr);

/// More than this and it starts anew.
const MOST_PROVEN: usize = 16_384;

impl ProvenSources {
    fn remember(&self, guess: SecretGuess<'_>) {
        let Some(place) = place(guess) else { return };
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST_PROVEN && !places.contains(&place) {
            places.clear();
        }
        places.insert(place);
    }

    fn has(&self, guess: SecretGuess<'_>) -> bool {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        place(guess).is_some_and(|place| places.contains(&place))
    }
}

fn place(guess: SecretGuess<'_>) -> Option<Place> {
    guess.source.map(|source| (guess.tenant.clone(), guess.client.clone(), source.limit_key()))
}

const BUSY: PortError = PortError::busy("too many secrets are being checked");
const TOO_MANY: &str = "too many secrets of this client were wrong";

fn unusable(_: identity::password::UnusableHash) -> PortError {
    PortError::Unavailable("a stored client secret's hash is not usable".to_owned())
}

fn not_counted(error: NotCounted) -> PortError {
    match error {
        NotCounted::Reached(limit) => {
            PortError::Busy(Busy { what: TOO_MANY, retry_after: limit.retry_after })
        }
        NotCounted::Store(error) => PortError::Unavailable(error.to_string()),
    }
}

/// The source's own comes first: what is refused there takes nothing from the client.
fn counts(guess: SecretGuess<'_>, proven: &ProvenSources) -> Vec<Counted> {
    let key = |source| LimitKey::ClientSecret(guess.tenant.clone(), guess.client.clone(), source);
    let of_source = guess.source.map(|source| Counted::new(key(Some(source.limit_key())), GUESSES));
    let of_client = (!proven.has(guess)).then(|| Counted::new(key(None), GUESSES_OF_CLIENT));
    of_source.into_iter().chain(of_client).collect()
}

impl SecretHasher for ClientSecretHasher {
    fn hash(&self, secret: Secret<String>) -> PortResult<'_, String> {
        Box::pin(async move {
            let plain = PlainPassword::new(secret.expose().clone());
            let hashed = self.chosen.hash(plain, Argon2Settings::default()).await.map_err(|_| BUSY)?;
            hashed.map(|hashed| hashed.0.expose().clone()).map_err(unusable)
        })
    }

    fn verify(&self, secret: Secret<String>, phc: String) -> PortResult<'_, bool> {
        Box::pin(async move {
            let plain = PlainPassword::new(secret.expose().clone());
            let against = Some(HashedPassword(Secret::new(phc)));
            let verified = self.pool.verify(plain, against, Argon2Settings::default()).await;
            verified.map_err(|_| BUSY)?.map_err(unusable)
        })
    }

    fn has_room(&self) -> bool {
        self.pool.has_room()
    }

    fn attempt<'a>(&'a self, guess: SecretGuess<'a>, check: PortResult<'a, bool>) -> PortResult<'a, bool> {
        Box::pin(async move {
            let counts = counts(guess, &self.proven);
            self.attempts.count_all(counts.clone(), self.clock.now()).await.map_err(not_counted)?;
            let checked = check.await;
            // Nor is it a guess what nobody could look at.
            if checked != Ok(false) {
                self.attempts.forgive_all(counts, self.clock.now()).await;
            }
            if checked == Ok(true) {
                self.proven.remember(guess);
            }
            checked
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use identity::limiter::AttemptsInMemory;
    use primitives::rng::SeededRng;
    use primitives::time::FixedClock;
    use primitives::{ClientAddress, Timestamp};

    use super::*;

    struct World {
        hasher: ClientSecretHasher,
        clock: Arc<FixedClock>,
        phc: String,
    }

    impl World {
        async fn new() -> Self {
            let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
            let pool = HashingPool::start(1, 4, Arc::new(SeededRng::new(1))).unwrap();
            let hasher = ClientSecretHasher {
                chosen: pool.clone(),
                pool,
                attempts: Arc::new(AttemptsInMemory::new(1_000)),
                proven: ProvenSources::default(),
                clock: clock.clone(),
            };
            // Cheap: the pool reads from the hash what it costs.
            let cheap = Argon2Settings { memory_kib: 64, iterations: 1, parallelism: 1 };
            let hashed = hasher.pool.hash(PlainPassword::new("right"), cheap).await.unwrap().unwrap();
            Self { phc: hashed.0.expose().clone(), hasher, clock }
        }

        async fn try_at(&self, client: &str, host: u8, secret: &str) -> Result<bool, PortError> {
            let (tenant, client): (_, ClientId) = (TenantId::default_tenant(), client.parse().unwrap());
            let source = Some(ClientAddress([192, 0, 2, host].into()));
            let guess = SecretGuess { tenant: &tenant, client: &client, source };
            let check = self.hasher.verify(Secret::new(secret.to_owned()), self.phc.clone());
            self.hasher.attempt(guess, check).await
        }

        fn hashed(&self) -> u64 {
            self.hasher.pool.asked()
        }
    }

    fn is_too_many(answer: &Result<bool, PortError>) -> bool {
        matches!(answer, Err(PortError::Busy(Busy { what: TOO_MANY, retry_after })) if *retry_after > Duration::from_secs(1))
    }

    /// Attack: words are tried from one address, as fast as they are answered.
    #[tokio::test]
    async fn of_wrong_client_secrets_some_are_hashed() {
        let world = World::new().await;
        let before = world.hashed();
        let mut answers = Vec::new();
        for n in 0..200 {
            answers.push(world.try_at("app", 1, &format!("guess-{n}")).await);
        }
        assert_eq!(answers.iter().filter(|answer| **answer == Ok(false)).count(), 10);
        assert_eq!(answers.iter().filter(|answer| is_too_many(answer)).count(), 190);
        assert_eq!(world.hashed() - before, 10, "what is refused costs no hash");
        assert!(is_too_many(&world.try_at("app", 1, "right").await), "a right guess is none either");
        assert_eq!(world.try_at("app", 2, "right").await, Ok(true), "whoever is elsewhere gets in");
        assert_eq!(world.try_at("other", 1, "right").await, Ok(true), "another client is another count");
        world.clock.advance(Duration::from_secs(30));
        assert_eq!(world.try_at("app", 1, "right").await, Ok(true));
    }

    /// Attack: the same from addresses without end.
    #[tokio::test]
    async fn guesses_from_everywhere_are_so_many_for_one_client() {
        let world = World::new().await;
        let before = world.hashed();
        for host in 0..40 {
            for n in 0..5 {
                let _ = world.try_at("app", host, &format!("guess-{host}-{n}")).await;
            }
        }
        assert_eq!(world.hashed() - before, 100);
        assert_eq!(world.try_at("other", 50, "right").await, Ok(true));
        world.clock.advance(Duration::from_secs(10));
        assert_eq!(world.try_at("app", 50, "right").await, Ok(true));
    }

    /// Attack: others guess, so that the client's own requests are refused until where they come from may bring none either.
    #[tokio::test]
    async fn what_is_refused_since_others_guess_takes_nothing_from_its_source() {
        let world = World::new().await;
        for n in 0..100 {
            let _ = world.try_at("app", n / 5, &format!("guess-{n}")).await;
        }
        for _ in 0..50 {
            assert!(is_too_many(&world.try_at("app", 50, "right").await));
        }
        world.clock.advance(Duration::from_secs(10));
        assert_eq!(world.try_at("app", 50, "right").await, Ok(true));
    }

    /// Attack: a client is guessed at from everywhere, and without end.
    #[tokio::test]
    async fn source_that_was_right_is_let_in_while_others_guess_and_may_guess_no_more_than_they() {
        let world = World::new().await;
        assert_eq!(world.try_at("app", 50, "right").await, Ok(true));
        for n in 0..100 {
            let _ = world.try_at("app", n / 5, &format!("guess-{n}")).await;
        }
        assert!(is_too_many(&world.try_at("app", 51, "right").await));
        assert_eq!(world.try_at("app", 50, "right").await, Ok(true));
        for n in 0..10 {
            assert_eq!(world.try_at("app", 50, &format!("own-guess-{n}")).await, Ok(false));
        }
        assert!(is_too_many(&world.try_at("app", 50, "right").await));
    }

    #[tokio::test]
    async fn secret_that_is_right_is_taken_back() {
        let world = World::new().await;
        for _ in 0..120 {
            assert_eq!(world.try_at("app", 1, "right").await, Ok(true));
        }
    }
}
