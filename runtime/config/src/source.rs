//! Where a configuration comes from, and the files that it names.

use std::fmt;
use std::path::{Path, PathBuf};

use primitives::SecretReference;

use crate::Config;

/// The text of a configuration file, and what its reader cannot know by itself.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The text.
    pub text: &'a str,
    /// The name that mistakes are reported under.
    pub file: &'a str,
    /// The directory that relative paths are taken from, absolute: the file's own.
    pub directory: &'a Path,
    /// Whether a file exists; it is asked for files without which nothing can be served.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("file", &self.file)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Makes every path of the configuration one from `directory`.
pub(crate) fn resolve(config: &mut Config, directory: &Path) {
    let path = |path: &mut PathBuf| *path = directory.join(&*path);
    let secret = |secret: &mut SecretReference| {
        if let SecretReference::File(file) = secret {
            path(file);
        }
    };
    let Config {
        server,
        listeners,
        storage,
        secrets,
        log: _,
        limits: _,
        jobs: _,
        courier,
        outbound,
        plugins: _,
        tenants,
    } = config;
    path(&mut server.data_dir);
    for listener in listeners {
        if let crate::ListenAddress::Unix(socket) = &mut listener.address {
            path(socket);
        }
        if let Some(tls) = &mut listener.tls {
            path(&mut tls.cert);
            path(&mut tls.key);
        }
        listener.client_ca.iter_mut().for_each(path);
    }
    if let Some(file) = storage.url.as_deref().and_then(|url| url.strip_prefix("sqlite:")) {
        let file = directory.join(file.strip_prefix("//").unwrap_or(file));
        storage.url = Some(format!("sqlite:{}", file.display()));
    }
    storage.password.iter_mut().for_each(secret);
    courier.smtp.iter_mut().filter_map(|smtp| smtp.password.as_mut()).for_each(secret);
    courier.smtp.iter_mut().filter_map(|smtp| smtp.ca.as_mut()).for_each(path);
    outbound.ca.iter_mut().for_each(path);
    let channels = courier.channels.email.iter_mut().chain(&mut courier.channels.sms);
    channels.filter_map(|channel| channel.credential.as_mut()).for_each(secret);
    secrets.master_key.iter_mut().for_each(secret);
    secrets.former_master_keys.iter_mut().for_each(secret);
    for tenant in tenants {
        for plugin in &mut tenant.plugins {
            path(&mut plugin.component);
            plugin.signature.iter_mut().for_each(path);
            plugin.secrets.values_mut().for_each(secret);
        }
        tenant.secrets.values_mut().for_each(secret);
        tenant.identity.password.breached.list.iter_mut().for_each(path);
        let providers = tenant.federation.providers.iter_mut();
        providers.filter_map(|provider| provider.client_secret.as_mut()).for_each(secret);
        for client in &mut tenant.clients {
            client.secret.iter_mut().for_each(secret);
        }
    }
}
