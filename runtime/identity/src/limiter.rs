//! How often somebody may try.
//!
//! An attempt counts before its hash is computed, so that a flood costs the flooder and not us, and is
//! forgiven when it succeeds, so that people who know their password never meet a limit. The count of
//! an identifier does not say whether it has an account: it exists for any text.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use primitives::{ClientAddress, IdentityId, TenantId, Timestamp};

use crate::identifier::Identifier;
use crate::settings::{LimitSettings, Rate, SmsSettings};

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Attempts on one identifier, from everywhere. By skeleton, so that spellings share a count.
    Identifier(TenantId, String),
    /// Attempts from one client address or /64.
    Address(TenantId, IpAddr),
    /// Forms begun from one client address or /64.
    Flow(TenantId, IpAddr),
    /// Codes sent to one address.
    Mail(TenantId, String),
    /// Text messages of a tenant, from one client address or /64; from everywhere if none is named.
    Sms(TenantId, Option<IpAddr>),
    /// Codes tried for one address, whatever the form.
    Code(TenantId, String),
    /// Devices' requests from one client address or /64, of clients that prove nothing.
    Device(TenantId, IpAddr),
    /// Clients that register themselves, from one client address or /64.
    Registration(TenantId, IpAddr),
    /// Codes of devices that were tried, from one client address or /64; from everywhere if none is named.
    UserCode(TenantId, Option<IpAddr>),
    /// Attempts on the second factors of one person.
    SecondFactor(TenantId, IdentityId),
}

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub struct LimitReached {
    /// After how long the next one counts.
    pub retry_after: Duration,
}

/// Where attempts are counted. In memory on one node; shared state for several comes behind the same trait.
pub trait Attempts: Send + Sync + std::fmt::Debug {
    /// Counts an attempt, or refuses it without counting.
    fn count(&self, key: LimitKey, rate: Rate, now: Timestamp) -> BoxFuture<'_, Result<(), LimitReached>>;

    /// Takes one counted attempt back.
    fn forgive(&self, key: LimitKey, rate: Rate, now: Timestamp) -> BoxFuture<'_, ()>;
}

/// Counts an attempt to sign in or up, first by address and then by identifier, and refuses if either is full.
pub async fn count_attempt(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    who: (ClientAddress, Option<&Identifier>),
    now: Timestamp,
) -> Result<(), LimitReached> {
    let (address, identifier) = who;
    attempts.count(address_key(tenant, address), limits.address, now).await?;
    if let Some(identifier) = identifier {
        attempts.count(identifier_key(tenant, identifier), limits.identifier, now).await?;
    }
    Ok(())
}

/// Takes back a counted attempt that succeeded.
pub async fn forgive_attempt(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    who: (ClientAddress, Option<&Identifier>),
    now: Timestamp,
) {
    let (address, identifier) = who;
    attempts.forgive(address_key(tenant, address), limits.address, now).await;
    if let Some(identifier) = identifier {
        attempts.forgive(identifier_key(tenant, identifier), limits.identifier, now).await;
    }
}

/// Counts a code that is to be sent to an address, and refuses if it has got too many. Whether anybody has the address
/// does not matter.
pub async fn count_mail(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    address: &Identifier,
    now: Timestamp,
) -> Result<(), LimitReached> {
    let key = LimitKey::Mail(tenant.clone(), address.skeleton().to_owned());
    attempts.count(key, limits.mail, now).await
}

/// Counts a text message that somebody causes, first by where they are and then for the whole tenant, and refuses if either
/// is full. Whether anybody has the number does not matter.
///
/// Attack: somebody who earns by messages to their numbers has many sent ("SMS pumping"), to a new number each. The count by
/// number sees one of each; the one by source sees them all, and the tenant's bounds what many sources cost.
pub async fn count_sms(
    attempts: &dyn Attempts,
    settings: &SmsSettings,
    tenant: &TenantId,
    address: ClientAddress,
    now: Timestamp,
) -> Result<(), LimitReached> {
    let source = LimitKey::Sms(tenant.clone(), Some(address.limit_key()));
    attempts.count(source, settings.source, now).await?;
    attempts.count(LimitKey::Sms(tenant.clone(), None), settings.tenant, now).await
}

/// Counts a code that is tried for an address, and refuses if too many were.
pub async fn count_address_proof(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    address: &Identifier,
    now: Timestamp,
) -> Result<(), LimitReached> {
    let key = LimitKey::Code(tenant.clone(), address.skeleton().to_owned());
    attempts.count(key, limits.code, now).await
}

/// Counts a proof that an operator asks about, for every identifier of the account, and refuses if one is full. The
/// operator's address does not count: it asks for many people.
pub async fn count_verification(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    identifiers: &[Identifier],
    now: Timestamp,
) -> Result<(), LimitReached> {
    for identifier in identifiers {
        attempts.count(identifier_key(tenant, identifier), limits.identifier, now).await?;
    }
    Ok(())
}

/// Takes back a counted proof that was right.
pub async fn forgive_verification(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    identifiers: &[Identifier],
    now: Timestamp,
) {
    for identifier in identifiers {
        attempts.forgive(identifier_key(tenant, identifier), limits.identifier, now).await;
    }
}

/// Counts the beginning of a form, and refuses if its client's address has begun too many.
pub async fn count_flow(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    address: ClientAddress,
    now: Timestamp,
) -> Result<(), LimitReached> {
    attempts.count(LimitKey::Flow(tenant.clone(), address.limit_key()), limits.flow, now).await
}

/// Takes back the beginning of a form that ended well.
pub async fn forgive_flow(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    address: ClientAddress,
    now: Timestamp,
) {
    attempts.forgive(LimitKey::Flow(tenant.clone(), address.limit_key()), limits.flow, now).await;
}

fn address_key(tenant: &TenantId, address: ClientAddress) -> LimitKey {
    LimitKey::Address(tenant.clone(), address.limit_key())
}

fn identifier_key(tenant: &TenantId, identifier: &Identifier) -> LimitKey {
    LimitKey::Identifier(tenant.clone(), identifier.skeleton().to_owned())
}

/// Counts in memory, for one node.
///
/// Bounded: of more keys than it holds it forgets the least used, which an attacker would have to pay
/// with as many addresses.
#[derive(Debug)]
pub struct AttemptsInMemory {
    buckets: Cache<LimitKey, Arc<Mutex<Timestamp>>>,
}

impl AttemptsInMemory {
    /// Counts at most `capacity` keys at a time.
    pub fn new(capacity: u64) -> Self {
        Self {
            buckets: Cache::builder().max_capacity(capacity).time_to_idle(Duration::from_hours(1)).build(),
        }
    }

    /// Runs `change` on the bucket: the instant at which it is full again (a generic cell rate
    /// algorithm needs no more state).
    fn with<T>(&self, key: LimitKey, now: Timestamp, change: impl FnOnce(&mut Timestamp) -> T) -> T {
        let bucket = self.buckets.get_with(key, || Arc::new(Mutex::new(now)));
        let mut full_at = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut full_at)
    }
}

impl Attempts for AttemptsInMemory {
    fn count(&self, key: LimitKey, rate: Rate, now: Timestamp) -> BoxFuture<'_, Result<(), LimitReached>> {
        let verdict = self.with(key, now, |full_at| {
            let step = Duration::from_secs(u64::from(rate.refill_seconds));
            let next = (*full_at).max(now).after(step);
            let debt = next.since(now);
            let allowed = step * rate.burst;
            if debt > allowed {
                return Err(LimitReached {
                    retry_after: debt.saturating_sub(allowed).max(Duration::from_secs(1)),
                });
            }
            *full_at = next;
            Ok(())
        });
        Box::pin(std::future::ready(verdict))
    }

    fn forgive(&self, key: LimitKey, rate: Rate, now: Timestamp) -> BoxFuture<'_, ()> {
        self.with(key, now, |full_at| {
            *full_at = full_at.before(Duration::from_secs(u64::from(rate.refill_seconds)));
        });
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const RATE: Rate = Rate { burst: 3, refill_seconds: 10 };

    fn key(name: &str) -> LimitKey {
        LimitKey::Identifier(TenantId::default_tenant(), name.to_owned())
    }

    fn count(attempts: &AttemptsInMemory, name: &str, at: i64) -> bool {
        attempts.count(key(name), RATE, Timestamp::from_seconds(at)).now_or_never().unwrap().is_ok()
    }

    #[test]
    fn burst_then_one_per_refill() {
        let attempts = AttemptsInMemory::new(100);
        let answers: Vec<bool> =
            [0, 0, 0, 0, 9, 10, 10, 20].iter().map(|at| count(&attempts, "a", *at)).collect();
        assert_eq!(answers, [true, true, true, false, false, true, false, true]);
        assert!(count(&attempts, "b", 0), "another key has its own count");
    }

    #[test]
    fn success_is_forgiven() {
        let attempts = AttemptsInMemory::new(100);
        for _ in 0..50 {
            assert!(count(&attempts, "a", 0));
            attempts.forgive(key("a"), RATE, Timestamp::from_seconds(0)).now_or_never();
        }
    }

    #[test]
    fn refusal_says_when_to_come_back() {
        let attempts = AttemptsInMemory::new(100);
        let now = Timestamp::from_seconds(0);
        let counted: Vec<_> =
            (0..4).map(|_| attempts.count(key("a"), RATE, now).now_or_never().unwrap()).collect();
        assert_eq!(counted.last(), Some(&Err(LimitReached { retry_after: Duration::from_secs(10) })));
    }
}
