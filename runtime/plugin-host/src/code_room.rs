//! The room that compiled code takes on the disk: bounded, the oldest makes way.
//!
//! Attack: a tenant uploads, deletes and uploads again until the disk is full of compiled components that nobody
//! has any more. What makes way wrongly is compiled again; what is mapped stays mapped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A compiled component on the disk.
struct Compiled {
    path: PathBuf,
    bytes: u64,
    made: SystemTime,
}

/// Removes the oldest compiled components of a directory until they take at most `most` bytes, but never
/// `kept`. Says which were removed.
pub(crate) fn make_room(directory: &Path, kept: &Path, most: u64) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cwasm") {
            let file = fs::symlink_metadata(&path)?;
            found.push(Compiled { bytes: file.len(), made: file.modified()?, path });
        }
    }
    let mut taken: u64 = found.iter().map(|compiled| compiled.bytes).sum();
    found.sort_by_key(|compiled| compiled.made);
    let mut removed = Vec::new();
    for Compiled { path, bytes, .. } in found.into_iter().filter(|compiled| compiled.path != kept) {
        if taken <= most {
            break;
        }
        fs::remove_file(&path)?;
        fs::remove_file(path.with_extension("mac")).ok();
        taken = taken.saturating_sub(bytes);
        removed.push(path);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn oldest_makes_way_and_what_was_just_made_stays() {
        for (kept, most, expect) in [
            ("d", 40, &[][..]),
            ("d", 39, &["a"]),
            ("d", 20, &["a", "b"]),
            ("d", 0, &["a", "b", "c"]),
            ("a", 20, &["b", "c"]),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let path = |name: &str| directory.path().join(name).with_extension("cwasm");
            for (age, name) in ["d", "c", "b", "a"].into_iter().enumerate() {
                fs::write(path(name), [0; 10]).unwrap();
                fs::write(path(name).with_extension("mac"), [0; 100]).unwrap();
                let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 - age as u64);
                fs::File::options().write(true).open(path(name)).unwrap().set_modified(made).unwrap();
            }
            let removed = make_room(directory.path(), &path(kept), most).unwrap();
            let expect: Vec<PathBuf> = expect.iter().map(|name| path(name)).collect();
            assert_eq!(removed, expect, "{kept} {most}");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 8 - 2 * expect.len());
        }
    }
}
