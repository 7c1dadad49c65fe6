//! A disk that is full or fails to sync, and files that may not be written.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::power::disk;
use crate::writer::{HEAVY, MOST_HEAVY, Setting, Writer, check};

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Starts a writer that is not to come far, and gives what it says of that.
fn failure(directory: &Path) -> String {
    let setting = Setting { first: 1_000_000, bound_by_modes: true, ..Setting::default() };
    let mut writer = Writer::start(directory, setting);
    writer.listen(|said| said.failed.is_some() || !said.acknowledged.is_empty() || !said.refused.is_empty());
    let said = writer.kill();
    assert!(said.acknowledged.is_empty() && said.refused.is_empty(), "it got as far as writing: {said:?}");
    said.failed.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_read_only_is_named_and_not_harmed() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(directory.path(), Setting::default());
    writer.listen(|said| said.acknowledged.len() >= 20);
    let said = writer.kill();
    let modes = |mode| {
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            set_mode(&entry.unwrap().path(), mode);
        }
    };
    modes(0o444);
    let failure = failure(directory.path());
    assert!(failure.contains("test.db cannot be opened for writing"), "{failure}");
    modes(0o644);
    check(directory.path(), &said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directory_that_is_read_only_is_named() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o555);
    let failure = failure(directory.path());
    assert!(failure.contains("test.db cannot be opened for writing"), "{failure}");
    set_mode(directory.path(), 0o755);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_refuses_writes_whole_and_takes_them_again_when_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let (live, kept, setting) = disk(root.path());
    let full = root.path().join("full");
    let mut writer = Writer::start(&live, setting);
    writer.listen(|said| said.acknowledged.len() >= 50);
    std::fs::write(&full, "").unwrap();
    writer.listen(|said| said.refused.len() >= 20);
    std::fs::remove_file(&full).unwrap();
    let before = writer.said.acknowledged.len();
    writer.listen(|said| said.acknowledged.len() >= before + 50);
    let said = writer.kill();
    assert!(said.refused.len() >= 20 && said.acknowledged.len() >= before + 50, "{said:?}");
    for directory in [&live, &kept] {
        check(directory, &said).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_that_fails_acknowledges_nothing_and_loses_nothing_of_before() {
    let root = tempfile::tempdir().unwrap();
    let (live, kept, setting) = disk(root.path());
    let broken = root.path().join("broken");
    let mut writer = Writer::start(&live, setting);
    // Each time with other commits that did not wait before what fails.
    for round in 1..=4 {
        let before = writer.said.acknowledged.len();
        writer.listen(|said| said.acknowledged.len() >= before + 400);
        std::fs::write(&broken, "").unwrap();
        writer.listen(|said| said.refused.len() >= round * 20);
        std::fs::remove_file(&broken).unwrap();
    }
    let before = writer.said.acknowledged.len();
    writer.listen(|said| said.acknowledged.len() >= before + 50);
    let said = writer.kill();
    assert!(said.refused.len() >= 80 && said.acknowledged.len() >= before + 50, "{said:?}");
    for directory in [&live, &kept] {
        check(directory, &said).await;
    }
}

/// Attack: the disk fails on the thread that brings the journal into the file, and the writer beside it goes on behind a hole.
#[tokio::test(flavor = "multi_thread")]
async fn disk_that_fails_beside_the_writer_loses_nothing_that_was_acknowledged() {
    for what in ["sync", "write"] {
        let root = tempfile::tempdir().unwrap();
        let (live, kept, setting) = disk(root.path());
        let beside = root.path().join("beside");
        let mut writer = Writer::start(&live, Setting { weight: HEAVY, ..setting });
        for round in 1..=2 {
            std::fs::write(&beside, what).unwrap();
            let most = writer.said.acknowledged.len() + MOST_HEAVY / 2;
            writer.listen(|said| !beside.exists() || said.acknowledged.len() >= most);
            assert!(!beside.exists(), "round {round}: the thread did nothing that could fail");
            let before = writer.said.acknowledged.len();
            writer.listen(|said| said.acknowledged.len() >= before + 100);
            assert!(writer.said.acknowledged.len() >= before + 100, "{what}: it is not mended");
        }
        let said = writer.kill();
        for directory in [&live, &kept] {
            check(directory, &said).await;
        }
    }
}
