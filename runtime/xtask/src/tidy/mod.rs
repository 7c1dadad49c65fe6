//! The house rules that no other tool knows.
//!
//! Each rule reads the tree and returns what is wrong, one line each; all rules run before anything fails.

mod imports;
mod length;
mod machine_paths;
mod messages;
mod migrations;
mod named_tests;

use anyhow::bail;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{frozen, workspace};

/// The files under version control, read once for every rule.
pub(crate) struct Tree {
    root: PathBuf,
    /// Paths relative to the root.
    files: Vec<PathBuf>,
}

impl Tree {
    fn read() -> anyhow::Result<Self> {
        let root = workspace::root();
        // Also what is not yet added, so that the rules speak before the commit.
        let mut list = Command::new("git");
        list.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(&root);
        let output = list.output()?;
        if !output.status.success() {
            bail!("`git ls-files` failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let mut files: Vec<PathBuf> = String::from_utf8(output.stdout)?.lines().map(PathBuf::from).collect();
        files.retain(|file| root.join(file).is_file());
        files.sort();
        files.dedup();
        Ok(Self { root, files })
    }

    fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a Path> {
        self.files
            .iter()
            .map(PathBuf::as_path)
            .filter(move |file| file.extension().is_some_and(|e| e == extension))
    }

    fn text(&self, file: &Path) -> Option<String> {
        std::fs::read_to_string(self.root.join(file)).ok()
    }
}

/// Runs every rule, prints what is wrong, and fails if anything is.
pub(crate) fn run() -> anyhow::Result<()> {
    let tree = Tree::read()?;
    let mut wrong = Vec::new();
    wrong.extend(imports::check(&tree)?);
    wrong.extend(length::check(&tree));
    wrong.extend(migrations::check(&tree));
    wrong.extend(machine_paths::check(&tree));
    wrong.extend(messages::check(&tree));
    wrong.extend(named_tests::check(&tree));
    wrong.extend(frozen::check(&tree.root.join("wit"))?);
    if wrong.is_empty() {
        println!("tidy: {} files in order", tree.files.len());
        return Ok(());
    }
    for line in &wrong {
        println!("{line}");
    }
    bail!("{} house rules broken", wrong.len())
}
