//! The world of a project: what it exports, and as imports what its manifest grants.
//!
//! The contract's own worlds import `log` and `config` alone, and tools write what a world imports into the component. So
//! a build takes the project's `wit` directory, and puts a world of its own beside the one that is there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use wit_parser::{PackageId, PackageName, Resolve, WorldItem, WorldKey};

use crate::commands::plugin::manifest::{Manifest, Project};

/// The world that the project has, as every hook's package does.
const WRITTEN: &str = "plugin";
/// The world that a build adds.
pub(super) const GRANTED: &str = "granted";
/// Where a project has the contract, and where a build puts it with its world.
const CONTRACT: &str = "wit";
pub(super) const WITH_WORLD: &str = "build/wit";
/// The package of what the host offers, in names of interfaces.
const HOST: &str = "portcullis:host/";

/// Writes the contract of a project with its world, and says where.
pub(super) fn write(project: &Project) -> anyhow::Result<PathBuf> {
    let manifest = &project.manifest;
    let (contract, place) = (project.path(CONTRACT), project.path(WITH_WORLD));
    let world = world(&contract, manifest)?;
    if place.exists() {
        // A build made it; a file that left the contract since must leave it too.
        fs::remove_dir_all(&place).with_context(|| place.display().to_string())?;
    }
    copy(&contract, &place)?;
    let file = place.join(format!("{GRANTED}.wit"));
    fs::write(&file, world).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(place)
}

/// The text of the world, of the package that is there.
fn world(contract: &Path, manifest: &Manifest) -> anyhow::Result<String> {
    let Manifest { hook, grants, .. } = manifest;
    let (resolve, package) = parse(contract)?;
    let written = resolve.select_world(&[package], Some(WRITTEN))?;
    let written = resolve.worlds.get(written).context("a world")?;
    let exports = written.exports.iter().map(|item| interface(&resolve, item));
    let mut exports = exports.collect::<anyhow::Result<BTreeSet<_>>>()?;
    ensure!(
        exports.contains(hook.interface()),
        "the world in {} does not export {}",
        contract.display(),
        hook.interface()
    );
    let imports = written.imports.iter().map(|item| interface(&resolve, item));
    let mut imports = imports.collect::<anyhow::Result<BTreeSet<_>>>()?;
    imports.retain(|name| !name.starts_with(HOST));
    imports.extend(grants.iter().filter_map(|grant| grant.interface()).map(str::to_owned));
    let package = &resolve.packages.get(package).context("a package")?.name;
    let known: BTreeSet<String> = resolve.interfaces.iter().filter_map(|(id, _)| resolve.id_of(id)).collect();
    for (word, interface) in manifest.besides() {
        ensure!(
            known.contains(&interface),
            "there is no {interface} in {}: `{word}` in `with` of the manifest",
            contract.display()
        );
        exports.insert(interface);
    }
    let mut text = format!("package {package};\n\nworld {GRANTED} {{\n");
    for (word, names) in [("import", imports), ("export", exports)] {
        for name in names {
            let _ = writeln!(text, "    {word} {};", within(package, &name));
        }
    }
    text.push_str("}\n");
    Ok(text)
}

/// The contract that a directory has.
pub(super) fn parse(contract: &Path) -> anyhow::Result<(Resolve, PackageId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(contract)
        .with_context(|| format!("the contract of the plugin, in {}", contract.display()))?;
    Ok((resolve, package))
}

/// The name of an interface in a world.
fn interface(resolve: &Resolve, (key, item): (&WorldKey, &WorldItem)) -> anyhow::Result<String> {
    match (key, item) {
        (WorldKey::Interface(_), WorldItem::Interface { .. }) => Ok(resolve.name_world_key(key)),
        _ => bail!("`{}` in the world is no interface of a package", resolve.name_world_key(key)),
    }
}

/// The name of an interface as its own package writes it, and as another does.
fn within<'a>(package: &PackageName, name: &'a str) -> &'a str {
    let of_package = name.strip_prefix(&format!("{}:{}/", package.namespace, package.name));
    of_package.and_then(|own| own.split('@').next()).unwrap_or(name)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry.with_context(|| from.display().to_string())?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use plugin_host::HookName;

    use super::*;
    use crate::commands::plugin::language::Language;
    use crate::commands::plugin::template;

    /// The contract of a new project.
    fn contract(hook: HookName) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for (path, text) in template::render("plan", Language::C, &hook.into()) {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        place
    }

    fn manifest(hook: HookName, grants: &[&str], with: &[&str]) -> Manifest {
        let manifest = serde_json::json!({
            "name": "plan", "language": "c", "hook": hook.as_str(), "grants": grants, "with": with,
        });
        serde_json::from_value(manifest).unwrap()
    }

    /// What of the host the world of a project with these grants imports.
    fn check(hook: HookName, names: &[&str], expect: &[&str]) {
        let place = contract(hook);
        let text = world(&place.path().join(CONTRACT), &manifest(hook, names, &[])).unwrap();
        let imported = |line: &str| {
            let name = line.trim().strip_prefix("import portcullis:host/")?;
            name.strip_suffix("@0.1.0;").map(str::to_owned)
        };
        let imports: Vec<String> = text.lines().filter_map(imported).collect();
        assert_eq!(imports, expect, "{text}");
        assert!(text.ends_with("    export hook;\n}\n"), "{text}");
    }

    #[test]
    fn world_imports_what_is_granted_and_nothing_else() {
        check(HookName::Token, &[], &[]);
        check(HookName::Token, &["log"], &["log"]);
        check(HookName::Login, &["log", "config", "kv"], &["config", "kv", "log"]);
        check(HookName::Event, &["http", "secrets"], &["http", "secrets"]);
        // A grant that is about answers: there is nothing to import.
        check(HookName::Token, &["config", "groups"], &["config"]);
    }

    #[test]
    fn world_that_is_written_is_one_that_tools_read() {
        for hook in HookName::ALL {
            let place = contract(hook);
            let all = ["log", "config", "secrets", "kv", "http", "identities", "permissions"];
            let directory = place.path().join(CONTRACT);
            let text = world(&directory, &manifest(hook, &all, &[])).unwrap();
            fs::write(directory.join("granted.wit"), text).unwrap();
            let (resolve, package) = parse(&directory).unwrap();
            let world = resolve.select_world(&[package], Some(GRANTED)).unwrap();
            let named = |keys: Vec<&WorldKey>| -> Vec<String> {
                keys.into_iter().map(|key| resolve.name_world_key(key)).collect()
            };
            let imports = named(resolve.worlds[world].imports.keys().collect());
            for name in all {
                let name = format!("portcullis:host/{name}@0.1.0");
                assert!(imports.contains(&name), "{hook:?} lacks {name}");
            }
            assert_eq!(named(resolve.worlds[world].exports.keys().collect()), [hook.interface()]);
        }
    }

    #[test]
    fn contract_of_another_hook_is_refused() {
        let place = contract(HookName::Token);
        let refused = manifest(HookName::Login, &[], &[]);
        let refused = world(&place.path().join(CONTRACT), &refused).unwrap_err();
        assert!(format!("{refused:#}").contains("does not export portcullis:login/hook"), "{refused:#}");
    }

    #[test]
    fn world_exports_what_else_of_the_hook_the_manifest_names() {
        let place = contract(HookName::Token);
        let of = |with| world(&place.path().join(CONTRACT), &manifest(HookName::Token, &[], with));
        let text = of(&["introspection"]).unwrap();
        assert!(text.ends_with("    export hook;\n    export introspection;\n}\n"), "{text}");
        let refused = of(&["nothing"]).unwrap_err();
        assert!(
            format!("{refused:#}").contains("there is no portcullis:token/nothing@0.1.0 in "),
            "{refused:#}"
        );
    }

    #[test]
    fn every_hook_may_come_with_a_check_of_settings() {
        for hook in HookName::ALL {
            let place = contract(hook);
            let directory = place.path().join(CONTRACT);
            let text = world(&directory, &manifest(hook, &[], &["settings"])).unwrap();
            assert!(text.contains("    export portcullis:plugin/settings@0.1.0;\n"), "{text}");
            fs::write(directory.join("granted.wit"), text).unwrap();
            let (resolve, package) = parse(&directory).unwrap();
            let world = resolve.select_world(&[package], Some(GRANTED)).unwrap();
            assert_eq!(resolve.worlds[world].exports.len(), 2);
        }
    }
}
