//! Builds a project in JavaScript with componentize-qjs, which npm installed into it.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::tool::Tool;
use super::world;
use crate::commands::plugin::manifest::Project;

const COMPONENTIZE: Tool = Tool { program: "node_modules/.bin/componentize-qjs", install: "npm install" };

/// Builds. The engine is the small one; without WASI, since a clock and randomness that a plugin did not ask for would
/// keep its instances from being made ahead; and without the asynchronous ABI, which nodes do not have.
pub(super) fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    let directory = std::path::absolute(&project.directory)?;
    let component = Path::new("build/component.wasm");
    fs::create_dir_all(directory.join("build")).with_context(|| directory.display().to_string())?;
    world::write(project)?;
    let mut build = COMPONENTIZE.command(&directory);
    build.args(["--wit", world::WITH_WORLD, "--world", world::GRANTED]);
    build.args(["--js", "src/plugin.js", "--module-root", "src"]);
    build.args(["--sync", "--stub-wasi", "--opt-size", "--minify", "--output"]).arg(component);
    COMPONENTIZE.run(&mut build)?;
    let made = directory.join(component);
    fs::read(&made).with_context(|| format!("cannot read {}", made.display()))
}
