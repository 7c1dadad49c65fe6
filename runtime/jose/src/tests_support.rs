//! The files of vectors beside the repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Reads a file of project Wycheproof's. Without them nothing is tested, which continuous integration does not take.
pub(crate) fn wycheproof(file: &str) -> Option<Value> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path: PathBuf = repository.join("../shared/vectors/wycheproof").join(file);
    match fs::read(&path) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(error) => {
            let missing = format!("the vectors {} are missing: {error}", path.display());
            let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
            assert!(!ci, "{missing}");
            eprintln!("{missing}");
            None
        }
    }
}
