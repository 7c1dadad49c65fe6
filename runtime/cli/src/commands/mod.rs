//! Commands that ask something of a node.

pub(crate) mod audit;
pub(crate) mod client;
pub(crate) mod configuration;
pub(crate) mod doctor;
pub(crate) mod identity;
pub(crate) mod key;
pub(crate) mod message;
pub(crate) mod organisation;
pub(crate) mod plugin;
pub(crate) mod show;
pub(crate) mod signing_key;
pub(crate) mod tenant;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use http::Method;
use primitives::TenantId;
use serde_json::Value;

use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

/// Options that most commands have.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whose objects a command is about.
#[derive(Debug, Args)]
pub(crate) struct OfTenant {
    /// The tenant
    #[arg(long, short, value_name = "ID", default_value = TenantId::DEFAULT)]
    pub(crate) tenant: TenantId,
}

/// Sends one request and prints what the node answers.
fn send(
    place: &Place,
    method: Method,
    path: &str,
    body: Option<&Value>,
    common: &Common,
) -> Result<(), Failure> {
    let answer = with_node(place, async |mut api| api.send(method, path, body).await)?;
    show::object(common.json, &answer.body);
    Ok(())
}

/// Deletes one object. There is nothing to print.
fn delete(place: &Place, path: &str) -> Result<(), Failure> {
    with_node(place, async |mut api| api.send(Method::DELETE, path, None).await)?;
    Ok(())
}

/// A file, or standard input where it is `-`.
fn read_text(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// JSON from a file or standard input.
fn read_json(file: &Path) -> Result<Value, Failure> {
    let text = read_text(file)?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not JSON", file.display()))
        .map_err(Failure::Usage)
}

/// A secret from a file or standard input, without the line end that editors add.
fn read_secret(file: &Path) -> anyhow::Result<String> {
    let text = read_text(file)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Where a secret is; never the secret itself, which other users of the machine could see.
#[derive(Debug, Args)]
pub(crate) struct SecretFile {
    /// The file with the secret; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}
