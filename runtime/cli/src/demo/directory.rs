//! The demo's data directory: one that is empty, or a temporary one that goes with the demo.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use primitives::Rng;

use crate::data_directory::{DataDirectory, write_secret};
use crate::outcome::Failure;

/// A directory that is the demo's. Dropping a temporary one removes it.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    temporary: bool,
}

impl Directory {
    /// Makes it: the one that was asked for, which must be empty, or a temporary one.
    ///
    /// What is in a directory already could be a node's, whose people the demo's would join.
    pub(super) fn make(asked: Option<&Path>, rng: &dyn Rng) -> Result<Self, Failure> {
        let Some(asked) = asked else { return Self::temporary(rng).map_err(Failure::Failed) };
        let path = std::path::absolute(asked)?;
        DataDirectory::open(path.clone())?;
        let mut entries = fs::read_dir(&path).with_context(|| path.display().to_string())?;
        if entries.next().is_some() {
            let words = format!("a demo begins with an empty data directory: {} is not", path.display());
            return Err(Failure::Usage(anyhow!(words)));
        }
        Ok(Self { path, temporary: false })
    }

    fn temporary(rng: &dyn Rng) -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!("portcullis-demo-{}", rng.uuid().simple());
        let path = std::env::temp_dir().join(name);
        // Not one that somebody else made there before.
        fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path, temporary: true })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// Writes a file for its user's eyes only.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        write_secret(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("portcullis: {} is left behind: {error}", self.path.display());
        }
    }
}
