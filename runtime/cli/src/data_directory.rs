//! The data directory: everything that the node makes by itself, for its user's eyes only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use primitives::{Rng, base64url};
use storage::MasterKey;

/// The data directory, made where it was missing.
#[derive(Debug)]
pub(crate) struct DataDirectory(PathBuf);

/// The node's hold on its data directory; given up when dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

impl DataDirectory {
    /// Opens it; makes it with mode 0700.
    pub(crate) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make the data directory {shown}"))?;
        let mode = fs::metadata(&path).with_context(|| format!("cannot look at {shown}"))?.mode();
        ensure!(
            mode.trailing_zeros() >= 6,
            "the data directory {shown} can be reached by other users (mode {:o}): run `chmod 700 {shown}`",
            mode & 0o777
        );
        Ok(Self(path))
    }

    /// Opens one that must be there already.
    pub(crate) fn find(path: PathBuf) -> anyhow::Result<Self> {
        ensure!(
            path.is_dir(),
            "there is no data directory {}; `portcullis serve` makes it, or say where it is with --data-dir",
            path.display()
        );
        Self::open(path)
    }

    /// Takes the directory for this process alone.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        let path = self.0.join("portcullis.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(fs::TryLockError::WouldBlock) => {
                bail!("another portcullis uses the data directory {}", self.0.display())
            }
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// The socket of commands on this machine.
    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("portcullis.sock")
    }

    /// A file that whoever uses the directory put there.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The first admin key.
    pub(crate) fn admin_key(&self) -> PathBuf {
        self.0.join("admin.key")
    }

    /// Where compiled plugins are kept.
    pub(crate) fn compiled_plugins(&self) -> PathBuf {
        self.0.join("compiled-plugins")
    }

    /// The node's own master key; made when there is none yet.
    pub(crate) fn master_key(&self, rng: &dyn Rng) -> anyhow::Result<MasterKey> {
        let path = self.0.join("master.key");
        match fs::read_to_string(&path) {
            Ok(text) => key_bytes(&text).map(MasterKey::new).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = rng.token();
                write_secret(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
                key_bytes(&text).map(MasterKey::new)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

/// The bytes of a master key from its 43 characters of base64url.
pub(crate) fn key_bytes(text: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = base64url::decode(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.context("a master key is 32 bytes in base64url (43 characters)")
}

/// Writes a secret that must not be there yet, readable by its user only, durable before it counts.
pub(crate) fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
