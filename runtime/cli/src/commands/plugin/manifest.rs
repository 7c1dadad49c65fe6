//! `portcullis-plugin.toml`: what the commands know of a plugin's project.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use plugin_host::{Capability, HookName, Limits, PluginSource, PluginSpec};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::language::Language;
use crate::outcome::Failure;

/// The file's name.
pub(super) const FILE: &str = "portcullis-plugin.toml";

/// What the file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) language: Language,
    pub(super) hook: HookName,
    /// What it implements besides: interfaces of the hook's package, by their names there, and `settings`.
    #[serde(default)]
    pub(super) with: BTreeSet<String>,
    #[serde(default)]
    pub(super) grants: BTreeSet<Capability>,
    #[serde(default)]
    pub(super) limits: Limits,
    /// As in a tenant's declaration.
    #[serde(default = "one_call")]
    pub(super) calls_per_instance: NonZeroU32,
    #[serde(default)]
    pub(super) settings: Map<String, Value>,
}

/// In `with`, that it checks its settings, whatever its hook is.
const SETTINGS: &str = "settings";

impl Manifest {
    /// The full names of what it implements besides its hook, each with the word for it in `with`.
    pub(super) fn besides(&self) -> impl Iterator<Item = (&str, String)> {
        let hook = self.hook.interface();
        self.with.iter().map(move |word| match word.as_str() {
            SETTINGS => (SETTINGS, plugin_host::SETTINGS_INTERFACE.to_owned()),
            word => (word, hook.replace("/hook@", &format!("/{word}@"))),
        })
    }
}

const fn one_call() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// A plugin's project: its directory and what its manifest says.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) directory: PathBuf,
    pub(super) manifest: Manifest,
}

impl Project {
    /// Reads the manifest of the project in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self, Failure> {
        let file = directory.join(FILE);
        if !file.exists() {
            return Err(Failure::Usage(anyhow!(
                "{} is not a plugin's project: it has no {FILE}; `portcullis plugin new` makes one",
                directory.display()
            )));
        }
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let manifest: Manifest = config::read_toml(&text, &file.display().to_string())?;
        check_name(&manifest.name).map_err(|reason| anyhow!("{}: name: {reason}", file.display()))?;
        Ok(Self { directory: directory.to_owned(), manifest })
    }

    /// A file of the project, as people want to read it: without the `./` of the directory they are in.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        if self.directory == Path::new(".") { PathBuf::from(name) } else { self.directory.join(name) }
    }

    /// Where its component is, once it was built.
    pub(super) fn component(&self) -> PathBuf {
        self.path(&format!("build/{}.wasm", self.manifest.name))
    }

    /// The plugin as a node would have it installed.
    pub(super) fn spec(&self) -> Result<PluginSpec, Failure> {
        let Manifest { name, hook, grants, limits, calls_per_instance, settings, language: _, with: _ } =
            self.manifest.clone();
        let source = PluginSource::File(self.built()?);
        Ok(PluginSpec { settings, limits, calls_per_instance, grants, ..PluginSpec::new(name, source, hook) })
    }

    /// Its component, which must be there.
    pub(super) fn built(&self) -> Result<PathBuf, Failure> {
        let file = self.component();
        if !file.exists() {
            return Err(Failure::Usage(anyhow!(
                "there is no {}; run `portcullis plugin build` first",
                file.display()
            )));
        }
        if let Some(newer) = newer(&self.path("src"), &file) {
            let (newer, file) = (newer.display(), file.display());
            eprintln!("portcullis: {newer} is newer than {file}; `portcullis plugin build` takes it in");
        }
        Ok(file)
    }
}

/// A source that was changed after the component was built, in this directory or below it.
fn newer(sources: &Path, component: &Path) -> Option<PathBuf> {
    let built = component.metadata().and_then(|data| data.modified()).ok()?;
    let mut entries: Vec<PathBuf> = sources.read_dir().ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.into_iter().find_map(|entry| {
        let data = entry.symlink_metadata().ok()?;
        if data.is_dir() {
            return newer(&entry, component);
        }
        (data.modified().ok()? > built).then_some(entry)
    })
}

/// Checks a plugin's name: what a node accepts, beginning with a letter so that every tool chain accepts it too.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let of_form = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let begins = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    if begins && name.len() <= 63 && name.bytes().all(of_form) && !name.ends_with('-') {
        return Ok(());
    }
    Err("a plugin's name is at most 63 lower-case letters, digits and hyphens, beginning with a letter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_nodes_and_tool_chains_accept() {
        for (name, expect) in [
            ("plan", true),
            ("plan-2", true),
            ("", false),
            ("2-plans", false),
            ("-plan", false),
            ("plan-", false),
            ("Plan", false),
            ("pl_an", false),
            ("../plan", false),
            ("pl\"an", false),
            (&"a".repeat(63), true),
            (&"a".repeat(64), false),
        ] {
            assert_eq!(check_name(name).is_ok(), expect, "{name:?}");
        }
    }
}
