//! A temporary directory that only its user can enter. Dropping it removes it.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use primitives::Rng;

/// The directory.
#[derive(Debug)]
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// Makes one for this purpose; never one that somebody else made there before.
    pub(crate) fn make(purpose: &str, rng: &dyn Rng) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("portcullis-{purpose}-{}", rng.uuid().simple()));
        fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("portcullis: {} is left behind: {error}", self.0.display());
        }
    }
}
