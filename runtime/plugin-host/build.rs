//! Lists the fixtures, so that one without a test does not compile.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let fixtures = manifest.join("../../plugins/fixtures/src/bin");
    println!("cargo::rerun-if-changed={}", fixtures.display());
    let mut names: Vec<String> = fs::read_dir(&fixtures)?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let list = format!("const _: &[fn()] = &[{}];\n", names.join(", "));
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("fixtures.rs"), list)
}
