//! What this room needs from outside: identities, credentials and sessions, by tenant.

use futures_util::future::BoxFuture;
use primitives::{FlowId, IdentityId, KeyedHash, OrganisationId, SessionId, TenantId, Timestamp};

use crate::factor::StoredFactor;
use crate::flow::{FlowTrace, StoredFlow};
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity};
use crate::password::StoredPassword;
use crate::providers::Link;
use crate::session::Session;
use crate::trusted_device::TrustedDevice;
use crate::webauthn::{CredentialId, StoredKey};

/// The store could not answer. Nobody's fault that the client could mend; the detail is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable: {0}")]
pub struct StoreUnavailable(pub String);

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressUse {
    /// Its owner can be proven.
    Verification,
    /// Its owner can get back in.
    Recovery,
}

/// Reads identities and their credentials.
pub trait Identities: Send + Sync {
    /// Finds an identity by its id.
    fn find_identity<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: IdentityId,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>>;

    /// Finds the identity that holds an identifier, with its password if it has one. One look-up, so
    /// that an account with a password takes no longer to find than one without.
    #[expect(clippy::type_complexity, reason = "an account and its password are one look-up")]
    fn find_by_identifier<'a>(
        &'a self,
        tenant: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Option<(Identity, Option<StoredPassword>)>, StoreUnavailable>>;

    /// Finds who has an address for a purpose. Of several who claim one it is whoever signs in with it, else whoever had
    /// it first.
    fn find_by_address<'a>(
        &'a self,
        tenant: &'a TenantId,
        purpose: AddressUse,
        via: AddressKind,
        address: &'a str,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>>;

    /// Finds the identity that an external id names.
    fn find_by_external_id<'a>(
        &'a self,
        tenant: &'a TenantId,
        external_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>>;

    /// Finds who holds an identifier or a look-alike of it.
    fn find_look_alike<'a>(
        &'a self,
        tenant: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Option<IdentityId>, StoreUnavailable>>;

    /// Finds the password of an identity.
    fn find_password<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Option<StoredPassword>, StoreUnavailable>>;

    /// Lists the identifiers that an identity holds, in normalised form.
    fn list_identifiers<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreUnavailable>>;

    /// Lists identities in the order of their ids, after `after`, at most `limit`.
    fn list_identities<'a>(
        &'a self,
        tenant: &'a TenantId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>>;

    /// Lists the identities of an organisation, in the same way.
    fn list_of_organisation<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>>;
}

/// Reads second factors and keys. Apart from [`Identities`], so that whoever holds that reads none.
pub trait Factors: Send + Sync {
    /// Lists the second factors of an identity.
    fn list_factors<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<StoredFactor>, StoreUnavailable>>;

    /// Lists the passkeys and security keys of an identity, the oldest first.
    fn list_keys<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>>;

    /// Lists the passkeys and security keys of whoever holds an identifier. One look-up, which takes no longer where somebody
    /// has keys than where nobody is.
    fn list_keys_of_identifier<'a>(
        &'a self,
        tenant: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>>;

    /// Finds a passkey or a security key by its id, whoever's it is.
    fn find_key<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<Option<StoredKey>, StoreUnavailable>>;

    /// Finds the device that an identity trusts at `now`, by the hashes under which its token may be stored.
    fn find_trusted_device<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        hashes: &'a [KeyedHash],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<TrustedDevice>, StoreUnavailable>>;

    /// Lists the devices that an identity trusts at `now`, the newest first.
    fn list_trusted_devices<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<TrustedDevice>, StoreUnavailable>>;
}

/// Reads links to other providers. Apart from [`Identities`], so that whoever holds that reads no tokens.
pub trait Links: Send + Sync {
    /// Finds whom a provider means by a subject.
    fn find_by_link<'a>(
        &'a self,
        tenant: &'a TenantId,
        provider: &'a str,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Identity, Link)>, StoreUnavailable>>;

    /// Lists the links of an identity, in the order of their providers.
    fn list_links<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<Link>, StoreUnavailable>>;
}

/// Reads sessions.
pub trait Sessions: Send + Sync {
    /// Finds a session and its identity by any of the hashes of a token, ended or not.
    fn find_by_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hashes: &'a [KeyedHash],
    ) -> BoxFuture<'a, Result<Option<(Session, Identity)>, StoreUnavailable>>;

    /// Finds a session of any identity, ended or not.
    fn find_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: SessionId,
    ) -> BoxFuture<'a, Result<Option<Session>, StoreUnavailable>>;

    /// Lists the live sessions of an identity, newest first, at most `limit`.
    fn list_live<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Session>, StoreUnavailable>>;

    /// Lists sessions of any identity in the order of their ids, at most `limit`.
    fn list_sessions<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: SessionFilter,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Session>, StoreUnavailable>>;
}

/// Which sessions an operator lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only those of an identity.
    pub identity: Option<IdentityId>,
    /// Only live ones, or only ended ones.
    pub live: Option<bool>,
    /// After this one, in the order of ids.
    pub after: Option<SessionId>,
}

/// Reads self-service flows.
pub trait Flows: Send + Sync {
    /// What is known of a flow by its id, expired or not.
    fn trace_flow<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: FlowId,
    ) -> BoxFuture<'a, Result<FlowTrace, StoreUnavailable>>;

    /// Finds a flow's row by its id, expired or not; none if it has served.
    fn find_flow<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: FlowId,
    ) -> BoxFuture<'a, Result<Option<StoredFlow>, StoreUnavailable>> {
        Box::pin(async move {
            Ok(match self.trace_flow(tenant, id).await? {
                FlowTrace::Row(stored) => Some(*stored),
                FlowTrace::Spent | FlowTrace::Nothing { .. } => None,
            })
        })
    }
}
