//! The bindings of the SDKs that are generated and committed: `plugins/sdk/c/generated`, from `wit/`.
//!
//! They are committed, so that neither the binary nor whoever writes a plugin carries a generator; a test here says
//! when they no longer are what the WIT says.

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};
use wit_bindgen_core::{Files, wit_parser::Resolve};

use crate::workspace;

/// The world of every hook's package; also the name of what is generated.
const WORLD: &str = "plugin";

/// Writes them.
pub(crate) fn write() -> anyhow::Result<()> {
    workspace::write_generated(generate(&workspace::root())?)
}

/// The files by their paths in the repository, for every hook that the SDK has a directory of.
fn generate(root: &Path) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let generated = Path::new("plugins/sdk/c/generated");
    let mut files = BTreeMap::new();
    for hook in directories(&root.join(generated))? {
        for (name, text) in of_hook(root, &hook).with_context(|| format!("hook {hook}"))? {
            files.insert(generated.join(&hook).join(name), text);
        }
    }
    Ok(files)
}

/// Of a hook, or of `<hook>+<interface>`: of one that has that interface besides.
fn of_hook(root: &Path, hook: &str) -> anyhow::Result<Vec<(String, String)>> {
    let (hook, with) = hook.split_once('+').map_or((hook, None), |(hook, with)| (hook, Some(with)));
    let mut resolve = Resolve::default();
    // What hooks name comes first.
    resolve.push_dir(root.join("wit/call"))?;
    resolve.push_dir(root.join("wit/host"))?;
    resolve.push_dir(root.join("wit").join(hook))?;
    // With every capability: a build links what is called, and the component imports that alone.
    let with = with.map(|with| format!("export portcullis:{hook}/{with}@0.1.0;")).unwrap_or_default();
    let all = format!(
        "package portcullis:sdk; world {WORLD} {{ \
         include portcullis:{hook}/{WORLD}@0.1.0; include portcullis:host/guest@0.1.0; {with} }}"
    );
    let package = resolve.push_str("sdk.wit", &all)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    // The types are put into the module by `portcullis plugin build`, from the WIT itself.
    let options = wit_bindgen_c::Opts { no_object_file: true, ..wit_bindgen_c::Opts::default() };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let text = |bytes: &[u8]| -> anyhow::Result<String> { Ok(without_object(std::str::from_utf8(bytes)?)) };
    files.iter().map(|(name, bytes)| Ok((name.to_owned(), text(bytes)?))).collect()
}

/// Without the end of a file that asks the linker for the object with the types, which there is none of.
fn without_object(text: &str) -> String {
    let end = text.find("\n// Ensure that the *_component_type.o object is linked in").unwrap_or(text.len());
    text.get(..end).unwrap_or(text).to_owned()
}

fn directories(place: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(place).with_context(|| place.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_bindings_are_what_the_wit_says() {
        let root = workspace::root();
        let generated = generate(&root).unwrap();
        assert!(generated.contains_key(Path::new("plugins/sdk/c/generated/token/plugin.h")));
        for (path, text) in generated {
            let committed = fs::read_to_string(root.join(&path)).unwrap_or_default();
            assert!(committed == text, "{} is not up to date; run: cargo xtask bindings", path.display());
        }
    }
}
