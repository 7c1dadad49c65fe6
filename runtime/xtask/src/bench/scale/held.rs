//! Files that the kernel keeps in memory: some kernels give back what was not touched for minutes, however much is free, and what
//! would then be measured is the disk.

use anyhow::Context;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::workspace;

/// A process that holds them, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    holder: String,
}

impl Held {
    /// Returns when all of them are there. Needs the right to lock so much (`ulimit -l`).
    pub(super) fn of(files: &[&Path]) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let pid = directory.path().join("pid");
        // It goes on by itself when it has them.
        workspace::run(Command::new("vmtouch").args(["-q", "-d", "-l", "-w", "-P"]).arg(&pid).args(files))
            .context("the files are not held in memory")?;
        let holder = fs::read_to_string(&pid).context("no process holds the files")?;
        Ok(Self { holder: holder.trim().to_owned() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = workspace::run(Command::new("kill").arg(&self.holder)) {
            eprintln!("the process {} still holds files in memory: {error:#}", self.holder);
        }
    }
}
