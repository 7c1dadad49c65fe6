//! Builds a project in C with clang: a core module without a C library, from `src` and `sdk`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::tool::Tool;
use crate::commands::plugin::manifest::Project;

const CLANG: Tool = Tool { program: "clang", install: "apt-get install clang lld" };
const LINKER: Tool = Tool { program: "wasm-ld", ..CLANG };

/// Small, since a guest is started afresh for every call; and with what is wrong said early. A stack of 64 KiB keeps
/// the memory that a call touches together.
const FLAGS: [&str; 13] = [
    "--target=wasm32",
    "-Os",
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-ffreestanding",
    "-nostdlib",
    "-mbulk-memory",
    "-isystem",
    "sdk/libc",
    "-Isdk",
    "-Wl,--no-entry,--strip-all",
    "-Wl,-z,stack-size=65536",
];

/// Builds; what the linker wrote.
pub(super) fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    let directory = &std::path::absolute(&project.directory)?;
    LINKER.run(LINKER.command(directory).arg("--version"))?;
    let (module, mut sources) = (Path::new("build/module.wasm"), sources(directory, "src")?);
    ensure!(!sources.is_empty(), "there is no .c file in {}", project.path("src").display());
    sources.extend(self::sources(directory, "sdk")?);
    fs::create_dir_all(directory.join("build")).with_context(|| directory.display().to_string())?;
    CLANG.run(CLANG.command(directory).args(FLAGS).args(sources).arg("-o").arg(module))?;
    let made = directory.join(module);
    fs::read(&made).with_context(|| format!("cannot read {}", made.display()))
}

/// The `.c` files of a part of the project, from its directory.
fn sources(directory: &Path, part: &str) -> anyhow::Result<Vec<PathBuf>> {
    let place = directory.join(part);
    let entries = fs::read_dir(&place).with_context(|| format!("cannot read {}", place.display()))?;
    let names = entries.map(|entry| entry.map(|entry| Path::new(part).join(entry.file_name())));
    let mut names = names.collect::<Result<Vec<_>, _>>().with_context(|| place.display().to_string())?;
    names.retain(|name| name.extension().is_some_and(|extension| extension == "c"));
    names.sort();
    Ok(names)
}
