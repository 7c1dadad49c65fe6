//! Counts that all nodes share, and that outlive each of them.
//!
//! | attack | what stands against it |
//! |---|---|
//! | guesses are spread over the nodes, so that each counts a part | the database counts before the hash is computed |
//! | fifty guesses come at once, at several nodes | each takes its attempt by one guarded statement |
//! | a node is made to restart, so that it forgets | the row is there before anything is told of the attempt |
//! | a flood makes the database busy | what memory knows to be refused is refused there: one small write for each time that a bucket begins to refuse |
//! | the database is made to fail, so that nobody counts | no attempt is made then |
//! | a copy of the database tells who signs in from where | what is counted is there by its keyed hash alone |
//!
//! **Memory comes first, also on one node.** Whatever it counts the database has counted, so it refuses nothing that the
//! database would allow, but for attempts that the database refused; those are refused ones, and of clients' secrets not even
//! those.
//!
//! **When the database does not answer, nothing is tried.** To sign in needs a write anyway, so nobody is kept out who
//! would get in; but a wrong password needs none, and with each node's own count alone a guess would be told to be wrong.
//!
//! The same table serves SQLite: one node is all there is, and what it saves is a lockout over a restart.
//!
//! **What a sign-in pays for it.** One commit of two rows, which is made while the password is hashed
//! (`while_counted`) and ends long before that does; memory was asked before. What a success
//! takes back is written with the next attempt of the tenant (`returned`), so it costs no commit. The rows of one
//! commit are written in the order of their hashes, so that two attempts never wait for each other.
//!
//! **The ceiling of a tenant is counted in shares**: one row that every sign-in writes would have all of a tenant's
//! sign-ins wait for each other. So a node takes attempts from it many at a time, and what it took and did not use is lost
//! with it. So the ceiling is never too high, and too low by a few shares for each node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use primitives::{KeyedHash, Sealer, TenantId, Timestamp};

use super::bucket::{Allowance, Bucket, Verdict};
use super::returned::Returned;
use super::{Attempts, AttemptsInMemory, Counted, LimitKey, LimitReached, NotCounted};
use crate::ports::StoreUnavailable;

/// What the keyed hash of a bucket's name is for.
const PURPOSE: &str = "attempt_buckets";
/// Tenants whose shares are kept at a time.
const TENANTS: u64 = 10_000;
/// A share is so small a part of what a tenant's bucket holds.
const SHARES: u32 = 100;
/// The most attempts in a share.
const LARGEST_SHARE: u32 = 256;

/// Attempts to take from a bucket.
#[derive(Debug, Clone)]
pub struct Take {
    /// Whose bucket it is.
    pub tenant: TenantId,
    /// Which.
    pub bucket: KeyedHash,
    /// How many, at least one and at most the allowance's burst.
    pub count: u32,
    /// How many it holds.
    pub allowance: Allowance,
}

/// Keeps buckets for all nodes.
pub trait Buckets: Send + Sync + std::fmt::Debug {
    /// Puts `returned` back and takes from all of these buckets, or does neither; then the position of one that has too
    /// little left. All are of one tenant.
    fn take<'a>(
        &'a self,
        takes: &'a [Take],
        returned: &'a [Take],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<usize>, StoreUnavailable>>;

    /// A bucket; `None` of one that is full, or was for long.
    fn find_bucket<'a>(
        &'a self,
        tenant: &'a TenantId,
        bucket: &'a KeyedHash,
    ) -> BoxFuture<'a, Result<Option<Bucket>, StoreUnavailable>>;

    /// Writes that a bucket begins to refuse, if it still is as it was read; whether it was.
    fn lock<'a>(
        &'a self,
        tenant: &'a TenantId,
        bucket: &'a KeyedHash,
        change: (Bucket, Bucket),
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>>;
}

/// Counts in memory first and then where all nodes do.
#[derive(Debug)]
pub struct SharedAttempts {
    memory: AttemptsInMemory,
    shares: Cache<TenantId, Arc<AtomicU32>>,
    returned: Returned,
    buckets: Arc<dyn Buckets>,
    sealer: Sealer,
}

impl SharedAttempts {
    /// Counts with these buckets.
    pub fn new(memory: AttemptsInMemory, buckets: Arc<dyn Buckets>, sealer: Sealer) -> Self {
        Self { memory, shares: Cache::new(TENANTS), returned: Returned::default(), buckets, sealer }
    }

    async fn count_shared(&self, counts: Vec<Counted>, now: Timestamp) -> Result<(), NotCounted> {
        let mut wanted = Vec::new();
        for counted in counts {
            if matches!(counted.key, LimitKey::Tenant(_)) {
                self.memory.check(&counted.key, now)?;
                if self.use_share(&counted.key) {
                    continue;
                }
            } else if let Err(refusal) = self.memory.take(&counted, now) {
                self.memory.put_back_refused(wanted.iter().map(|(_, earlier)| earlier));
                let is_told = !refusal.begins || !counted.key.is_shared();
                return Err(if is_told { refusal.into() } else { self.refuse(&counted, now).await });
            }
            if counted.key.is_shared() {
                wanted.push((self.to_take(&counted), counted));
            }
        }
        let takes: Vec<Take> = wanted.iter().map(|(take, _)| take.clone()).collect();
        if let Some(missed) = self.take(&takes, now).await? {
            self.memory.put_back_refused(wanted.iter().map(|(_, counted)| counted));
            return Err(match wanted.get(missed) {
                // What is known of it is what the database has.
                Some((_, counted)) => self.refuse(counted, now).await,
                None => StoreUnavailable("a bucket that nobody asked for refused".to_owned()).into(),
            });
        }
        for (take, counted) in &wanted {
            if matches!(counted.key, LimitKey::Tenant(_)) {
                self.share(&counted.key).fetch_add(take.count.saturating_sub(1), Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Takes where all nodes do, with what is to be put back there. While that fails, it is forgotten: it might have been
    /// put back.
    async fn take(&self, takes: &[Take], now: Timestamp) -> Result<Option<usize>, StoreUnavailable> {
        let Some(Take { tenant, .. }) = takes.first() else { return Ok(None) };
        let returned = self.returned.drain(tenant, now);
        let missed = self.buckets.take(takes, &returned, now).await?;
        if missed.is_some() {
            self.returned.keep(tenant, returned, now);
        }
        Ok(missed)
    }

    /// Refuses, and has all nodes know for how long.
    async fn refuse(&self, counted: &Counted, now: Timestamp) -> NotCounted {
        match self.lock(&self.to_take(counted), now).await {
            Ok(bucket) => {
                self.memory.remember(&counted.key, bucket);
                LimitReached { retry_after: bucket.retry_after(now) }.into()
            }
            Err(error) => error.into(),
        }
    }

    async fn lock(&self, take: &Take, now: Timestamp) -> Result<Bucket, StoreUnavailable> {
        let found = self.buckets.find_bucket(&take.tenant, &take.bucket).await?;
        let read = found.unwrap_or(Bucket::full(now));
        match read.take(&take.allowance, take.count, now) {
            Verdict::BeginsToRefuse(locked) => {
                // Whoever was faster began to refuse, too, or put an attempt back.
                self.buckets.lock(&take.tenant, &take.bucket, (read, locked)).await?;
                Ok(locked)
            }
            // Somebody put an attempt back meanwhile. This one was refused all the same.
            Verdict::Refused | Verdict::Counted(_) => Ok(read),
        }
    }

    fn forgive_shared(&self, counts: &[Counted], now: Timestamp) {
        for counted in counts {
            if let LimitKey::Tenant(_) = counted.key {
                self.share(&counted.key).fetch_add(1, Ordering::Relaxed);
                continue;
            }
            self.memory.put_back(counted);
            if counted.key.is_shared() {
                self.returned.keep(counted.key.tenant(), [self.to_take(counted)], now);
            }
        }
    }

    fn to_take(&self, counted: &Counted) -> Take {
        let (tenant, name) = counted.key.name();
        let allowance = counted.allowance;
        let count = match counted.key {
            LimitKey::Tenant(_) => (allowance.burst / SHARES).clamp(1, LARGEST_SHARE),
            _ => 1,
        };
        let bucket = self.sealer.hash(tenant, PURPOSE, name.as_bytes());
        Take { tenant: tenant.clone(), bucket, count, allowance }
    }

    fn share(&self, key: &LimitKey) -> Arc<AtomicU32> {
        self.shares.get_with(key.tenant().clone(), Arc::default)
    }

    /// Whether an attempt was left of what this node took from its tenant's bucket.
    fn use_share(&self, key: &LimitKey) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.share(key).fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Attempts for SharedAttempts {
    fn count_all(&self, counts: Vec<Counted>, now: Timestamp) -> BoxFuture<'_, Result<(), NotCounted>> {
        Box::pin(self.count_shared(counts, now))
    }

    fn forgive_all(&self, counts: Vec<Counted>, now: Timestamp) -> BoxFuture<'_, ()> {
        self.forgive_shared(&counts, now);
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests;
