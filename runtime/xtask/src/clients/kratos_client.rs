//! The client that is generated from the description of the API of people alone, in TypeScript.

use std::process::Command;

use super::{Place, ory_client};
use crate::{install, workspace};

/// Every check of `tests/clients/kratos-client`, when the compiler has held it against the client's types.
pub(super) fn typescript(place: &Place<'_>) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/kratos-client");
    install::node_packages(&home)?;
    workspace::run(Command::new("node").arg("node_modules/typescript/bin/tsc").current_dir(&home))?;
    let mut script = Command::new("node");
    script.arg("main.mjs").current_dir(&home);
    ory_client::against_node(place, script)
}
