//! `portcullis plugin build`: hides the tool chain, and writes a component.

mod c;
mod component;
mod javascript;
mod python;
mod rust;
mod tool;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use plugin_host::{HookName, Inspection};
use serde_json::json;

use super::language::Language;
use super::manifest::Project;
use crate::commands::Common;
use crate::outcome::Failure;

/// Options of `plugin build`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let project = Project::open(&options.directory)?;
    let made = match project.manifest.language {
        Language::Rust => rust::build(&project)?,
        Language::C => c::build(&project)?,
        Language::JavaScript => javascript::build(&project)?,
        Language::Python => python::build(&project)?,
    };
    let component = component::of(made, &project)?;
    let component = with_settings_schema(component, &project)?;
    let inspection = plugin_host::inspect(&component)?;
    let file = project.component();
    write(&file, &component)?;
    show(&file, &inspection, options.common.json);
    check(&inspection, &project).map_err(Failure::Failed)
}

/// The file of a project that says what its settings are, where it has one.
const SETTINGS_SCHEMA: &str = "settings.schema.json";

/// Puts the project's schema for its settings into the component.
fn with_settings_schema(component: Vec<u8>, project: &Project) -> anyhow::Result<Vec<u8>> {
    let file = project.path(SETTINGS_SCHEMA);
    if !file.exists() {
        return Ok(component);
    }
    let schema = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    plugin_host::embed_settings_schema(component, &schema).with_context(|| file.display().to_string())
}

/// Puts the component in place whole, since a running node may be watching the file.
fn write(file: &Path, component: &[u8]) -> anyhow::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let unfinished = file.with_extension("unfinished");
    fs::write(&unfinished, component)
        .and_then(|()| fs::rename(&unfinished, file))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn show(file: &Path, inspection: &Inspection, json: bool) {
    if json {
        println!("{:#}", json!({ "component": file, "inspection": inspection }));
        return;
    }
    let Inspection { sha256, bytes, hooks, capabilities, .. } = inspection;
    let words = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    println!("{}  {} kB  sha256 {sha256}", file.display(), bytes.div_ceil(1000));
    println!(
        "hooks: {}  capabilities: {}",
        words(hooks.iter().map(|hook| hook.as_str()).collect()),
        words(capabilities.iter().map(|capability| capability.as_str()).collect())
    );
}

/// Says what would keep a node from loading the component as the manifest describes it.
fn check(inspection: &Inspection, project: &Project) -> anyhow::Result<()> {
    let manifest = &project.manifest;
    let of_hook = |hook: HookName| format!("the hook `{}` ({})", hook.as_str(), hook.interface());
    if !inspection.hooks.contains(&manifest.hook) {
        return Err(anyhow!(
            "the component does not export {}, which its manifest names",
            of_hook(manifest.hook)
        ));
    }
    for (_, interface) in manifest.besides() {
        if !inspection.exports.contains(&interface) {
            return Err(anyhow!(
                "the component does not export {interface}, which `with` of its manifest names"
            ));
        }
    }
    let wanted = inspection.capabilities.difference(&manifest.grants);
    let mut missing: Vec<String> = wanted.map(|capability| format!("`{}`", capability.as_str())).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(anyhow!("the component uses {missing}, which the `grants` of its manifest do not name"));
    }
    missing.extend(inspection.not_offered.iter().cloned());
    if missing.is_empty() {
        return Ok(());
    }
    Err(anyhow!("the component imports what no node offers: {}", missing.join(", ")))
}
