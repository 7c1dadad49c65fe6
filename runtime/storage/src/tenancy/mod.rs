//! Tenants, admin keys, and what plugins keep.

pub(crate) mod admin_keys;
mod components;
mod deletion;
mod plugin_secrets;
mod plugin_values;
mod tenant_secrets;
mod tenants;
mod uploaded_plugins;
mod uploaded_secrets;
mod webhook_messages;

use ::tenancy::Write;
use ::tenancy::ports::ReadError;
use primitives::{Sealer, TenantId};

use crate::StorageError;
use crate::apply::Stored;
use crate::statement::Statement;

pub use components::COMPONENT_CHANGED;
pub use deletion::{DeletedTenant, TenantSweep};
pub(crate) use webhook_messages::{select_webhook_messages, webhook_message_at};

/// The kind of change by which a tenant is no longer what it was.
pub const TENANT_CHANGED: &str = "tenant";

impl Stored for Write {
    fn statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(vec![match self {
            Self::ReservePluginRoom { plugin, key, size, room } => {
                return Ok(plugin_values::reserve(tenant, &plugin, key, size, room));
            }
            Self::DeletePluginValue { plugin, key } => {
                return Ok(plugin_values::delete(tenant, &plugin, key));
            }
            Self::DeletePluginValues { plugin } => return Ok(plugin_values::delete_all(tenant, &plugin)),
            Self::ReserveComponentRoom { sha256, bytes, room } => {
                return Ok(components::reserve(tenant, &sha256, bytes, room));
            }
            Self::DeleteUploadedPlugin { plugin, id, revision } => {
                return Ok(uploaded_plugins::delete(tenant, &plugin, id, revision));
            }
            Self::PutUploadedPlugin { plugin, reloads } => {
                return Ok(uploaded_plugins::put(tenant, &plugin, reloads));
            }
            Self::DeletePluginVersion { plugin, version } => {
                return Ok(uploaded_plugins::delete_version(tenant, &plugin, version));
            }
            Self::HoldUploadedPlugin { plugin, id } => plugin_values::hold(tenant, &plugin, id),
            Self::PutComponent(component) => components::put(tenant, &component),
            Self::InsertPluginVersion(version) => uploaded_plugins::insert_version(tenant, &version),
            Self::InsertTenant(new) => {
                return Ok(vec![tenants::insert(&new), deletion::check_gone(&new.id)]);
            }
            Self::DeleteTenant(deleted) => return Ok(deletion::delete(&deleted)),
            Self::ReplaceTenant { tenant: new, read_version } => tenants::replace(&new, read_version),
            Self::InsertAdminKey { key, hash } => admin_keys::insert(tenant, &key, &hash),
            Self::DeleteAdminKey(id) => admin_keys::delete(tenant, id),
            Self::TouchAdminKey { id, used_at } => admin_keys::touch(tenant, id, used_at),
            Self::PutPluginSecret { secret, at } => plugin_secrets::put(tenant, sealer, &secret, at),
            Self::DeletePluginSecret { plugin, name } => plugin_secrets::delete(tenant, plugin, name),
            Self::PutTenantSecret { secret, at } => tenant_secrets::put(tenant, sealer, &secret, at),
            Self::DeleteTenantSecret { name } => tenant_secrets::delete(tenant, name),
            Self::QueueWebhookMessage(message) => webhook_messages::queue(tenant, sealer, &message),
            Self::PutUploadedSecret(secret) => uploaded_secrets::put(tenant, sealer, &secret),
            Self::DeleteUploadedSecret { plugin, name } => uploaded_secrets::delete(tenant, plugin, name),
            Self::DeleteUploadedSecrets { plugin } => uploaded_secrets::delete_all(tenant, plugin),
            Self::PutPluginValue { plugin, put, now } => plugin_values::put(tenant, &plugin, *put, now),
        }])
    }
}

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
fn read_error(error: StorageError) -> ReadError {
    ReadError(error.to_string())
}
