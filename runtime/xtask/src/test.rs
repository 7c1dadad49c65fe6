//! Every test of the workspace, with what it needs.

use crate::{clients, guests, install, workspace};

/// Installs what is missing, builds the guests, and runs everything.
pub(crate) fn run() -> anyhow::Result<()> {
    install::debian_packages(&[install::POSTGRESQL])?;
    // Until the plugin workspace is there, no test needs a guest.
    if workspace::root().join("plugins/Cargo.toml").is_file() {
        guests::build()?;
    }
    workspace::run(workspace::cargo().args(["test", "--workspace"]))?;
    clients::run(&clients::Arguments::default())
}
