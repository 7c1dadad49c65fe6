//! The process is killed, or the power is cut.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::writer::{HEAVY, MOST_HEAVY, Setting, Writer, check, counted, held};

/// So many that commits of one change and of several are among them.
const WRITES: usize = 1_200;
/// The file is so large when the journal was brought into it twice.
const MUCH: u64 = 100 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn killed_process_has_lost_nothing_that_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for first in [0, 1_000_000, 2_000_000] {
        let mut writer = Writer::start(directory.path(), Setting { first, ..Setting::default() });
        writer.listen(|said| said.acknowledged.len() >= 200);
        let mut said = writer.kill();
        assert!(said.acknowledged.len() >= 200 && said.refused.is_empty(), "{said:?}");
        assert_eq!(counted(directory.path(), &said.counted).await, said.counted, "counted and lost");
        acknowledged.append(&mut said.acknowledged);
        said.acknowledged.clone_from(&acknowledged);
        check(directory.path(), &said).await;
    }
}

/// Compiles the disk, and gives the environment of a writer that uses it. Building SQLite took a C
/// compiler, so there is one.
pub(crate) fn disk(root: &Path) -> (PathBuf, PathBuf, Setting) {
    let root = root.canonicalize().unwrap();
    let [live, kept, full, broken, beside] =
        ["live", "kept", "full", "broken", "beside"].map(|name| root.join(name));
    let library = root.join("disk.so");
    for directory in [&live, &kept] {
        std::fs::create_dir(directory).unwrap();
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/disk.c");
    let mut compile = Command::new("cc");
    compile.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl");
    let compiled = compile.output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let environment = vec![
        ("LD_PRELOAD", library.into_os_string()),
        ("DISK_DIRECTORY", live.clone().into_os_string()),
        ("DISK_KEPT", kept.clone().into_os_string()),
        ("DISK_FULL", full.into_os_string()),
        ("DISK_BROKEN", broken.into_os_string()),
        ("DISK_BROKEN_BESIDE", beside.into_os_string()),
    ];
    (live, kept, Setting { environment, ..Setting::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cut_loses_nothing_that_was_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let (live, kept, setting) = disk(root.path());
    let mut writer = Writer::start(&live, setting);
    writer.listen(|said| said.acknowledged.len() >= WRITES);
    let said = writer.kill();
    assert!(said.acknowledged.len() >= WRITES && said.refused.is_empty(), "{said:?}");
    check(&kept, &said).await;
}

/// Attack: the power is cut while one thread brings the journal into the file, and another goes on writing it.
#[tokio::test(flavor = "multi_thread")]
async fn power_cut_loses_nothing_of_what_is_on_its_way_from_the_journal_into_the_file() {
    let root = tempfile::tempdir().unwrap();
    let (live, kept, setting) = disk(root.path());
    let file = live.join("test.db");
    let is_much = || std::fs::metadata(&file).is_ok_and(|file| file.len() > MUCH);
    let mut writer = Writer::start(&live, Setting { weight: HEAVY, ..setting });
    writer.listen(|said| is_much() || said.acknowledged.len() > MOST_HEAVY);
    let said = writer.kill();
    assert!(is_much() && said.refused.is_empty(), "{} acknowledged", said.acknowledged.len());
    check(&kept, &said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_syncing_a_power_cut_loses_what_was_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let (live, kept, setting) = disk(root.path());
    let mut writer = Writer::start(&live, Setting { unsynced: true, ..setting });
    writer.listen(|said| said.acknowledged.len() >= WRITES);
    let said = writer.kill();
    assert!(said.acknowledged.len() >= WRITES, "{said:?}");
    let held = held(&kept).await;
    assert!(!said.acknowledged.is_subset(&held), "the harness does not see a loss");
    check(&live, &said).await;
}

/// A count waits for no disk: the process may end, and a power cut takes back the last ones and breaks nothing.
#[tokio::test(flavor = "multi_thread")]
async fn power_cut_may_take_back_counts_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let (live, kept, setting) = disk(root.path());
    let mut writer = Writer::start(&live, Setting { counts: true, ..setting });
    writer.listen(|said| said.counted.len() >= WRITES);
    let said = writer.kill();
    assert!(said.counted.len() >= WRITES && said.acknowledged.is_empty(), "{said:?}");
    assert_eq!(counted(&live, &said.counted).await, said.counted, "the process ended, and counts are lost");
    let left = counted(&kept, &said.counted).await;
    assert!(left.len() < said.counted.len(), "every count waited for the disk");
}
