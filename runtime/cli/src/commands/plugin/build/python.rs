//! Builds a project in Python with componentize-py, which pip installed into the project's environment.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::tool::Tool;
use super::world;
use crate::commands::plugin::manifest::Project;

const COMPONENTIZE: Tool = Tool {
    program: ".venv/bin/componentize-py",
    install: "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
};

/// Builds. Without WASI: the interpreter would want files and sockets, which no node has.
pub(super) fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    let directory = std::path::absolute(&project.directory)?;
    let component = Path::new("build/component.wasm");
    fs::create_dir_all(directory.join("build")).with_context(|| directory.display().to_string())?;
    world::write(project)?;
    let mut build = COMPONENTIZE.command(&directory);
    build.args(["--quiet", "--wit-path", world::WITH_WORLD, "--world", world::GRANTED]);
    build.args(["componentize", "--stub-wasi", "--python-path", "src", "plugin", "--output"]).arg(component);
    COMPONENTIZE.run(&mut build)?;
    let made = directory.join(component);
    fs::read(&made).with_context(|| format!("cannot read {}", made.display()))
}
