//! Client secrets that people chose: counted, and then hashed in a bounded pool of their own.
//!
//! Attack: whoever knows the name of a client, which stands in every address that leads to its sign-in, tries words as its
//! secret. Secrets that we made are not counted, and neither is one that was looked at before (`oauth2::client::secret`).

use std::sync::Arc;

use identity::limiter::{Attempts, Counted, LimitKey, NotCounted};
use identity::password::{HashedPassword, HashingPool, PlainPassword};
use identity::settings::{Argon2Settings, Rate};
use oauth2::ports::{PortError, PortResult, SecretGuess, SecretHasher};
use primitives::{Clock, Secret};

/// Wrong secrets of a client from one source.
const GUESSES: Rate = Rate { burst: 10, refill_seconds: 30 };
/// The same from everywhere: some 8,640 a day.
const GUESSES_OF_CLIENT: Rate = Rate { burst: 100, refill_seconds: 10 };

/// [`SecretHasher`] by way of a pool in which no password is hashed: nobody who signs in waits for a client.
#[derive(Debug)]
pub(crate) struct ClientSecretHasher {
    pub(crate) pool: HashingPool,
    pub(crate) attempts: Arc<dyn Attempts>,
    pub(crate) clock: Arc<dyn Clock>,
}

const BUSY: PortError = PortError::Busy("too many secrets are being checked");
const TOO_MANY: PortError = PortError::Busy("too many secrets of this client were wrong");

fn unusable(_: identity::password::UnusableHash) -> PortError {
    PortError::Unavailable("a stored client secret's hash is not usable".to_owned())
}

fn not_counted(error: NotCounted) -> PortError {
    match error {
        NotCounted::Reached(_) => TOO_MANY,
        NotCounted::Store(error) => PortError::Unavailable(error.to_string()),
    }
}

/// The source's own comes first: what is refused there takes nothing from the client.
fn counts(guess: SecretGuess<'_>) -> Vec<Counted> {
    let key = |source| LimitKey::ClientSecret(guess.tenant.clone(), guess.client.clone(), source);
    let of_source = guess.source.map(|source| Counted::new(key(Some(source.limit_key())), GUESSES));
    of_source.into_iter().chain([Counted::new(key(None), GUESSES_OF_CLIENT)]).collect()
}

impl SecretHasher for ClientSecretHasher {
    fn hash(&self, secret: Secret<String>) -> PortResult<'_, String> {
        Box::pin(async move {
            let plain = PlainPassword::new(secret.expose().clone());
            let hashed = self.pool.hash(plain, Argon2Settings::default()).await.map_err(|_| BUSY)?;
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

    fn attempt<'a>(&'a self, guess: SecretGuess<'a>, check: PortResult<'a, bool>) -> PortResult<'a, bool> {
        Box::pin(async move {
            let counts = counts(guess);
            self.attempts.count_all(counts.clone(), self.clock.now()).await.map_err(not_counted)?;
            let checked = check.await;
            // Nor is it a guess what nobody could look at.
            if checked != Ok(false) {
                self.attempts.forgive_all(counts, self.clock.now()).await;
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
    use primitives::{ClientAddress, ClientId, TenantId, Timestamp};

    use super::*;

    struct World {
        hasher: ClientSecretHasher,
        clock: Arc<FixedClock>,
        phc: String,
    }

    impl World {
        async fn new() -> Self {
            let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
            let hasher = ClientSecretHasher {
                pool: HashingPool::start(1, 4, Arc::new(SeededRng::new(1))).unwrap(),
                attempts: Arc::new(AttemptsInMemory::new(1_000)),
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
        assert_eq!(answers.iter().filter(|answer| **answer == Err(TOO_MANY)).count(), 190);
        assert_eq!(world.hashed() - before, 10, "what is refused costs no hash");
        assert_eq!(world.try_at("app", 1, "right").await, Err(TOO_MANY), "a right guess is none either");
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

    #[tokio::test]
    async fn secret_that_is_right_is_taken_back() {
        let world = World::new().await;
        for _ in 0..120 {
            assert_eq!(world.try_at("app", 1, "right").await, Ok(true));
        }
    }
}
