//! Who computes hashes: a fixed number of threads behind a short queue.
//!
//! Attack: a hash costs tens of milliseconds and megabytes, so a flood of logins would take every
//! worker thread and all memory. Here it takes the pool's threads and its queue, and then is told to
//! come back; everything else goes on.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use primitives::Rng;
use tokio::sync::oneshot;

use super::hash::{Memory, Salt};
use super::{HashedPassword, PlainPassword, UnusableHash};
use crate::settings::Argon2Settings;

/// How long an idle worker keeps its memory for the next hash. Short, because it is megabytes.
const KEEP_MEMORY: Duration = Duration::from_millis(200);

/// The pool's queue is full. Nobody's fault; come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy {
    /// After how long to try again.
    pub retry_after: Duration,
}

/// Computes and verifies hashes in threads of its own. Its threads end when it is dropped.
#[derive(Debug, Clone)]
pub struct HashingPool {
    queue: SyncSender<Job>,
    rng: Arc<dyn Rng>,
}

struct Job {
    work: Work,
    /// A caller that hung up: its hash is not computed.
    answer: oneshot::Sender<Answer>,
}

enum Work {
    Hash { plain: PlainPassword, salt: Salt, parameters: Argon2Settings },
    Verify { plain: PlainPassword, against: HashedPassword },
}

enum Answer {
    Hashed(Result<HashedPassword, UnusableHash>),
    Verified(Result<bool, UnusableHash>),
}

impl HashingPool {
    /// Starts `workers` threads with room for `queue` waiting hashes. Fails only if no thread starts.
    pub fn start(workers: usize, queue: usize, rng: Arc<dyn Rng>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(queue.max(1));
        let shared = Arc::new(Shared { queue: Mutex::new(receiver), spare: Mutex::default() });
        for number in 0..workers.max(1) {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("hash-{number}")).spawn(move || shared.work_off())?;
        }
        Ok(Self { queue: sender, rng })
    }

    /// Hashes a new password.
    pub async fn hash(
        &self,
        plain: PlainPassword,
        parameters: Argon2Settings,
    ) -> Result<Result<HashedPassword, UnusableHash>, Busy> {
        let salt = Salt::draw(&*self.rng);
        match self.submit(Work::Hash { plain, salt, parameters }).await? {
            Answer::Hashed(hashed) => Ok(hashed),
            Answer::Verified(_) => Err(busy()),
        }
    }

    /// Verifies a password. Without a hash to verify against (no such account, no password) it
    /// computes one with `parameters` all the same and says no: both cost the same time.
    pub async fn verify(
        &self,
        plain: PlainPassword,
        against: Option<HashedPassword>,
        parameters: Argon2Settings,
    ) -> Result<Result<bool, UnusableHash>, Busy> {
        let Some(against) = against else {
            return Ok(self.hash(plain, parameters).await?.map(|_| false));
        };
        match self.submit(Work::Verify { plain, against }).await? {
            Answer::Verified(verified) => Ok(verified),
            Answer::Hashed(_) => Err(busy()),
        }
    }

    async fn submit(&self, work: Work) -> Result<Answer, Busy> {
        let (answer, answered) = oneshot::channel();
        match self.queue.try_send(Job { work, answer }) {
            Ok(()) => answered.await.map_err(|_| busy()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(busy()),
        }
    }
}

const fn busy() -> Busy {
    Busy { retry_after: Duration::from_secs(1) }
}

/// What the workers share. Memory goes from hash to hash, and whoever finds the queue idle frees it.
struct Shared {
    queue: Mutex<Receiver<Job>>,
    spare: Mutex<Vec<Memory>>,
}

impl Shared {
    fn work_off(&self) {
        loop {
            let next = locked(&self.queue).recv_timeout(KEEP_MEMORY);
            match next {
                Ok(job) => {
                    let mut memory = locked(&self.spare).pop().unwrap_or_default();
                    job.run(&mut memory);
                    locked(&self.spare).push(memory);
                }
                Err(RecvTimeoutError::Timeout) => locked(&self.spare).clear(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Job {
    fn run(self, memory: &mut Memory) {
        if self.answer.is_closed() {
            return;
        }
        let answer = match self.work {
            Work::Hash { plain, salt, parameters } => {
                Answer::Hashed(HashedPassword::compute(&plain, salt, parameters, memory))
            }
            Work::Verify { plain, against } => Answer::Verified(against.verify(&plain, memory)),
        };
        // Nobody waits any more: nothing to do.
        self.answer.send(answer).ok();
    }
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;

    use super::*;

    const CHEAP: Argon2Settings = Argon2Settings { memory_kib: 64, iterations: 1, parallelism: 1 };

    #[tokio::test]
    async fn hashes_and_verifies() {
        let pool = HashingPool::start(2, 8, Arc::new(SeededRng::new(1))).unwrap();
        let plain = || PlainPassword::new("correct horse");
        let hash = pool.hash(plain(), CHEAP).await.unwrap().unwrap();
        assert_eq!(pool.verify(plain(), Some(hash.clone()), CHEAP).await, Ok(Ok(true)));
        assert_eq!(pool.verify(PlainPassword::new("wrong"), Some(hash), CHEAP).await, Ok(Ok(false)));
        assert_eq!(pool.verify(plain(), None, CHEAP).await, Ok(Ok(false)));
    }

    #[tokio::test]
    async fn full_queue_sheds_load() {
        let pool = HashingPool::start(1, 1, Arc::new(SeededRng::new(1))).unwrap();
        let slow = Argon2Settings { memory_kib: 32 * 1024, iterations: 2, parallelism: 1 };
        let flood = (0..8).map(|_| pool.hash(PlainPassword::new("x"), slow));
        let answers = futures_util::future::join_all(flood).await;
        let shed = answers.iter().filter(|answer| answer.is_err()).count();
        assert!(shed >= 6, "one is computed, one waits, the others are told to come back: {shed}");
        assert!(answers.iter().any(Result::is_ok));
    }
}
