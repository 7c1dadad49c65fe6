//! Reading the configuration and the secrets that it refers to.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use config::{Config, SecretReference, Source};
use primitives::Secret;
use storage::Location;
use url::Url;

/// Where the configuration is, as the command line says.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The file; everything has its default without one.
    pub(crate) file: Option<PathBuf>,
    /// The data directory, instead of the configuration's.
    pub(crate) data_dir: Option<PathBuf>,
}

impl Place {
    /// Reads and checks the configuration; every path in it is absolute afterwards.
    pub(crate) fn read(&self) -> anyhow::Result<Config> {
        let mut config = match &self.file {
            None => Config::default(),
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                let absolute = std::path::absolute(file)?;
                Config::parse(&Source {
                    text: &text,
                    file: &file.display().to_string(),
                    directory: absolute.parent().unwrap_or(&absolute),
                    exists: &|path| path.exists(),
                })?
            }
        };
        if let Some(directory) = &self.data_dir {
            config.server.data_dir.clone_from(directory);
        }
        config.server.data_dir = std::path::absolute(&config.server.data_dir)?;
        Ok(config)
    }
}

/// The secret behind a reference.
pub(crate) fn secret(reference: &SecretReference) -> anyhow::Result<Secret<String>> {
    match reference {
        SecretReference::File(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the secret in {}", path.display()))?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        SecretReference::Env(name) => environment(name).map(Secret::new),
    }
}

/// Where the database is.
pub(crate) fn location(config: &Config) -> anyhow::Result<Location> {
    let Some(url) = &config.storage.url else {
        return Ok(Location::Sqlite(config.server.data_dir.join("portcullis.db")));
    };
    if let Some(path) = url.strip_prefix("sqlite:") {
        return Ok(Location::Sqlite(PathBuf::from(path)));
    }
    let mut url = Url::parse(url).context("storage.url")?;
    if let Some(reference) = &config.storage.password {
        let password = secret(reference)?;
        if url.set_password(Some(password.expose())).is_err() {
            bail!("storage.url cannot hold a password");
        }
    }
    Ok(Location::Postgres { url: Secret::new(url.into()), connections: config.storage.connections })
}

#[expect(clippy::disallowed_methods, reason = "secrets by environment are resolved here and nowhere else")]
fn environment(name: &str) -> anyhow::Result<String> {
    std::env::var(name)
        .map_err(|_| anyhow!("the environment variable {name}, which holds a secret, is not set"))
}
