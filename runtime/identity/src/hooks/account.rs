//! What plugins are told of what people did with their accounts.

use futures_util::future::BoxFuture;
use primitives::SessionId;
use primitives::hooks::{FailurePolicy, HookFailure};

use super::Origin;
use crate::identity::Identity;

/// What happens when a plugin cannot be told: nothing is undone, and it is audited.
pub const ACCOUNT_FAILURE_POLICY: FailurePolicy = FailurePolicy::Open;

/// Something that a person did, and that is durable.
#[derive(Debug, Clone)]
pub struct AccountEvent<'a> {
    /// What.
    pub what: Happening,
    /// The account as it is now.
    pub identity: &'a Identity,
    /// The session in which it happened, or that ended.
    pub session: Option<SessionId>,
    /// From where.
    pub origin: Origin,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Traits were changed.
    Profile,
    /// A password was set.
    Password,
    /// They signed out.
    Logout,
    /// They got back in without their credentials.
    Recovery,
    /// They proved an address.
    Verification,
}

/// Who could not be told: each plugin that failed, once.
pub type Told<'a> = BoxFuture<'a, Vec<HookFailure>>;
