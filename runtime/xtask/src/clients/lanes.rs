//! Several suites side by side: most of what one does is to wait for what another process does.

use anyhow::{Context, bail};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::{node, workspace};

/// How many run at once. Each has a node, and a browser or another client.
const LANES: usize = 2;

/// Runs suites, each as a process of its own with the binaries beside ours; what one printed is shown when it has ended.
///
/// After a failure none is begun; what runs is let end, and every failure is named.
pub(super) fn run(names: &[&str], binary: &Path) -> anyhow::Result<()> {
    let binaries = binary.parent().context("binaries are in a directory")?;
    let waiting = Mutex::new(names.iter());
    let failures = Mutex::new(Vec::new());
    let next = || {
        let none_failed = failures.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        none_failed.then(|| waiting.lock().unwrap_or_else(PoisonError::into_inner).next()).flatten()
    };
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(name) = next() {
                    if let Err(error) = run_one(name, binaries) {
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.push(format!("{name}: {error:#}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    Ok(())
}

fn run_one(name: &str, binaries: &Path) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("clients");
    fs::create_dir_all(&directory)?;
    let path = directory.join(format!("{name}.log"));
    let log = File::create(&path).with_context(|| path.display().to_string())?;
    let mut suite = Command::new(std::env::current_exe()?);
    suite.args(["clients", name]).env(node::BINARIES, binaries);
    suite.stdout(log.try_clone()?).stderr(log);
    let begun = Instant::now();
    let status = suite.status()?;
    let took = begun.elapsed().as_secs();
    // In one piece, so that two do not mix.
    print!("\n== clients: {name}, {took} s\n{}", String::from_utf8_lossy(&fs::read(&path)?));
    if !status.success() {
        bail!("{status} after {took} s");
    }
    Ok(())
}
