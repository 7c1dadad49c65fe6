//! `portcullis plugin push`, `list`, `show`, `enable`, `shadow`, `promote`, `disable`, `rollback`, `logs`, `secret`,
//! `delete`: plugins of a node's tenant, by its admin API.
//!
//! Where there is a project, its manifest says what is pushed and how it runs; without one the plugin is named,
//! and runs as it last did.

mod enable;
mod logs;
mod push;
mod secret;
mod shadow;
mod signature;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::manifest::{FILE, Project};
use crate::api::{of_tenant, segment};
use crate::commands::{Common, OfTenant, delete, show};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

const PLUGINS: &str = "/admin/portcullis/v1/plugins";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Uploads a component as a new version of a plugin; it runs when it is enabled
    Push(push::Options),
    /// Lists the tenant's plugins
    List {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Shows an uploaded plugin, its versions and how it runs
    Show(One),
    /// Lets a version run in the place of what runs, if it can be loaded
    Enable(enable::Options),
    /// Lets a version see a share of the calls of what runs, and shows how its answers differ
    Shadow(shadow::Options),
    /// Lets the version that shadows run
    Promote(One),
    /// Lets no version run
    Disable(One),
    /// Lets the version before run again, as it ran
    Rollback(One),
    /// Shows what a plugin logged lately on this node, and why its calls failed
    Logs(logs::Options),
    /// What a plugin knows and nobody is told
    #[command(subcommand)]
    Secret(secret::Command),
    /// Deletes a plugin that is not enabled, or a version that does not run
    Delete {
        #[command(flatten)]
        one: One,
        /// Only this version
        #[arg(long, value_name = "NUMBER")]
        version: Option<u32>,
    },
}

/// One uploaded plugin.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its name; without it, that of the project in this directory
    name: Option<String>,
    #[command(flatten)]
    of: OfTenant,
    #[command(flatten)]
    common: Common,
}

impl One {
    fn path(&self, rest: &str) -> Result<String, Failure> {
        Ok(path(&self.of, &name(self.name.as_deref())?, rest))
    }
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Push(options) => push::run(place, options),
        Command::List { of, common } => list(place, of, common),
        Command::Show(one) => {
            let plugin = ask(place, Method::GET, &one.path("")?, None)?;
            if one.common.json {
                show::object(true, &plugin);
            } else {
                tell(&one.common, &plugin);
                let versions = plugin.get("versions").and_then(Value::as_array).cloned().unwrap_or_default();
                let columns = [
                    ("VERSION", "/version"),
                    ("HOOKS", "/hooks"),
                    ("BYTES", "/bytes"),
                    ("SHA-256", "/sha256"),
                ];
                show::list(false, &versions, &columns);
            }
            Ok(())
        }
        Command::Enable(options) => enable::run(place, options),
        Command::Shadow(options) => shadow::run(place, options),
        Command::Logs(options) => logs::run(place, options),
        Command::Secret(command) => secret::run(place, command),
        Command::Promote(one) => change(place, one, "/promote"),
        Command::Disable(one) => change(place, one, "/disable"),
        Command::Rollback(one) => change(place, one, "/rollback"),
        Command::Delete { one, version } => {
            let rest = version.map_or_else(String::new, |version| format!("/versions/{version}"));
            delete(place, &one.path(&rest)?)
        }
    }
}

/// The highest version that a plugin has.
fn latest(plugin: &Value) -> Result<u64, Failure> {
    let version = plugin.pointer("/versions/0/version").and_then(Value::as_u64);
    version.ok_or_else(|| Failure::Refused("the plugin has no version".to_owned()))
}

fn change(place: &Place, one: &One, what: &str) -> Result<(), Failure> {
    let plugin = ask(place, Method::POST, &one.path(what)?, None)?;
    tell(&one.common, &plugin);
    Ok(())
}

fn ask(place: &Place, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
    Ok(with_node(place, async |mut api| api.send(method, path, body).await)?.body)
}

/// Says what runs of a plugin.
fn tell(common: &Common, plugin: &Value) {
    if common.json {
        return show::object(true, plugin);
    }
    let find = |place: &str| plugin.pointer(place).cloned().unwrap_or_default();
    show::object(
        false,
        &json!({
            "name": find("/name"),
            "state": find("/state"),
            "version": find("/current/declaration/version"),
            "sha256": find("/running/sha256"),
            "before": find("/previous/declaration/version"),
        }),
    );
}

/// The declared plugins and the uploaded ones, each once.
fn list(place: &Place, of: &OfTenant, common: &Common) -> Result<(), Failure> {
    let found = ask(place, Method::GET, &of_tenant(&of.tenant, PLUGINS), None)?;
    if common.json {
        show::object(true, &found);
        return Ok(());
    }
    let entries = |key: &str| found.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let (running, uploaded) = (entries("plugins"), entries("uploaded"));
    let of_name =
        |list: &[Value], name: &Value| list.iter().find(|entry| entry.get("name") == Some(name)).cloned();
    let mut lines = Vec::new();
    for entry in &uploaded {
        let name = entry.get("name").cloned().unwrap_or_default();
        let report = of_name(&running, &name).unwrap_or_default();
        lines.push(json!({
            "name": name,
            "from": "upload",
            "state": entry.get("state"),
            "version": entry.pointer("/current/declaration/version"),
            "loaded": report.get("state"),
            "sha256": report.get("sha256"),
        }));
    }
    for report in &running {
        let name = report.get("name").cloned().unwrap_or_default();
        if of_name(&uploaded, &name).is_none() {
            lines.push(json!({
                "name": name,
                "from": "settings",
                "loaded": report.get("state"),
                "sha256": report.get("sha256"),
            }));
        }
    }
    let columns = [
        ("NAME", "/name"),
        ("FROM", "/from"),
        ("STATE", "/state"),
        ("VERSION", "/version"),
        ("LOADED", "/loaded"),
        ("SHA-256", "/sha256"),
    ];
    show::list(false, &lines, &columns);
    Ok(())
}

fn path(of: &OfTenant, name: &str, rest: &str) -> String {
    of_tenant(&of.tenant, &format!("{PLUGINS}/{}{rest}", segment(name)))
}

/// The project in this directory, if it is one.
fn project_here() -> Result<Option<Project>, Failure> {
    let here = PathBuf::from(".");
    if here.join(FILE).exists() { Project::open(&here).map(Some) } else { Ok(None) }
}

/// The name that was given, or that of the project in this directory.
fn name(given: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = given {
        return Ok(name.to_owned());
    }
    match project_here()? {
        Some(project) => Ok(project.manifest.name),
        None => Err(Failure::Usage(anyhow!(
            "which plugin? This directory has no {FILE} that would say it: give its name"
        ))),
    }
}
