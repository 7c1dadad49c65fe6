//! Files that a declaration names: read if they are regular ones, and up to a bound.
//!
//! Attack, or accident: the path is a named pipe, whose opening waits for a writer and holds a thread for good; or a device
//! that never ends.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// What is in a regular file, and how long it is: at most so many bytes of it and one more, by which whoever reads knows
/// that there are too many.
pub(crate) async fn read(path: &Path, most: u64) -> io::Result<(Vec<u8>, u64)> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        // Opened so that nothing waits, and looked at then: what has the path may be another file by now.
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(&path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok((bytes, found.len()))
    });
    reading.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn read_now(path: &Path) -> io::Result<(Vec<u8>, u64)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(path, 3))
    }

    #[test]
    fn as_much_is_read_as_tells_that_there_is_too_much() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        for (text, expect) in [("", ""), ("abc", "abc"), ("abcdefgh", "abcd")] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read_now(&file).unwrap(), (expect.into(), text.len() as u64));
        }
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), place.path(), Path::new("/dev/zero")] {
            let refused = read_now(path).unwrap_err();
            assert_eq!(refused.to_string(), "not a regular file", "{}", path.display());
        }
        let missing = read_now(&place.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
