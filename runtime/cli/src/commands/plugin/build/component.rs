//! From a core module to a component.
//!
//! Some tool chains end with a core module: clang, or Rust for `wasm32-unknown-unknown`. Its imports and exports are
//! those of the canonical ABI already; what is missing is the component around it, with the types of the WIT. The
//! types come from the module where the bindings put them there, and from the project's [`world`] otherwise.

use anyhow::Context as _;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};

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
        embed_types(&mut module, project).context("the module says nothing of its types")?;
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
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
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
            refused().contains("says nothing of its types: the contract of the plugin, in"),
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
}
