//! What this room writes.

use primitives::{AdminKeyId, KeyedHash, Timestamp, UploadedPluginId};

use crate::admin_key::AdminKey;
use crate::plugin::secrets::PluginSecret;
use crate::plugin::uploaded::{
    CheckedComponent, ComponentRoom, PluginVersion, UploadedPlugin, UploadedSecret,
};
use crate::plugin::values::{PutValue, Room};
use crate::secrets::TenantSecret;
use crate::tenant::{Tenant, TenantDeletion};
use crate::webhook::NewWebhookMessage;

/// One guarded write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Inserts a tenant. Guard: no tenant has its id or its host, and nothing is left of a deleted one that had its id.
    InsertTenant(Tenant),
    /// Replaces a tenant. Guard: it still has the version that was read.
    ReplaceTenant {
        /// The tenant as it shall be, its version already raised.
        tenant: Tenant,
        /// The version that the decision was made on.
        read_version: i64,
    },
    /// Deletes the change's tenant: nobody finds it from then on. Its rows leave later. Guard: it still has the version
    /// that was read.
    DeleteTenant(Box<TenantDeletion>),
    /// Inserts an admin key under the change's tenant. Guard: none has its id.
    InsertAdminKey {
        /// The key without its secret.
        key: AdminKey,
        /// The keyed hash of its secret.
        hash: KeyedHash,
    },
    /// Deletes an admin key of the change's tenant. Guard: it exists.
    DeleteAdminKey(AdminKeyId),
    /// Notes when an admin key was last used. No guard: a key that is gone meanwhile is no error.
    TouchAdminKey {
        /// Which.
        id: AdminKeyId,
        /// When.
        used_at: Timestamp,
    },
    /// Stores a secret of a plugin of the change's tenant, sealed, in the place of one of its name. No guard.
    PutPluginSecret {
        /// Whose, which and what.
        secret: PluginSecret,
        /// When.
        at: Timestamp,
    },
    /// Deletes a secret of a plugin of the change's tenant. No guard.
    DeletePluginSecret {
        /// The plugin's name.
        plugin: String,
        /// The secret's name.
        name: String,
    },
    /// Keeps an uploaded plugin from being deleted until the change is applied. Guard: this very one is there.
    HoldUploadedPlugin {
        /// The plugin's name.
        plugin: String,
        /// Which of this name.
        id: UploadedPluginId,
    },
    /// Counts a value that is about to be put among what a plugin keeps, in the place of what is under its
    /// key. Guard: the plugin keeps no more than `room` then.
    ReservePluginRoom {
        /// The plugin's name.
        plugin: String,
        /// The value's key.
        key: Vec<u8>,
        /// What key and value take, in bytes.
        size: usize,
        /// What the plugin may keep.
        room: Room,
    },
    /// Puts a value of a plugin, after its room was reserved. Guard: what is there is what it replaces.
    PutPluginValue {
        /// The plugin's name.
        plugin: String,
        /// What is put.
        put: Box<PutValue>,
        /// Values that end until then are not there.
        now: Timestamp,
    },
    /// Counts a new version of a plugin, and its component unless the tenant has it. Guard: the tenant keeps no
    /// more than `room` then.
    ReserveComponentRoom {
        /// The component.
        sha256: String,
        /// What it takes, in bytes.
        bytes: u64,
        /// What the tenant may keep.
        room: ComponentRoom,
    },
    /// Puts a component of the change's tenant, after its room was reserved. No guard: equal bytes are there.
    PutComponent(CheckedComponent),
    /// Inserts a version, whose component is put in the same change. Guard: the plugin has none of its number.
    InsertPluginVersion(Box<PluginVersion>),
    /// Puts an uploaded plugin, its revision already raised. Guard: this very one still has the one before; the
    /// first one is that nothing is there.
    PutUploadedPlugin {
        /// The plugin as it shall be.
        plugin: Box<UploadedPlugin>,
        /// Whether nodes have to load something else than before.
        reloads: bool,
    },
    /// Deletes an uploaded plugin with its versions, and the components that no version has then. Guard: it
    /// still has this revision.
    DeleteUploadedPlugin {
        /// Its name.
        plugin: String,
        /// Which of this name.
        id: UploadedPluginId,
        /// The revision that the decision was made on.
        revision: i64,
    },
    /// Deletes a version, and its component if no other has it. Guard: it exists.
    DeletePluginVersion {
        /// The plugin's name.
        plugin: String,
        /// Which.
        version: u32,
    },
    /// Stores a secret of an uploaded plugin, sealed, in the place of one of its name. No guard.
    PutUploadedSecret(Box<UploadedSecret>),
    /// Deletes a secret of an uploaded plugin. No guard.
    DeleteUploadedSecret {
        /// The plugin's name.
        plugin: String,
        /// The secret's name.
        name: String,
    },
    /// Deletes every secret of an uploaded plugin. No guard.
    DeleteUploadedSecrets {
        /// The plugin's name.
        plugin: String,
    },
    /// Deletes everything that a plugin kept. No guard.
    DeletePluginValues {
        /// The plugin's name.
        plugin: String,
    },
    /// Sets a secret of the change's tenant, sealed, whatever it was. No guard.
    PutTenantSecret {
        /// The secret.
        secret: TenantSecret,
        /// When.
        at: Timestamp,
    },
    /// Deletes a secret of the change's tenant. No guard.
    DeleteTenantSecret {
        /// Its name.
        name: String,
    },
    /// Keeps a message to a webhook until it is taken. No guard: one of its id that is there stays.
    QueueWebhookMessage(Box<NewWebhookMessage>),
    /// Deletes a value of a plugin. No guard.
    DeletePluginValue {
        /// The plugin's name.
        plugin: String,
        /// The value's key.
        key: Vec<u8>,
    },
}
