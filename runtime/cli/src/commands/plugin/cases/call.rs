//! Whose call it is: the WIT's `call-context`.

use primitives::hooks::HookContext;
use primitives::{Actor, AdminKeyId, ClientId, IdentityId, OrganisationId, RequestId, TenantId, Timestamp};
use serde::Deserialize;

/// The call context of a case. What is left out is nobody and nothing; the time is the first second of 2026.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(in crate::commands::plugin) struct Call {
    tenant: Option<TenantId>,
    organisation: Option<OrganisationId>,
    client: Option<ClientId>,
    actor: WrittenActor,
    request_id: Option<RequestId>,
    /// Microseconds since 1970.
    now: Option<i64>,
}

/// The WIT's `actor`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenActor {
    #[default]
    Anonymous,
    Subject(IdentityId),
    Client(ClientId),
    AdminKey(AdminKeyId),
    Listener(String),
    System,
}

const FIRST_SECOND_OF_2026: i64 = 1_767_225_600_000_000;

impl Call {
    pub(in crate::commands::plugin) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.unwrap_or(FIRST_SECOND_OF_2026))
    }

    pub(in crate::commands::plugin) fn context(&self) -> HookContext {
        HookContext {
            tenant: self.tenant.clone().unwrap_or_else(TenantId::default_tenant),
            organisation: self.organisation,
            client: self.client.clone(),
            actor: match self.actor.clone() {
                WrittenActor::Anonymous => Actor::Anonymous,
                WrittenActor::Subject(id) => Actor::Subject(id),
                WrittenActor::Client(id) => Actor::Client(id),
                WrittenActor::AdminKey(id) => Actor::AdminKey(id),
                WrittenActor::Listener(name) => Actor::Listener(name),
                WrittenActor::System => Actor::System,
            },
            request: self.request_id.unwrap_or_else(|| RequestId(uuid::Uuid::nil())),
        }
    }
}
