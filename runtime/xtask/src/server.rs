//! A server that a command starts on loopback: awaited until it is ready, and ended by its pid.

use anyhow::{Context, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often readiness is asked for.
const PACE: Duration = Duration::from_millis(2);

/// How long a server may take to drain after SIGTERM before it is killed.
const DRAIN: Duration = Duration::from_secs(15);

/// A running child. Dropping it kills it, so that no command leaves one behind.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
    started: Instant,
}

impl Server {
    /// Starts `command` with both of its outputs in the file `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = create(log)?;
        Self::spawn(name, command.stdout(file.try_clone()?).stderr(file), log)
    }

    /// Starts `command` with its output in the file `out` and its errors in the file `log`.
    pub(crate) fn start_apart(
        name: &'static str,
        command: &mut Command,
        (out, log): (&Path, &Path),
    ) -> anyhow::Result<Self> {
        Self::spawn(name, command.stdout(create(out)?).stderr(create(log)?), log)
    }

    fn spawn(name: &'static str, command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        command.stdin(Stdio::null());
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: log.to_path_buf(), started })
    }

    /// Returns the process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` says so and returns the time since the start; a server that ended is an error with its log.
    pub(crate) fn wait_until(
        &mut self,
        mut ready: impl FnMut() -> bool,
        within: Duration,
    ) -> anyhow::Result<Duration> {
        loop {
            if ready() {
                return Ok(self.started.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}) before it was ready:\n{}", self.name, self.log_tail());
            }
            if self.started.elapsed() > within {
                bail!("{} was not ready within {within:?}:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(PACE);
        }
    }

    /// Fails if the server has ended by itself.
    pub(crate) fn check_running(&mut self) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_some() {
            bail!("{} had ended by itself:\n{}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// Asks the server to end, and waits; one that does not drain in time is killed, which is an error.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.check_running()?;
        self.end_if_running()
    }

    /// The same, but a server that was faster is no error.
    pub(crate) fn end_if_running(mut self) -> anyhow::Result<()> {
        let asked = Instant::now();
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let mut term = Command::new("sh");
        term.args(["-c", "kill -TERM \"$0\"", &self.pid().to_string()]);
        term.status()?;
        while asked.elapsed() < DRAIN {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(PACE);
        }
        bail!("{} did not end within {DRAIN:?} of SIGTERM:\n{}", self.name, self.log_tail())
    }

    fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| path.display().to_string())
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only what is still ours: an ended child was reaped by `try_wait`, and its pid may be another's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
