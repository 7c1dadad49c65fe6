//! Every test of the workspace, with what it needs.

use std::process::Command;

use crate::{guests, install, node, workspace};

/// Installs what is missing, builds the guests, and runs everything.
pub(crate) fn run() -> anyhow::Result<()> {
    install::debian_packages(&[install::POSTGRESQL])?;
    guests::build()?;
    workspace::run(workspace::cargo().args(["test", "--workspace"]))?;
    // With the binaries that the tests were built with: by themselves these would want their dependencies with
    // other features, and build them again.
    let mut clients = Command::new(std::env::current_exe()?);
    clients.arg("clients").env(node::BINARIES, workspace::target_directory().join("debug"));
    workspace::run(&mut clients)
}
