//! MCP clients, at the example that is an MCP server; and the MCP conformance tool.

use anyhow::Context as _;
use std::process::Command;
use std::time::Duration;

use super::{PERSON, Place, tenant_settings};
use crate::loopback::{free_port, send};
use crate::server::Server;
use crate::{install, workspace};

const READY: Duration = Duration::from_secs(20);

/// Every check of `tests/clients/mcp`.
pub(super) fn run(place: &Place<'_>) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/mcp");
    let example = workspace::root().join("examples/mcp-server");
    install::node_packages(&home)?;
    install::node_packages(&example)?;
    // It shares the named checks and the browser of this one.
    install::node_packages(&workspace::root().join("tests/clients/openid-client"))?;

    let port = free_port()?;
    let server = format!("http://127.0.0.1:{port}");
    let node = place.node(&tenant(&std::fs::read_to_string(example.join("portcullis.toml"))?, &server)?)?;
    node.make_person("", PERSON.0, PERSON.1)?;
    let mut notes = Command::new("node");
    notes.arg(example.join("server.mjs"));
    notes.args(["--issuer", &node.public, "--listen", &format!("127.0.0.1:{port}")]);
    let mut notes = Server::start("mcp-server", &mut notes, &place.directory.join("mcp-server.log"))?;
    let ready = format!("{server}/.well-known/oauth-protected-resource/mcp");
    notes.wait_until(|| send("GET", &ready, &[], b"").is_ok_and(|answer| answer.status == 200), READY)?;

    let password = place.write("password", PERSON.1)?;
    let mut script = Command::new("node");
    script.arg("main.mjs").current_dir(&home);
    script.args(["--issuer", &node.public, "--server", &format!("{server}/mcp"), "--admin", &node.admin]);
    script.arg("--key-file").arg(&node.admin_key_file);
    script.args(["--identifier", PERSON.0, "--password-file"]).arg(&password);
    script.args(["--callback-port", &free_port()?.to_string()]);
    let watch = place.watch(&node)?;
    workspace::run(&mut script)?;
    watch.check(&node)?;
    notes.end()?;
    node.end()
}

/// The tenant of the example, whose server is at `server`; the provider itself is an API of its own too.
fn tenant(example: &str, server: &str) -> anyhow::Result<String> {
    let (_, tenant) =
        example.split_once("[[tenant]]").context("examples/mcp-server/portcullis.toml: no tenant")?;
    let tenant = tenant.replace("http://127.0.0.1:4460", server);
    let itself = "[[tenant.oauth2.protected_resources]]\nresource = \"{public}\"\n\n";
    Ok(format!("[[tenant]]{tenant}\n{itself}{}", tenant_settings()))
}
