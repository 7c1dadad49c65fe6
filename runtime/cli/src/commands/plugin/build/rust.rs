//! Builds a project in Rust with cargo.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::tool::Tool;
use crate::commands::plugin::manifest::Project;

const CARGO: Tool = Tool {
    program: "cargo",
    install: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh (see https://rustup.rs)",
};
const RUSTC: Tool = Tool { program: "rustc", ..CARGO };

/// What is built for unless the project's `.cargo/config.toml` says otherwise: its linker makes components.
const TARGET: &str = "wasm32-wasip2";

/// Builds; what cargo wrote.
pub(super) fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    let directory = std::path::absolute(&project.directory)?;
    let target = target(&directory)?;
    let libraries =
        RUSTC.run(RUSTC.command(&directory).args(["--print", "target-libdir", "--target", &target]))?;
    if !Path::new(libraries.trim()).exists() {
        return Err(anyhow!("Rust's target {target} is missing; install it: rustup target add {target}"));
    }
    let mut build = CARGO.command(&directory);
    build.args(["build", "--release", "--target", &target, "--message-format", "json-render-diagnostics"]);
    let messages = CARGO.run(&mut build)?;
    let manifest = directory.join("Cargo.toml");
    let built = artifact(&messages, &manifest)
        .ok_or_else(|| anyhow!("cargo made no .wasm file; does Cargo.toml say crate-type = [\"cdylib\"]?"))?;
    std::fs::read(&built).with_context(|| format!("cannot read {}", built.display()))
}

/// The target of the project's own cargo configuration, or the usual one.
fn target(directory: &Path) -> anyhow::Result<String> {
    let file = directory.join(".cargo/config.toml");
    if !file.exists() {
        return Ok(TARGET.to_owned());
    }
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let configuration: Value = config::read_toml(&text, &file.display().to_string())?;
    let target = configuration.pointer("/build/target").and_then(Value::as_str);
    Ok(target.unwrap_or(TARGET).to_owned())
}

/// The `.wasm` file of the package with this manifest in what cargo tells of a build, a JSON message in each line.
fn artifact(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let same = |other: &str| match (manifest.canonicalize(), Path::new(other).canonicalize()) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        _ => manifest == Path::new(other),
    };
    let of_package = |message: &Value| -> Option<PathBuf> {
        same(message.get("manifest_path")?.as_str()?).then_some(())?;
        let mut files =
            message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
        files.find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
    };
    messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find_map(|message| of_package(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_is_the_one_of_the_projects_own_package() {
        let messages = r#"not json
{"reason":"compiler-artifact","manifest_path":"/p/sdk/Cargo.toml","filenames":["/t/sdk.wasm"]}
{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/build-script"]}
{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/plugin.rlib","/t/plugin.wasm"]}
{"reason":"build-finished","success":true}"#;
        let find = |manifest: &str| artifact(messages, Path::new(manifest));
        assert_eq!(find("/p/Cargo.toml"), Some(PathBuf::from("/t/plugin.wasm")));
        assert_eq!(find("/q/Cargo.toml"), None);
    }
}
