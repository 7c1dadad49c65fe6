//! The clients that are generated from the API's description alone, in TypeScript and in Python.

use std::process::Command;

use super::{Place, ory_client, python as interpreter};
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

/// The checks of `tests/clients/ory-client` that are about people, by the other client's models.
pub(super) fn python(place: &Place<'_>) -> anyhow::Result<()> {
    let mut script = interpreter(&workspace::root().join("tests/clients/kratos-client-python"))?;
    ory_client::with_documents(place, &mut script)?;
    ory_client::against_node(place, script)
}
