//! Programs of others: found, run, and named with the command that installs them where they are missing.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail};

/// A program that a build needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    /// Its name, or where it is in the project.
    pub(super) program: &'static str,
    /// The command that installs it.
    pub(super) install: &'static str,
}

impl Tool {
    /// The program, to be run in the project's directory, which is absolute.
    pub(super) fn command(self, directory: &Path) -> Command {
        let is_of_the_project = self.program.contains('/');
        let mut command = if is_of_the_project {
            Command::new(directory.join(self.program))
        } else {
            Command::new(self.program)
        };
        command.current_dir(directory).stdin(Stdio::null());
        command
    }

    /// Runs it to its end; what it writes to standard error is seen by whoever builds. Returns its standard output.
    pub(super) fn run(self, command: &mut Command) -> anyhow::Result<String> {
        let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow!("{} is not installed; install it: {}", self.program, self.install),
            _ => anyhow!("cannot start {}: {error}", self.program),
        })?;
        if !output.status.success() {
            bail!("{} failed ({})", self.program, output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("output of {}", self.program))
    }
}
