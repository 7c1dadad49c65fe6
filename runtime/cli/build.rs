//! Puts what a new plugin project is made of into the binary: the templates, the SDKs and the WIT packages, each from
//! its one place in the repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Files and directories, from the root of the repository.
const EMBEDDED: [&str; 6] = [
    "plugins/.cargo/config.toml",
    "plugins/Cargo.lock",
    "plugins/Cargo.toml",
    "plugins/sdk",
    "runtime/cli/templates",
    "wit",
];

fn main() -> io::Result<()> {
    let directory = |name| PathBuf::from(env::var_os(name).unwrap_or_default());
    let root = directory("CARGO_MANIFEST_DIR").join("../..");
    let mut files = Vec::new();
    for name in EMBEDDED {
        println!("cargo::rerun-if-changed={}", root.join(name).display());
        collect(&root, Path::new(name), &mut files)?;
    }
    files.sort();
    let mut list = String::from("[\n");
    for file in &files {
        let (name, place) = (file.display().to_string(), root.join(file).display().to_string());
        let _ = writeln!(list, "({name:?}, include_str!({place:?})),");
    }
    list.push(']');
    fs::write(directory("OUT_DIR").join("embedded.rs"), list)
}

fn collect(root: &Path, at: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !root.join(at).is_dir() {
        files.push(at.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(at))? {
        let name = entry?.file_name();
        // What somebody built there is not a part of it, nor are the versions of the contract before.
        if !["target", "node_modules", "__pycache__", "frozen"].iter().any(|made| name == *made) {
            collect(root, &at.join(name), files)?;
        }
    }
    Ok(())
}
