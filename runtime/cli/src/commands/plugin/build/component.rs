//! From a core module to a component.
//!
//! Some tool chains end with a core module: clang, or Rust for `wasm32-unknown-unknown`. Its imports and exports are
//! those of the canonical ABI already; what is missing is the component around it, with the types of the WIT. The
//! types come from the module where the bindings put them there, and from the project's [`world`] otherwise.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};
use wit_parser::{Resolve, WorldId};

use super::world;
use crate::commands::plugin::manifest::Project;

/// How a core module begins; a component has another version.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Returns the component: what the tool chain made, or what is made around it where that is a core module.
pub(super) fn of(made: Vec<u8>, project: &Project) -> anyhow::Result<Vec<u8>> {
    if !made.starts_with(CORE_MODULE) {
        return Ok(made);
    }
    let mut module = made;
    let (with_types, _) = metadata::decode(&module).context("the types in the module")?;
    if with_types.is_none() {
        embed_types(&mut module, project).context("the types of the module")?;
    }
    let mut encoder = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .context("the module does not become a component")?;
    encoder.encode().context("the module does not become a component")
}

/// Puts the types of the project's world into the module. The component imports what the module uses of it.
fn embed_types(module: &mut Vec<u8>, project: &Project) -> anyhow::Result<()> {
    let (resolve, package) = world::parse(&world::write(project)?)?;
    let world = resolve.select_world(&[package], Some(world::GRANTED))?;
    check_exports(module, &resolve, world)?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}

/// Refuses a module that implements what its world does not export: the component would come without it, and nobody would
/// notice that, say, its settings are not checked.
fn check_exports(module: &[u8], resolve: &Resolve, world: WorldId) -> anyhow::Result<()> {
    let world = resolve.worlds.get(world).context("a world")?;
    let known: BTreeSet<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ExportSection(exports) = payload? else { continue };
        for export in exports {
            // A function of an interface; what else there is belongs to the canonical ABI.
            let Some((interface, _)) = export?.name.split_once('#') else { continue };
            ensure!(
                known.contains(interface) || interface.starts_with("cabi_"),
                "the module implements {interface}, which neither `hook` nor `with` of its manifest names"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn project(directory: &Path) -> Project {
        let manifest = "name = \"plan\"\nlanguage = \"c\"\nhook = \"token\"";
        fs::write(directory.join("portcullis-plugin.toml"), manifest).unwrap();
        Project::open(directory).unwrap()
    }

    #[test]
    fn what_is_a_component_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let component = b"\0asm\x0d\0\x01\0".to_vec();
        assert_eq!(of(component.clone(), &project(place.path())).unwrap(), component);
    }

    #[test]
    fn module_becomes_the_component_of_its_hook_or_none() {
        let place = tempfile::tempdir().unwrap();
        let project = project(place.path());
        let refused = || format!("{:#}", of(CORE_MODULE.to_vec(), &project).unwrap_err());
        assert!(
            refused().contains("the types of the module: the contract of the plugin, in"),
            "{}",
            refused()
        );
        let wit = place.path().join("wit");
        fs::create_dir(&wit).unwrap();
        fs::write(wit.join("a.wit"), "package a:b; world plugin { export c; } interface c { f: func(); }")
            .unwrap();
        assert!(refused().contains("does not export portcullis:token/hook"), "{}", refused());
        let hook =
            "package portcullis:token@0.1.0; interface hook { f: func(); } world plugin { export hook; }";
        fs::write(wit.join("a.wit"), hook).unwrap();
        assert!(refused().contains("the module does not become a component"), "{}", refused());
    }

    /// A module that exports a function of no parameters under this name.
    fn exporting(name: &str) -> Vec<u8> {
        let length = |bytes: usize| u8::try_from(bytes).unwrap();
        let mut module = CORE_MODULE.to_vec();
        module.extend([1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]);
        module.extend([7, length(name.len() + 4), 1, length(name.len())]);
        module.extend(name.as_bytes());
        module.extend([0, 0, 10, 4, 1, 2, 0, 0x0b]);
        module
    }

    #[test]
    fn what_a_module_implements_is_in_its_manifest() {
        let place = tempfile::tempdir().unwrap();
        let project = project(place.path());
        let wit = place.path().join("wit");
        fs::create_dir(&wit).unwrap();
        let hook =
            "package portcullis:token@0.1.0; interface hook { f: func(); } world plugin { export hook; }";
        fs::write(wit.join("a.wit"), hook).unwrap();
        for (name, expect) in [
            ("portcullis:token/hook@0.1.0#f", true),
            ("cabi_post_portcullis:token/hook@0.1.0#f", true),
            ("memory_of_its_own", true),
            ("portcullis:plugin/settings@0.1.0#check", false),
            ("portcullis:token/introspection@0.1.0#shape-introspection", false),
        ] {
            let made = embed_types(&mut exporting(name), &project).map_err(|error| format!("{error:#}"));
            let is_told =
                |words: &String| name.starts_with(words.split([' ', ',']).nth(3).unwrap_or("nothing"));
            assert_eq!(made.is_ok(), expect, "{name}: {made:?}");
            assert!(made.as_ref().err().is_none_or(is_told), "{name}: {made:?}");
        }
    }
}
