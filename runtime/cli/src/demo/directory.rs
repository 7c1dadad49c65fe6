//! The demo's data directory: one that is empty, or a temporary one that goes with the demo.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use primitives::Rng;

use crate::data_directory::{DataDirectory, write_secret};
use crate::outcome::Failure;
use crate::temporary::Temporary;

/// A directory that is the demo's.
#[derive(Debug)]
pub(super) enum Directory {
    /// It was asked for, and stays.
    Asked(PathBuf),
    /// It goes with the demo.
    Temporary(Temporary),
}

impl Directory {
    /// Makes it: the one that was asked for, which must be empty, or a temporary one.
    ///
    /// What is in a directory already could be a node's, whose people the demo's would join.
    pub(super) fn make(asked: Option<&Path>, rng: &dyn Rng) -> Result<Self, Failure> {
        let Some(asked) = asked else { return Ok(Self::Temporary(Temporary::make("demo", rng)?)) };
        let path = std::path::absolute(asked)?;
        DataDirectory::open(path.clone())?;
        let mut entries = fs::read_dir(&path).with_context(|| path.display().to_string())?;
        if entries.next().is_some() {
            let words = format!("a demo begins with an empty data directory: {} is not", path.display());
            return Err(Failure::Usage(anyhow!(words)));
        }
        Ok(Self::Asked(path))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Asked(path) => path,
            Self::Temporary(temporary) => temporary.path(),
        }
    }

    pub(super) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Temporary(_))
    }

    /// Writes a file for its user's eyes only.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path().join(name);
        write_secret(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}
