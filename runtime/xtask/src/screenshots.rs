//! A picture of each built-in page in two widths, two themes and two languages, and what axe-core says of them.

use std::process::Command;

use crate::{install, workspace};

/// Writes the pictures into the target directory; anything that axe-core finds is a failure.
pub(crate) fn run() -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/screenshots");
    install::debian_packages(&[install::CHROMIUM])?;
    install::node_packages(&home)?;
    let target = workspace::target_directory();
    let preview = target.join("preview");
    let mut pages = workspace::cargo();
    pages.args(["run", "--quiet", "--package", "portcullis-ui", "--example", "preview", "--"]).arg(&preview);
    workspace::run(&mut pages)?;
    let mut script = Command::new("node");
    script.arg("screenshots.mjs").current_dir(&home);
    script.arg("--preview").arg(&preview).arg("--out").arg(target.join("screenshots"));
    workspace::run(&mut script)
}
