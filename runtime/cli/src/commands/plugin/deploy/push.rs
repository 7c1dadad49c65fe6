//! `portcullis plugin push`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::{PLUGINS, segment};
use crate::api::of_tenant;
use crate::commands::plugin::manifest::Project;
use crate::commands::{Common, OfTenant, show};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A plugin's project, built, or a component
    #[arg(value_name = "PROJECT|FILE", default_value = ".")]
    what: PathBuf,
    /// The plugin's name; without it, the project's
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    of: OfTenant,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let (component, name) = find(&options.what, options.name.as_deref())?;
    let bytes = std::fs::read(&component).with_context(|| format!("cannot read {}", component.display()))?;
    let path = of_tenant(&options.of.tenant, &format!("{PLUGINS}?name={}", segment(&name)));
    let answer = with_node(place, async |mut api| api.upload(&path, bytes).await)?;
    show::object(options.common.json, &answer.body);
    Ok(())
}

/// The component and the name of its plugin.
fn find(what: &Path, name: Option<&str>) -> Result<(PathBuf, String), Failure> {
    if what.is_dir() {
        let project = Project::open(what)?;
        let component = project.built()?;
        return Ok((component, name.unwrap_or(&project.manifest.name).to_owned()));
    }
    let name = name.ok_or_else(|| {
        Failure::Usage(anyhow!("{} is a component by itself: say with --name which plugin's", what.display()))
    })?;
    Ok((what.to_owned(), name.to_owned()))
}
