//! Builds the Wasm guests: the samples and fixtures of `plugins/`.

use anyhow::{Context, ensure};
use std::path::PathBuf;
use std::process::Command;

use crate::workspace;

/// The one target of our guests: ordinary tools make a component of it directly.
const TARGET: &str = "wasm32-wasip2";

/// An engine that tests drive through whole sign-ins. It takes minutes, so that only tests build it.
const ENGINE: &str = "jsonnet";

/// Builds what tests need: the guests, and the engine that some of them call.
pub(crate) fn build_for_tests() -> anyhow::Result<PathBuf> {
    build_with(&[])?;
    build_with(&["--package", ENGINE])
}

/// Builds the guests of `plugins/` and returns the directory that holds the components.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    build_with(&[])
}

fn build_with(which: &[&str]) -> anyhow::Result<PathBuf> {
    let root = workspace::root();
    let out = workspace::target_directory().join("guests");
    let manifest = root.join("plugins/Cargo.toml");
    ensure!(manifest.is_file(), "there is no plugins/Cargo.toml");
    let installed =
        Command::new("rustup").args(["target", "list", "--installed"]).current_dir(&root).output();
    if installed.is_ok_and(|list| !String::from_utf8_lossy(&list.stdout).contains(TARGET)) {
        let mut add = Command::new("rustup");
        add.args(["target", "add", TARGET]).current_dir(&root);
        workspace::run(&mut add)
            .context("the Wasm target is missing: run `rustup target add wasm32-wasip2`")?;
    }
    let mut build = workspace::cargo();
    build.args(["build", "--release", "--target", TARGET, "--manifest-path"]).arg(&manifest).args(which);
    // From inside `plugins/`, whose `.cargo/config.toml` cargo finds by the working directory.
    build.arg("--target-dir").arg(&out).current_dir(root.join("plugins"));
    workspace::run(&mut build)?;
    Ok(out.join(TARGET).join("release"))
}
