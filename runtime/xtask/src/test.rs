//! Every test of the workspace, with what it needs.

use anyhow::{Context, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{guests, install, node, workspace};

/// Installs what is missing, builds the guests, and runs everything.
pub(crate) fn run() -> anyhow::Result<()> {
    install::debian_packages(&[install::POSTGRESQL, install::NGINX, install::SQLITE])?;
    guests::build_for_tests()?;
    workspace::run(workspace::cargo().args(["test", "--workspace"]))?;
    // What holds on SQLite holds on PostgreSQL: the suite is told nothing else.
    let mut postgres = Command::new(end_to_end()?);
    postgres.current_dir(workspace::root().join("tests")).env("PORTCULLIS_TEST_DATABASE", "postgres");
    workspace::run(&mut postgres)?;
    // With the binaries that the tests were built with: by themselves these would want their dependencies with
    // other features, and build them again.
    let mut clients = Command::new(std::env::current_exe()?);
    clients.arg("clients").env(node::BINARIES, workspace::target_directory().join("debug"));
    workspace::run(&mut clients)?;
    let mut plugins = Command::new(std::env::current_exe()?);
    plugins.arg("plugins").env(node::BINARIES, workspace::target_directory().join("debug"));
    workspace::run(&mut plugins)
}

/// Returns the program of the end-to-end suite in `tests/it`, as it was built with the workspace: a package or a target that
/// is asked for alone wants dependencies with other features, and cranelift alone takes minutes.
fn end_to_end() -> anyhow::Result<PathBuf> {
    let mut build = workspace::cargo();
    build.args(["test", "--workspace", "--no-run", "--message-format", "json"]);
    let output = build.stderr(Stdio::inherit()).output().context("cargo")?;
    ensure!(output.status.success(), "the end-to-end suite was not built: {}", output.status);
    program_of(("portcullis-tests", "it"), &String::from_utf8(output.stdout)?)
}

/// The executable of a package's target in what cargo tells of a build, a JSON message in each line.
fn program_of((package, target): (&str, &str), messages: &str) -> anyhow::Result<PathBuf> {
    let of_package = |message: &Value| {
        let id = message.get("package_id")?.as_str()?;
        id.contains(&format!("#{package}@")).then_some(())?;
        (message.pointer("/target/name")?.as_str()? == target).then_some(())?;
        message.get("executable")?.as_str().map(PathBuf::from)
    };
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    messages
        .find_map(|message| of_package(&message))
        .with_context(|| format!("no program {target} of {package}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_package_and_target() {
        let messages = r#"{"reason":"compiler-artifact","package_id":"path+file:///w/a#portcullis-a@0.1.0","target":{"name":"it"},"executable":"/t/it-1"}
{"reason":"compiler-artifact","package_id":"path+file:///w/tests#portcullis-tests@0.1.0","target":{"name":"it"},"executable":null}
{"reason":"compiler-artifact","package_id":"path+file:///w/tests#portcullis-tests@0.1.0","target":{"name":"other"},"executable":"/t/other"}
{"reason":"compiler-artifact","package_id":"path+file:///w/tests#portcullis-tests@0.1.0","target":{"name":"it"},"executable":"/t/it-2"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(program_of(("portcullis-tests", "it"), messages).unwrap(), PathBuf::from("/t/it-2"));
        assert!(program_of(("portcullis-b", "it"), messages).is_err());
    }
}
