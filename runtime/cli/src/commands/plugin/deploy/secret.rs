//! `portcullis plugin secret set`, `list` and `delete`: the secrets of an uploaded plugin.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{ask, name, path};
use crate::api::segment;
use crate::commands::{Common, OfTenant, delete, read_secret, show};
use crate::configuration::Place;
use crate::outcome::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sets a secret, in the place of one of its name
    Set {
        #[command(flatten)]
        one: OneSecret,
        /// The file with the secret; `-` is standard input. Never the secret itself, which other users of the machine
        /// could see
        #[arg(long, value_name = "FILE", default_value = "-")]
        secret_file: PathBuf,
    },
    /// Lists the names of a plugin's secrets; nothing shows what they are
    List {
        #[command(flatten)]
        plugin: OfPlugin,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes a secret
    Delete(OneSecret),
}

/// One secret of a plugin.
#[derive(Debug, Args)]
pub(crate) struct OneSecret {
    /// The name by which the plugin asks for it
    #[arg(value_name = "SECRET")]
    secret: String,
    #[command(flatten)]
    plugin: OfPlugin,
}

/// Whose secrets.
#[derive(Debug, Args)]
pub(crate) struct OfPlugin {
    /// The plugin's name; without it, that of the project in this directory
    #[arg(long)]
    plugin: Option<String>,
    #[command(flatten)]
    of: OfTenant,
}

impl OfPlugin {
    fn path(&self, rest: &str) -> Result<String, Failure> {
        Ok(path(&self.of, &name(self.plugin.as_deref())?, rest))
    }
}

impl OneSecret {
    fn path(&self) -> Result<String, Failure> {
        self.plugin.path(&format!("/secrets/{}", segment(&self.secret)))
    }
}

pub(super) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Set { one, secret_file } => {
            let value = read_secret(secret_file)?;
            if value.is_empty() {
                return Err(Failure::Usage(anyhow!("there is no secret in {}", secret_file.display())));
            }
            ask(place, Method::PUT, &one.path()?, Some(&json!({ "value": value })))?;
            Ok(())
        }
        Command::List { plugin, common } => {
            let found = ask(place, Method::GET, &plugin.path("/secrets")?, None)?;
            let secrets = found.get("secrets").and_then(Value::as_array).cloned().unwrap_or_default();
            show::list(common.json, &secrets, &[("NAME", "/name"), ("SET", "/updated_at")]);
            Ok(())
        }
        Command::Delete(one) => delete(place, &one.path()?),
    }
}
