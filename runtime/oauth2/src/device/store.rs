//! A device's request as it is stored, and where it is found.

use std::fmt;

use primitives::{ClientId, GrantId, KeyedHash, TenantId, Timestamp};

use crate::details::AuthorizationDetails;
use crate::ports::PortResult;
use crate::scope::Scopes;

/// A device's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// Keyed hash of the device code.
    pub hash: KeyedHash,
    /// Keyed hash of the user code.
    pub user_code: KeyedHash,
    /// Who asks, and alone may poll.
    pub client: ClientId,
    /// For what.
    pub scope: Scopes,
    /// For whom the access tokens will be.
    pub audience: Vec<String>,
    /// What no scope says (RFC 9396).
    pub details: AuthorizationDetails,
    /// When it asked.
    pub created_at: Timestamp,
    /// Until when it may be answered and redeemed.
    pub expires_at: Timestamp,
    /// When it may poll.
    pub polling: Polling,
    /// What the person said; none while nobody has.
    pub answer: Option<DeviceAnswer>,
}

/// How often a device may ask whether it was answered (RFC 8628 section 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// Seconds between two polls. Grows each time that a poll comes too early.
    pub interval: u32,
    /// Before this a poll is too early.
    pub next_at: Timestamp,
}

/// What became of a device's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceAnswer {
    /// The person refused.
    Denied,
    /// The person allowed it; the device has not heard yet.
    Allowed(GrantId),
    /// The device has its tokens.
    Redeemed(GrantId),
}

/// Finds devices' requests.
pub trait DeviceCodeRepository: Send + Sync + fmt::Debug {
    /// The request of a device code, answered or not, and for a while after it has expired.
    fn find_device_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<DeviceCode>>;

    /// The request of a user code, likewise.
    fn find_user_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<DeviceCode>>;

    /// How many requests of a client have not expired by `now`; counted up to `most`.
    fn count_device_codes<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        now: Timestamp,
        most: u32,
    ) -> PortResult<'a, u32>;
}
