//! How files look without being read: enough to notice that one is another.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Files of a plugin, each with how it looked at one moment; `None` where it was not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stamps(Vec<(PathBuf, Option<FileStamp>)>);

impl Stamps {
    /// How these files look now.
    pub(crate) async fn of(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut stamps = Vec::new();
        for file in files {
            let stamp = tokio::fs::metadata(&file).await.ok().map(|file| FileStamp::read(&file));
            stamps.push((file, stamp));
        }
        Self(stamps)
    }

    /// Whether one looks other than it did. The thread may have to wait for the disk.
    pub(crate) fn have_changed(&self) -> bool {
        self.0.iter().any(|(file, stamp)| FileStamp::of_path(file) != *stamp)
    }
}

/// A file's place on the disk, size and time of change.
///
/// The time of change rather than of modification: no tool sets it back, so that an older build that is
/// moved or copied over a newer one shows too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl FileStamp {
    fn of_path(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|file| Self::read(&file))
    }

    fn read(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.size(),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}
