//! The official SDK, whose models parse every answer, and the list of operations that it drives.

use anyhow::{Context, ensure};
use std::process::Command;

use super::{Place, python, tenant_settings};
use crate::node::Node;
use crate::workspace;

/// Every check of `tests/clients/ory-client`.
pub(super) fn run(place: &Place<'_>) -> anyhow::Result<()> {
    let mut script = python(&workspace::root().join("tests/clients/ory-client"))?;
    for listener in ["public", "admin"] {
        let mut openapi = Command::new(place.binary()?);
        let output = openapi.args(["openapi", "--listener", listener]).output().context("openapi")?;
        ensure!(output.status.success(), "openapi: {}", String::from_utf8_lossy(&output.stderr));
        let name = format!("openapi-{listener}");
        let file = place.write(&format!("{name}.json"), &String::from_utf8(output.stdout)?)?;
        script.arg(format!("--{name}")).arg(file);
    }
    let tenant = format!("[[tenant]]\nid = \"default\"\n\n{}", tenant_settings());
    let node = Node::start(place.binary()?, &place.directory, &tenant)?;
    script.args(["--public", &node.public, "--admin", &node.admin, "--key-file"]).arg(&node.admin_key_file);
    workspace::run(&mut script)?;
    node.end()
}
