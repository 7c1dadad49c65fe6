//! From a core module to a component.
//!
//! Some tool chains end with a core module: clang, or Rust for `wasm32-unknown-unknown`. Its imports and exports are
//! those of the canonical ABI already; what is missing is the component around it, with the types of the WIT. The
//! types come from the module where the bindings put them there, and from the project's `wit` directory otherwise.

use std::path::Path;

use anyhow::Context as _;
use plugin_host::HookName;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};
use wit_parser::Resolve;

/// How a core module begins; a component has another version.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// The world of every hook's package.
const WORLD: &str = "plugin";

/// Returns the component: what the tool chain made, or what is made around it where that is a core module.
/// `wit` is the directory with the hook's package.
pub(super) fn of(made: Vec<u8>, wit: &Path, hook: HookName) -> anyhow::Result<Vec<u8>> {
    if !made.starts_with(CORE_MODULE) {
        return Ok(made);
    }
    let mut module = made;
    let (with_types, _) = metadata::decode(&module).context("the types in the module")?;
    if with_types.is_none() {
        embed_types(&mut module, wit, hook)?;
    }
    let mut encoder = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .context("the module does not become a component")?;
    encoder.encode().context("the module does not become a component")
}

/// Puts the types of the hook's world into the module.
fn embed_types(module: &mut Vec<u8>, wit: &Path, hook: HookName) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).with_context(|| {
        format!("the module says nothing of its types, and {} does not either", wit.display())
    })?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let exports = &resolve.worlds.get(world).context("a world")?.exports;
    let exports_hook = exports.keys().any(|key| resolve.name_world_key(key) == hook.interface());
    anyhow::ensure!(exports_hook, "the world in {} does not export {}", wit.display(), hook.interface());
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(module: &[u8], wit: &Path) -> String {
        format!("{:#}", of(module.to_vec(), wit, HookName::Token).unwrap_err())
    }

    #[test]
    fn what_is_a_component_stays_as_it_is() {
        let component = b"\0asm\x0d\0\x01\0".to_vec();
        assert_eq!(of(component.clone(), Path::new("nowhere"), HookName::Token).unwrap(), component);
    }

    #[test]
    fn module_becomes_the_component_of_its_hook_or_none() {
        let wit = tempfile::tempdir().unwrap();
        assert!(refused(CORE_MODULE, &wit.path().join("none")).contains("says nothing of its types"));
        std::fs::write(wit.path().join("a.wit"), "package a:b; world plugin { export f: func(); }").unwrap();
        assert!(refused(CORE_MODULE, wit.path()).contains("does not export portcullis:token/hook"));
        let hook =
            "package portcullis:token@0.1.0; interface hook { f: func(); } world plugin { export hook; }";
        std::fs::write(wit.path().join("a.wit"), hook).unwrap();
        assert!(refused(CORE_MODULE, wit.path()).contains("the module does not become a component"));
    }
}
