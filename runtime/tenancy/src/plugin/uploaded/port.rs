//! The port to where uploaded plugins are kept.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{TenantId, UploadedPluginId};

use super::{ComponentRoom, PluginVersion, SecretFacts, UploadedPlugin};
use crate::plugin::secrets::PluginSecret;
use crate::ports::ReadError;

/// Reads uploaded plugins. Implemented by `storage`.
pub trait UploadedPlugins: Send + Sync + fmt::Debug {
    /// All of a tenant, in the order of their names.
    fn list_uploaded_plugins<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<UploadedPlugin>, ReadError>>;

    /// One of them.
    fn find_uploaded_plugin<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<UploadedPlugin>, ReadError>>;

    /// The versions of one, the newest first.
    fn list_plugin_versions<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginVersion>, ReadError>>;

    /// The bytes of a component that a version of this tenant has. Whoever runs them compares their hash.
    fn find_component<'a>(
        &'a self,
        tenant: &'a TenantId,
        sha256: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReadError>>;

    /// What is told of the secrets of one, in the order of their names.
    fn list_secret_facts<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<SecretFacts>, ReadError>>;

    /// The secrets of one, for itself: none of a plugin in the node's file, and none of whoever had or has its name.
    fn list_uploaded_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: UploadedPluginId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>>;

    /// What the tenant's versions take.
    fn component_usage<'a>(&'a self, tenant: &'a TenantId)
    -> BoxFuture<'a, Result<ComponentRoom, ReadError>>;
}
