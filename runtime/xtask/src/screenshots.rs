//! A picture of each built-in page in two widths, two themes and two languages, and what axe-core says of them.

use serde_json::json;
use std::process::Command;

use crate::loopback::post_json;
use crate::node::{self, Node, Profile, ROOMY_LIMITS};
use crate::{install, workspace};

/// The person in the pictures; the password guards nothing.
const PERSON: (&str, &str) = ("ada@nexboard.example", "moss-covered lantern 71");

/// The page that the pictured client would return to; nobody goes there.
const REDIRECT: &str = "https://reports.nexboard.example/callback";

/// What is pictured.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The sample pages of `portcullis-ui` instead of a node's: all states, also those that are hard to reach
    #[arg(long)]
    preview: bool,
    /// Only pages whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

/// Writes the pictures into the target directory; anything that axe-core finds is a failure.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/screenshots");
    install::debian_packages(&[install::CHROMIUM])?;
    install::node_packages(&home)?;
    let mut script = Command::new("node");
    script.arg("screenshots.mjs").current_dir(&home);
    script
        .arg("--out")
        .arg(workspace::target_directory().join("screenshots"))
        .args(["--only", &arguments.only]);
    if arguments.preview { of_preview(&mut script) } else { of_node(&mut script) }
}

fn of_preview(script: &mut Command) -> anyhow::Result<()> {
    let preview = workspace::target_directory().join("preview");
    let mut pages = workspace::cargo();
    pages.args(["run", "--quiet", "--package", "portcullis-ui", "--example", "preview", "--"]).arg(&preview);
    workspace::run(&mut pages)?;
    workspace::run(script.arg("--preview").arg(&preview))
}

fn of_node(script: &mut Command) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("clients/screenshots");
    if directory.is_dir() {
        std::fs::remove_dir_all(&directory)?;
    }
    let tenant = format!(
        "[[tenant]]\nid = \"default\"\n\n{ROOMY_LIMITS}[tenant.branding]\nname = \"Nexboard\"\n\
         support_url = \"mailto:help@nexboard.example\"\nprivacy_url = \"https://nexboard.example/privacy\"\n\
         terms_url = \"https://nexboard.example/terms\"\n"
    );
    let node = Node::start(&node::build(Profile::Debug)?, &directory, &tenant)?;
    node.make_person("", PERSON.0, PERSON.1)?;
    let client = json!({
        "client_id": "reports",
        "client_name": "Nexboard Reports",
        "redirect_uris": [REDIRECT],
        "scope": "openid email offline_access",
    });
    post_json(
        &format!("{}/admin/clients", node.admin),
        &[("authorization", &node.authorization())],
        &client,
    )?;
    let password = directory.join("password");
    std::fs::write(&password, PERSON.1)?;
    script.args(["--base", &node.public, "--client", "reports", "--redirect", REDIRECT]);
    script.args(["--identifier", PERSON.0, "--password-file"]).arg(&password);
    workspace::run(script)?;
    node.end()
}
