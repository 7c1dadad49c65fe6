//! `portcullis plugin enable`

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::signature::SignatureOption;
use super::{ask, latest, name, path, project_here, tell};
use crate::commands::plugin::manifest::Manifest;
use crate::commands::{Common, OfTenant, read_json};
use crate::configuration::Place;
use crate::outcome::Failure;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Its name; without it, that of the project in this directory
    name: Option<String>,
    /// Which version; without it, the latest
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
    #[command(flatten)]
    signature: SignatureOption,
    /// A file with how it runs, as JSON: `settings`, `grants`, `limits`, `bind`, `http_origins`; `-` is standard
    /// input. Without it, as the project in this directory says, or else as it last ran
    #[arg(long, value_name = "FILE")]
    declaration: Option<PathBuf>,
    #[command(flatten)]
    of: OfTenant,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let name = name(options.name.as_deref())?;
    let known = ask(place, Method::GET, &path(&options.of, &name, ""), None)?;
    let mut declaration = declaration(options, &name, &known)?;
    let version = options.version.map_or_else(|| latest(&known), |version| Ok(version.into()))?;
    let fields = declaration.as_object_mut();
    let fields = fields.ok_or_else(|| Failure::Usage(anyhow!("the declaration is no JSON object")))?;
    if fields.get("version").is_some_and(|before| *before != json!(version)) {
        // That of another version signs nothing here.
        fields.remove("signature");
    }
    options.signature.put(&known, version, fields)?;
    fields.insert("version".to_owned(), json!(version));
    let enabled = ask(place, Method::POST, &path(&options.of, &name, "/enable"), Some(&declaration))?;
    tell(&options.common, &enabled);
    Ok(())
}

/// How it is to run.
fn declaration(options: &Options, name: &str, known: &Value) -> Result<Value, Failure> {
    if let Some(file) = &options.declaration {
        return read_json(file);
    }
    if let Some(project) = project_here()?.filter(|project| project.manifest.name == name) {
        let Manifest { hook, grants, limits, calls_per_instance, settings, .. } = project.manifest;
        return Ok(json!({
            "settings": settings,
            "grants": grants,
            "limits": limits,
            "calls_per_instance": calls_per_instance,
            "bind": [{ "hook": hook }],
        }));
    }
    let before = ["/current/declaration", "/last/declaration"].iter().find_map(|place| known.pointer(place));
    Ok(before.cloned().unwrap_or_else(|| json!({})))
}
