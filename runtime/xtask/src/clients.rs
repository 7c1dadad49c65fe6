//! Relying parties, API clients and a browser that we did not write, against a running node of ours.
//!
//! Each suite is a directory of `tests/clients` with a script that prints one line for each check, and gets a node
//! of its own. The relying parties can also be pointed at `oidc-provider`, which shows that their checks hold for
//! a provider that is not ours.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::OidcProvider;
use crate::node::{self, Node, Profile};
use crate::{install, workspace};

/// The person who signs in; the password guards nothing.
const PERSON: (&str, &str) = ("ada@acme.example", "moss-covered lantern 71");

/// A tenant whose refresh tokens have no grace: their reuse is noticed at once.
const STRICT: &str = "strict";

/// A suite.
struct Suite {
    name: &'static str,
    run: fn(&Place<'_>) -> anyhow::Result<()>,
}

const SUITES: &[Suite] =
    &[Suite { name: "openid-client", run: openid_client }, Suite { name: "authlib", run: authlib }];

/// Which suites are run, and against whom.
#[derive(Debug, clap::Args)]
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
    for suite in SUITES {
        if !arguments.suites.is_empty() && !arguments.suites.iter().any(|name| name == suite.name) {
            continue;
        }
        let directory = workspace::target_directory().join("clients").join(suite.name);
        if directory.is_dir() {
            std::fs::remove_dir_all(&directory)?;
        }
        std::fs::create_dir_all(&directory)?;
        (suite.run)(&Place { target: &target, directory })
            .with_context(|| format!("clients: {}", suite.name))?;
    }
    Ok(())
}

/// Against whom a suite runs.
enum Target {
    /// Our binary.
    Ours(PathBuf),
    /// `oidc-provider`.
    StandIn,
}

/// Where a suite runs: its target, and a directory that is its own.
struct Place<'a> {
    target: &'a Target,
    directory: PathBuf,
}

fn openid_client(place: &Place<'_>) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/openid-client");
    install::node_packages(&home)?;
    let mut script = Command::new("node");
    script.arg("main.mjs").current_dir(&home);
    relying_party(place, script)
}

fn authlib(place: &Place<'_>) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/authlib");
    relying_party(place, python(&home)?)
}

/// Starts a provider, and the script with where it is and who may sign in.
fn relying_party(place: &Place<'_>, mut script: Command) -> anyhow::Result<()> {
    let password = place.directory.join("password");
    std::fs::write(&password, PERSON.1)?;
    script.args(["--identifier", PERSON.0, "--password-file"]).arg(&password);
    match place.target {
        Target::StandIn => {
            let token = place.directory.join("registration-token");
            std::fs::write(&token, "registration")?;
            let provider = OidcProvider::start(&place.directory, Some("registration"))?;
            let registration = format!("{}/reg", provider.issuer);
            script.args(["--stand-in", "--issuer", &provider.issuer, "--registration", &registration]);
            script.arg("--key-file").arg(&token);
            workspace::run(&mut script)?;
            provider.stop()
        }
        Target::Ours(binary) => {
            let strict =
                format!("[[tenant]]\nid = \"{STRICT}\"\n\n[tenant.oauth2]\nrefresh_token_grace = \"0s\"\n");
            let node = Node::start(binary, &place.directory, &strict)?;
            node.make_person("", PERSON.0, PERSON.1)?;
            node.make_person(&format!("/t/{STRICT}"), PERSON.0, PERSON.1)?;
            script.args(["--issuer", &node.public]);
            script.args(["--registration", &format!("{}/admin/clients", node.admin)]);
            script.args(["--strict", &format!("{}/t/{STRICT}", node.public)]);
            script.args(["--strict-registration", &format!("{}/t/{STRICT}/admin/clients", node.admin)]);
            script.arg("--key-file").arg(&node.admin_key_file);
            workspace::run(&mut script)?;
            node.end()
        }
    }
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
