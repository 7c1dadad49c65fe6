//! The node's configuration: TOML in, one checked value out, or every mistake with its place.
//!
//! One file per section; the types' doc comments are the reference documentation, and the JSON Schema
//! and `config/reference.md` are generated from them. Start with [`Config::parse`]. This room reads no
//! file and no environment: the composition root hands it the text, and resolves the secrets that the
//! text only refers to.

pub mod certificate_header;
pub mod courier;
mod document;
pub mod jobs;
pub mod limits;
pub mod listener;
mod locate;
pub mod log;
pub mod outbound;
mod plugins;
pub mod problem;
pub mod reference;
pub mod secrets;
pub mod server;
pub mod source;
pub mod span;
pub mod storage;
pub mod tenant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use certificate_header::CertificateHeader;
pub use courier::Courier;
pub use document::{read_json, read_toml};
pub use jobs::Jobs;
pub use limits::Limits;
pub use listener::{ClientAuthentication, ListenAddress, Listener, Router};
pub use log::Log;
pub use outbound::Outbound;
pub use primitives::SecretReference;
pub use problem::{Problem, Problems};
pub use secrets::Secrets;
pub use server::{Server, name_server};
pub use source::Source;
pub use span::Span;
pub use storage::Storage;
pub use tenant::{DeclaredClient, SettingsError, StoredSettings, Tenant, TenantSettings};

use crate::problem::Checker;

/// Everything that one node is told: itself first, then the tenants that the file declares.
///
/// Relative paths are taken from the directory of the file that names them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The node itself: where its data is and what the world calls it.
    pub server: Server,
    /// What it listens on. Without any, it serves `public` on 127.0.0.1:4480 and `admin` with `metrics`
    /// on 127.0.0.1:4481.
    #[serde(rename = "listener")]
    pub listeners: Vec<Listener>,
    /// Where it keeps its data.
    pub storage: Storage,
    /// Where its master key comes from.
    pub secrets: Secrets,
    /// What it logs, and how.
    pub log: Log,
    /// What it may use of the machine.
    pub limits: Limits,
    /// What it does in the background.
    pub jobs: Jobs,
    /// How it sends messages to people.
    pub courier: Courier,
    /// Which servers of your own network it may ask.
    pub outbound: Outbound,
    /// What plugins of all tenants together may use of it.
    pub plugins: tenancy::plugin::Settings,
    /// Tenants that this file owns: the API shows them and refuses to change them (409). One that
    /// disappears from the file is disabled, not deleted.
    #[serde(rename = "tenant")]
    pub tenants: Vec<Tenant>,
}

impl Config {
    /// Reads and checks a configuration. Every path in the result is taken from the source's directory.
    ///
    /// A mistake of syntax, key or type is reported alone (what follows it cannot be trusted);
    /// contradictions are reported together.
    pub fn parse(source: &Source<'_>) -> Result<Self, Problems> {
        let mut config: Self = read_toml(source.text, source.file)?;
        source::resolve(&mut config, source.directory);
        let mut checker = Checker::new(source);
        config.check(&mut checker);
        checker.finish().map(|()| config)
    }

    /// The listeners, or the two that a node without any serves.
    pub fn effective_listeners(&self) -> Vec<Listener> {
        if self.listeners.is_empty() { Listener::defaults() } else { self.listeners.clone() }
    }

    /// What browsers and apps call this node: the configured URL, or the loopback address of the first
    /// public listener.
    pub fn effective_base_url(&self) -> Option<url::Url> {
        self.server.base_url.clone().or_else(|| {
            let listeners = self.effective_listeners();
            let public = listeners.iter().find(|listener| listener.routers.contains(&Router::Public))?;
            let ListenAddress::Tcp(address) = &public.address else { return None };
            let scheme = if public.tls.is_some() { "https" } else { "http" };
            url::Url::parse(&format!("{scheme}://{address}")).ok()
        })
    }

    fn check(&self, checker: &mut Checker<'_>) {
        self.server.check(checker);
        listener::check_all(&self.listeners, self, checker);
        self.storage.check(checker);
        self.limits.check(checker);
        self.jobs.check(checker);
        self.courier.check(checker);
        self.outbound.check(checker);
        plugins::check(&self.plugins, checker);
        let base_url = self.effective_base_url();
        tenant::check_all(&self.tenants, base_url.as_ref(), checker);
        tenant::check_trust(&self.tenants, &self.plugins, checker);
    }
}
