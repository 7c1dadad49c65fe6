//! What the tests need beyond Rust, installed where that can be done and otherwise named with the command.

use anyhow::bail;
use std::process::Command;

use crate::workspace::{self, answers};

/// A program that Debian packages.
struct Debian {
    /// What it is needed for.
    purpose: &'static str,
    package: &'static str,
    found: fn() -> bool,
}

const DEBIAN: &[Debian] =
    &[Debian { purpose: "the storage tests on PostgreSQL", package: "postgresql", found: has_postgresql }];

/// Installs the Debian packages that are missing, as root on Debian; otherwise names them.
///
/// Fails when something is missing and cannot be installed, since a test that needs it would be skipped.
pub(crate) fn debian_packages() -> anyhow::Result<()> {
    let missing: Vec<&Debian> = DEBIAN.iter().filter(|item| !(item.found)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|item| item.package).collect();
    if is_root() && answers("apt-get", "--version") {
        workspace::run(Command::new("apt-get").args(["update", "-qq"]))?;
        let mut install = Command::new("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive");
        install.args(["install", "-qq", "-y", "--no-install-recommends"]).args(&names);
        workspace::run(&mut install)?;
        if let Some(item) = missing.iter().find(|item| !(item.found)()) {
            bail!("{} was installed and still cannot be used", item.package);
        }
        return Ok(());
    }
    for item in &missing {
        eprintln!("missing: {} (for {})", item.package, item.purpose);
    }
    bail!("run `sudo apt-get install {}`, or install the same by your system's means", names.join(" "))
}

/// Whether `cargo deny` can be used, after installing it where that is asked for.
///
/// It takes minutes to build, so that it is installed only under `CI`, into the target directory.
pub(crate) fn cargo_deny() -> anyhow::Result<bool> {
    let has = || answers("cargo-deny", "--version");
    if has() {
        return Ok(true);
    }
    if !workspace::under_ci() {
        return Ok(false);
    }
    workspace::run(workspace::cargo().args(["install", "cargo-deny", "--locked"]))?;
    Ok(has())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn has_postgresql() -> bool {
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .is_ok_and(|versions| versions.flatten().any(|version| version.path().join("bin/initdb").is_file()));
    debian || (answers("initdb", "--version") && answers("postgres", "--version"))
}
