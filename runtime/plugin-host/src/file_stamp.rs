//! How a component's file looks without being read: enough to notice that it is another.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::spec::PluginSource;

/// A file's place on the disk, size and time of change.
///
/// The time of change rather than of modification: no tool sets it back, so that an older build that is
/// moved or copied over a newer one shows too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl FileStamp {
    /// The stamp of a component's file; `None` if it is not there, or is no file.
    pub(crate) async fn of(source: &PluginSource) -> Option<Self> {
        let PluginSource::File(path) = source else { return None };
        tokio::fs::metadata(path).await.ok().map(|file| Self::read(&file))
    }

    /// The same, where the thread may wait for the disk.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
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
