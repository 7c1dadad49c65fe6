//! Relying parties, API clients and a browser that we did not write, against a running node of ours.
//!
//! Each suite is a directory of `tests/clients` with a script that prints one line for each check, and gets a node
//! of its own. The relying parties can also be pointed at `oidc-provider`, which shows that their checks hold for
//! a provider that is not ours. What a suite drives is listed, and counted by the node ([`operations`]); what the node
//! answers is held against the description of the API on its way ([`witness`]).

mod apache;
mod browser;
mod certificates;
mod generated_client;
mod kratos_client;
mod lanes;
mod mcp;
mod operations;
mod ory_client;
mod relying_party;
mod witness;

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use witness::Witness;

use crate::node::{self, Node, Profile, ROOMY_LIMITS};
use crate::{install, screenshots, workspace};

/// The person who signs in; the password guards nothing.
const PERSON: (&str, &str) = ("ada@acme.example", "moss-covered lantern 71");

/// What a tenant of a suite is, below `[[tenant]]` and its id: it has a key of each kind, and room for a suite that
/// signs in again and again.
fn tenant_settings() -> String {
    format!("[tenant.keys]\nalgorithms = [\"ES256\", \"EdDSA\", \"RS256\"]\n\n{ROOMY_LIMITS}")
}

/// A suite.
struct Suite {
    name: &'static str,
    /// Whether it can run against `oidc-provider`.
    stand_in: bool,
    run: fn(&Place<'_>) -> anyhow::Result<()>,
}

/// In the order in which they are begun; two run at once, and the one that takes longest is first.
const SUITES: &[Suite] = &[
    Suite { name: "browser", stand_in: false, run: browser::run },
    Suite { name: "openid-client", stand_in: true, run: relying_party::openid_client },
    Suite { name: "authlib", stand_in: true, run: relying_party::authlib },
    Suite { name: "mod-auth-openidc", stand_in: false, run: apache::run },
    Suite { name: "mcp", stand_in: false, run: mcp::run },
    Suite { name: "ory-client", stand_in: false, run: ory_client::run },
    Suite { name: "generated-client", stand_in: false, run: generated_client::run },
    Suite { name: "kratos-client", stand_in: false, run: kratos_client::typescript },
    Suite { name: "kratos-client-python", stand_in: false, run: ory_client::of_people },
    Suite { name: "hydra-client-python", stand_in: false, run: ory_client::of_tokens },
    Suite { name: "samples", stand_in: false, run: screenshots::of_samples },
    Suite { name: "screenshots", stand_in: false, run: screenshots::of_node },
];

/// Which suites are run, and against whom.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only these suites
    suites: Vec<String>,
    /// Runs the relying parties against `oidc-provider` instead: are their checks right?
    #[arg(long)]
    stand_in: bool,
}

/// Runs the suites that are asked for, or all.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
    if let Some(unknown) = arguments.suites.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("no suite `{unknown}`: there are {}", names.join(", "));
    }
    let target =
        if arguments.stand_in { Target::StandIn } else { Target::Ours(node::build(Profile::Debug)?) };
    let is_wanted = |suite: &Suite| {
        let asked = arguments.suites.is_empty() || arguments.suites.iter().any(|name| name == suite.name);
        asked && (suite.stand_in || !arguments.stand_in)
    };
    let wanted: Vec<&Suite> = SUITES.iter().filter(|suite| is_wanted(suite)).collect();
    if let (Target::Ours(binary), [_, _, ..]) = (&target, &*wanted) {
        let names: Vec<&str> = wanted.iter().map(|suite| suite.name).collect();
        return lanes::run(&names, binary).context("clients");
    }
    for suite in wanted {
        prepare(suite.name, &target, suite.run).with_context(|| format!("clients: {}", suite.name))?;
    }
    Ok(())
}

/// Runs one thing against our binary, in a directory of its own.
pub(crate) fn in_place(name: &str, run: impl FnOnce(&Place<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    prepare(name, &Target::Ours(node::build(Profile::Debug)?), run)
}

fn prepare(
    name: &str,
    target: &Target,
    run: impl FnOnce(&Place<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("clients").join(name);
    if directory.is_dir() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    run(&Place { name, target, directory })
}

/// Against whom a suite runs.
pub(crate) enum Target {
    /// Our binary.
    Ours(PathBuf),
    /// `oidc-provider`.
    StandIn,
}

/// Where a suite runs: its target, and a directory that is its own.
pub(crate) struct Place<'a> {
    /// The suite's name.
    name: &'a str,
    target: &'a Target,
    pub(crate) directory: PathBuf,
}

/// Returns the interpreter with a suite's packages, about to run its `main.py`.
fn python(home: &Path) -> anyhow::Result<Command> {
    let mut script = Command::new(install::python_packages(home)?);
    script.arg("main.py").current_dir(home);
    // The checks and the browser that the suites share; nothing is written beside the sources.
    script.env("PYTHONPATH", workspace::root().join("tests/clients/python"));
    script.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(script)
}

impl Place<'_> {
    /// Returns our binary, for a suite that has no stand-in.
    pub(crate) fn binary(&self) -> anyhow::Result<&Path> {
        match self.target {
            Target::Ours(binary) => Ok(binary),
            Target::StandIn => bail!("this suite runs against ours only"),
        }
    }

    /// Starts the suite's node, as [`Node::start`] does, with a witness before it.
    pub(crate) fn node(&self, more: &str) -> anyhow::Result<Node> {
        let public = operations::document(self.binary()?, "public")?;
        let admin = operations::document(self.binary()?, "admin")?;
        let Some((witness, doors)) = Witness::begin(&[&public, &admin])? else {
            return Node::start(self.binary()?, &self.directory, more);
        };
        let node = Node::start_behind(doors, self.binary()?, &self.directory, more)?;
        Ok(node.before(witness))
    }

    /// Begins to count what the node answers to the suite; call it when the node is set up.
    pub(crate) fn watch(&self, node: &Node) -> anyhow::Result<operations::Watch> {
        operations::Watch::begin(self.name, self.binary()?, node)
    }

    /// Writes a file that only this suite uses, and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory.join(name);
        std::fs::write(&path, content).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}
