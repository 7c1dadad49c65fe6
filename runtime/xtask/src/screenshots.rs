//! A picture of each built-in page in two widths, two themes and the languages that are asked for, and what axe-core
//! says of them.

use serde_json::json;
use std::process::Command;

use crate::clients::{self, Place};
use crate::loopback::post_json;
use crate::node::{self, ROOMY_LIMITS};
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
    /// The languages of the pictures: two of the four, unless all are to be looked at (`en,de,fr,es`)
    #[arg(long, default_value = "en,de")]
    languages: String,
}

/// Writes the pictures into the target directory; anything that axe-core finds is a failure.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut script = script()?;
    script.args(["--languages", &arguments.languages]);
    if arguments.preview {
        return of_preview(example(), script.args(["--only", &arguments.only]));
    }
    clients::in_place("screenshots", |place| of_pages(place, &mut script, &arguments.only))
}

/// Every page of a node, as a suite of `cargo xtask clients`.
pub(crate) fn of_node(place: &Place<'_>) -> anyhow::Result<()> {
    of_pages(place, &mut script()?, "")
}

fn script() -> anyhow::Result<Command> {
    let home = workspace::root().join("tests/clients/screenshots");
    install::debian_packages(&[install::CHROMIUM])?;
    install::node_packages(&home)?;
    let mut script = Command::new("node");
    script.arg("screenshots.mjs").current_dir(&home);
    script.arg("--out").arg(workspace::target_directory().join("screenshots"));
    Ok(script)
}

/// Every state of every page in the language with the longest words, on a narrow phone and without axe, as a suite of
/// `cargo xtask clients`: that each renders, and fits. What takes minutes is `cargo xtask screenshots --preview`.
pub(crate) fn of_samples(place: &Place<'_>) -> anyhow::Result<()> {
    let built = place.binary()?.with_file_name("examples").join("preview");
    // Built with the tests, which want their dependencies with other features than the example alone does.
    let pages = if node::are_given() && built.is_file() { Command::new(built) } else { example() };
    of_preview(pages, script()?.args(["--quick", "--languages", "de"]))
}

/// What writes the samples.
fn example() -> Command {
    let mut pages = workspace::cargo();
    pages.args(["run", "--quiet", "--package", "portcullis-ui", "--example", "preview", "--"]);
    pages
}

fn of_preview(mut pages: Command, script: &mut Command) -> anyhow::Result<()> {
    let preview = workspace::target_directory().join("preview");
    workspace::run(pages.arg(&preview))?;
    workspace::run(script.arg("--preview").arg(&preview))
}

fn of_pages(place: &Place<'_>, script: &mut Command, only: &str) -> anyhow::Result<()> {
    let tenant = format!(
        "[[tenant]]\nid = \"default\"\nissuer = \"http://localhost:{{port}}\"\n\n{ROOMY_LIMITS}[tenant.branding]\nname = \"Nexboard\"\n\
         support_url = \"mailto:help@nexboard.example\"\nprivacy_url = \"https://nexboard.example/privacy\"\n\
         terms_url = \"https://nexboard.example/terms\"\n"
    );
    let node = place.node(&tenant)?;
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
    let password = place.write("password", PERSON.1)?;
    // At a host name, so that passkeys are in the pictures.
    let base = node.public.replace("127.0.0.1", "localhost");
    script.args(["--base", &base, "--client", "reports", "--redirect", REDIRECT]);
    script.args(["--identifier", PERSON.0, "--password-file"]).arg(&password).args(["--only", only]);
    let watch = place.watch(&node)?;
    workspace::run(script)?;
    // Some of the pages are not all of the suite.
    if only.is_empty() {
        watch.check(&node)?;
    }
    node.end()
}
