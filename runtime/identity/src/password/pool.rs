//! Who computes hashes: a fixed number of threads behind a short queue.
//!
//! Attack: a hash costs tens of milliseconds and megabytes, so a flood of logins would take every
//! worker thread and all memory. Here it takes the pool's threads and its queue, and then is told to
//! come back; everything else goes on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use primitives::Rng;
use tokio::sync::oneshot;

use super::hash::{Memory, Salt};
use super::{HashedPassword, PlainPassword, UnusableHash};
use crate::settings::Argon2Settings;

/// How long idle workers keep their memory for the next hash. Short, because it is megabytes.
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
    queue: Arc<Queue>,
    rng: Arc<dyn Rng>,
}

/// The end of the queue where callers stand. The workers end when the last caller leaves.
#[derive(Debug)]
struct Queue {
    shared: Arc<Shared>,
    capacity: usize,
    /// How many hashes were asked for.
    asked: AtomicU64,
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
        let shared = Arc::new(Shared::default());
        // Made first: if a thread does not start, the ones before it end.
        let queue =
            Arc::new(Queue { shared: Arc::clone(&shared), capacity: queue.max(1), asked: AtomicU64::new(0) });
        for number in 0..workers.max(1) {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("hash-{number}")).spawn(move || shared.work_off())?;
        }
        Ok(Self { queue, rng })
    }

    /// How many hashes were asked of it so far: what two answers that must look alike have to have in common.
    pub fn asked(&self) -> u64 {
        self.queue.asked.load(Ordering::Relaxed)
    }

    /// Whether one more would be computed, rather than told to come back.
    pub fn has_room(&self) -> bool {
        self.queue.shared.state().jobs.len() < self.queue.capacity
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
        self.queue.asked.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.queue.push(Job { work, answer })?;
        answered.await.map_err(|_| busy())
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), Busy> {
        let mut state = self.shared.state();
        if state.jobs.len() >= self.capacity {
            return Err(busy());
        }
        state.jobs.push_back(job);
        drop(state);
        // One worker: the others sleep on.
        self.shared.news.notify_one();
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.news.notify_all();
    }
}

const fn busy() -> Busy {
    Busy { retry_after: Duration::from_secs(1) }
}

/// What the workers share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Memory goes from hash to hash, and whoever finds the queue idle frees it.
    spare: Vec<Memory>,
    closed: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("jobs", &self.jobs.len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_off(&self) {
        while let Some((job, mut memory)) = self.next() {
            job.run(&mut memory);
            self.state().spare.push(memory);
        }
    }

    /// The next job, with memory for it; none when nobody can give jobs any more. An idle pool does not wake up.
    fn next(&self) -> Option<(Job, Memory)> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some((job, state.spare.pop().unwrap_or_default()));
            }
            if state.closed {
                return None;
            }
            state = if state.spare.is_empty() {
                self.news.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                let (mut state, waited) =
                    self.news.wait_timeout(state, KEEP_MEMORY).unwrap_or_else(PoisonError::into_inner);
                if waited.timed_out() {
                    let unused = std::mem::take(&mut state.spare);
                    drop(state);
                    drop(unused);
                    self.state()
                } else {
                    state
                }
            };
        }
    }
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
    async fn workers_end_and_free_their_memory_when_nobody_can_ask() {
        let pool = HashingPool::start(2, 8, Arc::new(SeededRng::new(1))).unwrap();
        pool.hash(PlainPassword::new("x"), CHEAP).await.unwrap().unwrap();
        let workers = Arc::downgrade(&pool.queue.shared);
        let other = pool.clone();
        drop(pool);
        assert!(other.hash(PlainPassword::new("x"), CHEAP).await.is_ok(), "somebody can ask");
        drop(other);
        while workers.strong_count() > 0 {
            thread::yield_now();
        }
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
        assert!(pool.has_room(), "nobody waits any more");
    }
}
