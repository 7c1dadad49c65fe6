//! The signature that goes with a version.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use plugin_host::ComponentHash;
use serde_json::{Map, Value};

use super::project_here;
use crate::commands::plugin::sign::beside;
use crate::outcome::Failure;

#[derive(Debug, Args)]
pub(super) struct SignatureOption {
    /// A file with the version's signature; without it, the `.sig` beside the component of the project in this
    /// directory, where that is the version's
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

impl SignatureOption {
    /// Puts the signature of a version of `plugin` into what is asked for.
    pub(super) fn put(
        &self,
        plugin: &Value,
        version: u64,
        asked: &mut Map<String, Value>,
    ) -> Result<(), Failure> {
        let beside = || beside_component(plugin, version);
        let Some(file) = self.signature.clone().map_or_else(beside, |given| Ok(Some(given)))? else {
            return Ok(());
        };
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        asked.insert("signature".to_owned(), text.into());
        Ok(())
    }
}

/// The file beside the component of the project in this directory, if this version has that very component: what was
/// signed since, or before, is another one.
fn beside_component(plugin: &Value, version: u64) -> Result<Option<PathBuf>, Failure> {
    let Some(project) = project_here()? else { return Ok(None) };
    let component = project.component();
    let is_of_it = hash_of(&component).is_some_and(|hash| {
        let mut versions = plugin.get("versions").and_then(Value::as_array).into_iter().flatten();
        versions.any(|known| {
            let number = known.get("version").and_then(Value::as_u64);
            number == Some(version) && known.get("sha256").and_then(Value::as_str) == Some(&hash)
        })
    });
    Ok(Some(beside(&component)).filter(|file| is_of_it && file.exists()))
}

fn hash_of(component: &Path) -> Option<String> {
    Some(ComponentHash::of(&std::fs::read(component).ok()?).to_string())
}
