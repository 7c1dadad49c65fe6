//! Connections to PostgreSQL, each lent to one at a time.
//!
//! sqlx's own pool asks a connection whether it lives before each use and after it: three round trips for a look-up that
//! needs one. Here one that answered a moment ago is believed, and whoever gives one back says that it has answered to the
//! end. Attack: a request is given up in the middle of a statement, and the next one on that connection reads its answer, or
//! writes in its transaction. What was not given back is therefore first made to answer all that it was asked, or closed.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Error};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long somebody waits for a connection, a new one included.
const PATIENCE: Duration = Duration::from_secs(5);
/// Whoever answered within this time is not asked whether it lives.
const FRESH: Duration = Duration::from_secs(1);
/// When a connection that nobody needs is closed.
const IDLE: Duration = Duration::from_mins(10);
/// When one is closed that is in use again and again: what the server keeps for it goes with it.
const LIFETIME: Duration = Duration::from_mins(30);

#[derive(Debug, Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    options: PgConnectOptions,
    turns: Arc<Semaphore>,
    /// The one that was used last is at the end, and lent first, so that those which are too many grow old at the front.
    idle: Mutex<VecDeque<Open>>,
}

impl fmt::Debug for Shared {
    // The options hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("turns", &self.turns).finish_non_exhaustive()
    }
}

struct Open {
    connection: PgConnection,
    opened: Instant,
    answered: Instant,
}

impl Pool {
    /// At most `connections` at once. Connects, so that an address that does not do is seen at once.
    pub(super) async fn open(options: PgConnectOptions, connections: usize) -> Result<Self, Error> {
        let turns = Arc::new(Semaphore::new(connections.max(1)));
        let pool = Self { shared: Arc::new(Shared { options, turns, idle: Mutex::default() }) };
        pool.lend().await?.give_back();
        Ok(pool)
    }

    /// Lends a connection, within [`PATIENCE`].
    pub(super) async fn lend(&self) -> Result<Lent, Error> {
        timeout(PATIENCE, self.shared.lend()).await.unwrap_or(Err(Error::PoolTimedOut))
    }

    /// Closes those that nobody uses: the server has closed one of them.
    pub(super) fn forget_idle(&self) {
        let idle = mem::take(&mut *self.shared.idle());
        drop(idle);
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, VecDeque<Open>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lend(self: &Arc<Self>) -> Result<Lent, Error> {
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| Error::PoolClosed)?;
        loop {
            let newest = self.idle().pop_back();
            let Some(mut open) = newest else { break };
            if open.answered.elapsed() < FRESH || open.connection.ping().await.is_ok() {
                return Ok(Lent { open: Some(open), shared: self.clone(), turn: Some(turn) });
            }
        }
        let connection = PgConnection::connect_with(&self.options).await?;
        let now = Instant::now();
        let open = Open { connection, opened: now, answered: now };
        Ok(Lent { open: Some(open), shared: self.clone(), turn: Some(turn) })
    }

    /// Keeps a connection for the next, and closes what is too old.
    fn keep(&self, mut open: Open) {
        open.answered = Instant::now();
        let mut idle = self.idle();
        let is_old = idle.front().is_some_and(|first| first.answered.elapsed() > IDLE);
        let old = if is_old { idle.pop_front() } else { None };
        if open.opened.elapsed() < LIFETIME {
            idle.push_back(open);
        }
        drop(idle);
        drop(old);
    }
}

/// A connection that is lent.
pub(super) struct Lent {
    /// Taken when it is given back or dropped.
    open: Option<Open>,
    shared: Arc<Shared>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Lent {
    /// Gives it back: it has answered all that it was asked, and is in no transaction.
    pub(super) fn give_back(mut self) {
        if let Some(open) = self.open.take() {
            self.shared.keep(open);
        }
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        self.open.as_mut().map(|open| &mut open.connection).ok_or(Error::PoolClosed)
    }
}

impl Drop for Lent {
    /// It failed, or nobody waits any more for what it was asked: it answers first, in its turn still.
    fn drop(&mut self) {
        let (Some(mut open), Ok(runtime)) = (self.open.take(), Handle::try_current()) else { return };
        let (shared, turn) = (self.shared.clone(), self.turn.take());
        runtime.spawn(async move {
            if matches!(timeout(PATIENCE, open.connection.ping()).await, Ok(Ok(()))) {
                shared.keep(open);
            }
            drop(turn);
        });
    }
}
