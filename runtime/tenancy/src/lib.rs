//! Tenants and the principals that administer them.
//!
//! A tenant is an issuer: one product with its keys, people, clients, plugins and looks. This room says
//! what a tenant and an admin key are, who may touch which tenant, and how the tenants of a configuration
//! file become changes. It knows nothing of wasmtime, SQL or HTTP, and the settings of other rooms are an
//! opaque document to it. Start with [`Tenant`] and [`AdminPrincipal::check_access`].

pub mod access;
pub mod admin_key;
pub mod plugin;
pub mod ports;
pub mod reconcile;
pub mod secrets;
pub mod tenant;
pub mod webhook;
pub mod write;

pub use access::{AccessDenied, AdminPrincipal};
pub use admin_key::{AdminKey, KeyOwner, NewAdminKey, PlainAdminKey, Scope};
pub use plugin::{DeclaredPlugin, PluginReport, PluginState, Reread, TenantPlugins};
pub use ports::{AdminKeys, ReadError, Tenants};
pub use reconcile::{DeclaredTenant, HostTaken, check_hosts, reconcile};
pub use secrets::{TenantSecret, TenantSecrets, reconcile_tenant_secrets};
pub use tenant::{ManagedBy, SettingsDocument, Tenant, TenantDeletion, TenantError, TenantState};
pub use webhook::Webhook;
pub use write::Write;
