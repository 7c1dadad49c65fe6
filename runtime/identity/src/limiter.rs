//! How often somebody may try.
//!
//! An attempt counts before its hash is computed, so that a flood costs the flooder and not us, and is
//! forgiven when it succeeds, so that people who know their password never meet a limit. The count of
//! an identifier does not say whether it has an account: it exists for any text.

pub mod bucket;
mod memory;
mod returned;
pub mod shared;
mod while_counted;

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::{ClientAddress, ClientId, IdentityId, TenantId, Timestamp};

use crate::identifier::Identifier;
use crate::limiter::bucket::Allowance;
use crate::ports::StoreUnavailable;
use crate::settings::{LimitSettings, Rate, SmsSettings};

pub use memory::AttemptsInMemory;
pub(crate) use while_counted::while_counted;

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
    /// Changes that one of them makes of its registration.
    RegistrationChange(TenantId, ClientId),
    /// Codes of devices that were tried, from one client address or /64; from everywhere if none is named.
    UserCode(TenantId, Option<IpAddr>),
    /// Secrets of one client that were tried, from one client address or /64; from everywhere if none is named.
    ClientSecret(TenantId, ClientId, Option<IpAddr>),
    /// Attempts on the second factors of one person.
    SecondFactor(TenantId, IdentityId),
    /// Attempts at a tenant as a whole.
    Tenant(TenantId),
}

impl LimitKey {
    /// Whose.
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Identifier(tenant, _)
            | Self::Address(tenant, _)
            | Self::Flow(tenant, _)
            | Self::Mail(tenant, _)
            | Self::Sms(tenant, _)
            | Self::Code(tenant, _)
            | Self::Device(tenant, _)
            | Self::Registration(tenant, _)
            | Self::RegistrationChange(tenant, _)
            | Self::UserCode(tenant, _)
            | Self::ClientSecret(tenant, _, _)
            | Self::SecondFactor(tenant, _)
            | Self::Tenant(tenant) => tenant,
        }
    }

    /// Whether all nodes count it together. A form that is begun guesses nothing, and most cost no write.
    const fn is_shared(&self) -> bool {
        match self {
            Self::Flow(..) => false,
            Self::Identifier(..)
            | Self::Address(..)
            | Self::Mail(..)
            | Self::Sms(..)
            | Self::Code(..)
            | Self::Device(..)
            | Self::Registration(..)
            | Self::RegistrationChange(..)
            | Self::UserCode(..)
            | Self::ClientSecret(..)
            | Self::SecondFactor(..)
            | Self::Tenant(_) => true,
        }
    }

    /// Whether it takes nothing of an attempt that a later count refuses.
    ///
    /// Attack: others guess a client's secret, so that its own requests are refused, and each takes from the count of where it
    /// comes from until that is empty too. What is counted here is of one source and client: nothing else is guessed with it.
    const fn is_put_back(&self) -> bool {
        matches!(self, Self::ClientSecret(..))
    }

    /// Its tenant, and a text that no other of the tenant's has. Stored only as a keyed hash.
    fn name(&self) -> (&TenantId, String) {
        let name = match self {
            Self::Identifier(_, text) => format!("identifier {text}"),
            Self::Address(_, address) => format!("address {address}"),
            Self::Flow(_, address) => format!("flow {address}"),
            Self::Mail(_, text) => format!("mail {text}"),
            Self::Sms(_, None) => "sms".to_owned(),
            Self::Sms(_, Some(address)) => format!("sms {address}"),
            Self::Code(_, text) => format!("code {text}"),
            Self::Device(_, address) => format!("device {address}"),
            Self::Registration(_, address) => format!("registration {address}"),
            Self::RegistrationChange(_, client) => format!("registration_change {client}"),
            Self::UserCode(_, None) => "user_code".to_owned(),
            Self::UserCode(_, Some(address)) => format!("user_code {address}"),
            // The one that may be anything comes last.
            Self::ClientSecret(_, client, None) => format!("client_secret {client}"),
            Self::ClientSecret(_, client, Some(address)) => format!("client_secret_at {address} {client}"),
            Self::SecondFactor(_, identity) => format!("second_factor {identity}"),
            Self::Tenant(_) => "tenant".to_owned(),
        };
        (self.tenant(), name)
    }
}

/// What an attempt is counted as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What is counted.
    pub key: LimitKey,
    /// How many of it there may be.
    pub allowance: Allowance,
}

impl Counted {
    /// Without back-off.
    pub fn new(key: LimitKey, rate: Rate) -> Self {
        Self { key, allowance: Allowance::new(rate) }
    }

    /// A guess: who goes on guessing waits longer and longer.
    fn guess(key: LimitKey, rate: Rate, limits: &LimitSettings) -> Self {
        Self { key, allowance: Allowance::new(rate).backing_off(limits.longest_wait_seconds) }
    }
}

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub struct LimitReached {
    /// After how long the next one counts.
    pub retry_after: Duration,
}

/// Why an attempt is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCounted {
    /// Too many were. The client's to wait.
    #[error(transparent)]
    Reached(#[from] LimitReached),
    /// It is not known how many were, so none is made. Ours.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
}

impl NotCounted {
    /// As an error that has both causes.
    pub(crate) fn into_either<E: From<LimitReached> + From<StoreUnavailable>>(self) -> E {
        match self {
            Self::Reached(limit) => limit.into(),
            Self::Store(error) => error.into(),
        }
    }

    /// After how long it may be made.
    pub const fn retry_after(&self) -> Duration {
        match self {
            Self::Reached(limit) => limit.retry_after,
            Self::Store(_) => Duration::from_secs(5),
        }
    }
}

/// Where attempts are counted: on one node, or by all that share a database.
pub trait Attempts: Send + Sync + std::fmt::Debug {
    /// Counts an attempt for each of these keys of one tenant, in this order, or refuses it without counting it for the
    /// one that refuses; of the secret of a client it is then counted for none.
    fn count_all(&self, counts: Vec<Counted>, now: Timestamp) -> BoxFuture<'_, Result<(), NotCounted>>;

    /// Takes back an attempt that was counted for each of these keys of one tenant.
    fn forgive_all(&self, counts: Vec<Counted>, now: Timestamp) -> BoxFuture<'_, ()>;

    /// Counts an attempt, or refuses it without counting.
    fn count(&self, key: LimitKey, rate: Rate, now: Timestamp) -> BoxFuture<'_, Result<(), NotCounted>> {
        self.count_all(vec![Counted::new(key, rate)], now)
    }

    /// Takes one counted attempt back.
    fn forgive(&self, key: LimitKey, rate: Rate, now: Timestamp) -> BoxFuture<'_, ()> {
        self.forgive_all(vec![Counted::new(key, rate)], now)
    }
}

/// Counts an attempt to sign in or up, first by address, then by identifier and by tenant, and refuses if one is full.
pub async fn count_attempt(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    who: (ClientAddress, Option<&Identifier>),
    now: Timestamp,
) -> Result<(), NotCounted> {
    attempts.count_all(attempt(limits, tenant, who), now).await
}

/// Takes back a counted attempt that succeeded.
pub async fn forgive_attempt(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    who: (ClientAddress, Option<&Identifier>),
    now: Timestamp,
) {
    attempts.forgive_all(attempt(limits, tenant, who), now).await;
}

/// The tenant comes last: what is refused for its address or its identifier takes nothing from others.
fn attempt(
    limits: &LimitSettings,
    tenant: &TenantId,
    (address, identifier): (ClientAddress, Option<&Identifier>),
) -> Vec<Counted> {
    let address = LimitKey::Address(tenant.clone(), address.limit_key());
    let mut counts = vec![Counted::guess(address, limits.address, limits)];
    counts.extend(identifier.map(|identifier| of_identifier(limits, tenant, identifier)));
    let ceiling = limits.tenant.allowance();
    counts.extend(ceiling.map(|allowance| Counted { key: LimitKey::Tenant(tenant.clone()), allowance }));
    counts
}

fn of_identifier(limits: &LimitSettings, tenant: &TenantId, identifier: &Identifier) -> Counted {
    let key = LimitKey::Identifier(tenant.clone(), identifier.skeleton().to_owned());
    Counted::guess(key, limits.identifier, limits)
}

/// Counts an attempt on somebody's second factor, and refuses it if too many were made from everywhere.
pub async fn count_second_factor(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    identity: IdentityId,
    now: Timestamp,
) -> Result<(), NotCounted> {
    attempts.count_all(vec![of_second_factor(limits, tenant, identity)], now).await
}

/// Takes back an attempt on somebody's second factor that was right.
pub async fn forgive_second_factor(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    identity: IdentityId,
    now: Timestamp,
) {
    attempts.forgive_all(vec![of_second_factor(limits, tenant, identity)], now).await;
}

fn of_second_factor(limits: &LimitSettings, tenant: &TenantId, identity: IdentityId) -> Counted {
    Counted::guess(LimitKey::SecondFactor(tenant.clone(), identity), limits.second_factor, limits)
}

/// Counts a code that is to be sent to an address, and refuses if it has got too many. Whether anybody has the address
/// does not matter.
pub async fn count_mail(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    address: &Identifier,
    now: Timestamp,
) -> Result<(), NotCounted> {
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
) -> Result<(), NotCounted> {
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
) -> Result<(), NotCounted> {
    let key = LimitKey::Code(tenant.clone(), address.skeleton().to_owned());
    attempts.count_all(vec![Counted::guess(key, limits.code, limits)], now).await
}

/// Counts a proof that an operator asks about, for every identifier of the account, and refuses if one is full. The
/// operator's address does not count: it asks for many people.
pub async fn count_verification(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    identifiers: &[Identifier],
    now: Timestamp,
) -> Result<(), NotCounted> {
    attempts.count_all(of_identifiers(limits, tenant, identifiers), now).await
}

/// Takes back a counted proof that was right.
pub async fn forgive_verification(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    identifiers: &[Identifier],
    now: Timestamp,
) {
    attempts.forgive_all(of_identifiers(limits, tenant, identifiers), now).await;
}

fn of_identifiers(limits: &LimitSettings, tenant: &TenantId, identifiers: &[Identifier]) -> Vec<Counted> {
    identifiers.iter().map(|identifier| of_identifier(limits, tenant, identifier)).collect()
}

/// Counts the beginning of a form, and refuses if its client's address has begun too many.
pub async fn count_flow(
    attempts: &dyn Attempts,
    limits: &LimitSettings,
    tenant: &TenantId,
    address: ClientAddress,
    now: Timestamp,
) -> Result<(), NotCounted> {
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
