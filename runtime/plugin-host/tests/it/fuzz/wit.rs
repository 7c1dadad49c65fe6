//! The contract, read from `wit/`: which functions there are, and how their types lie in memory.

use std::path::PathBuf;

use portcullis_plugin_host::HookName;
use wit_parser::{Function, Resolve, SizeAlign, WorldId, WorldItem};

/// A world of the contract.
pub(crate) struct Contract {
    pub(crate) resolve: Resolve,
    pub(crate) sizes: SizeAlign,
    pub(crate) world: WorldId,
}

impl Contract {
    /// The world that exports one hook, with what else of it there is to export, and imports all that the host offers, if it `asks`.
    pub(crate) fn of(hook: HookName, asks: bool) -> Self {
        let wit = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let mut resolve = Resolve::default();
        let package = hook.interface().trim_start_matches("portcullis:").split('/').next().unwrap();
        for package in ["call", "host", package] {
            resolve.push_dir(wit.join(package)).unwrap();
        }
        let imports = ["log", "config", "secrets", "kv", "http", "identities", "permissions"];
        let imports =
            imports.iter().filter(|_| asks).map(|name| format!("import portcullis:host/{name}@0.1.0;"));
        let imports: String = imports.collect();
        let exports: Vec<String> = interfaces(hook).iter().map(|name| format!("export {name};")).collect();
        let exports = exports.join(" ");
        let text = format!("package fuzz:fuzz; world plugin {{ {imports} {exports} }}");
        let main = resolve.push_source("fuzz.wit", &text).unwrap();
        let world = resolve.select_world(&[main], Some("plugin")).unwrap();
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self { resolve, sizes, world }
    }

    /// Each function that the world exports, with the name of its interface.
    pub(crate) fn exported(&self) -> Vec<(String, Function)> {
        self.functions(self.resolve.worlds[self.world].exports.iter())
    }

    /// Each function that the world imports, with the name of its interface.
    pub(crate) fn imported(&self) -> Vec<(String, Function)> {
        self.functions(self.resolve.worlds[self.world].imports.iter())
    }

    fn functions<'a>(
        &self,
        items: impl Iterator<Item = (&'a wit_parser::WorldKey, &'a WorldItem)>,
    ) -> Vec<(String, Function)> {
        let mut all = Vec::new();
        for (key, item) in items {
            let WorldItem::Interface { id, .. } = item else { panic!("the contract is made of interfaces") };
            let name = self.resolve.name_world_key(key);
            let functions = self.resolve.interfaces[*id].functions.values();
            all.extend(functions.map(|function| (name.clone(), function.clone())));
        }
        all
    }
}

/// What a component of a hook may export: the hook, and the interfaces that it has besides.
fn interfaces(hook: HookName) -> Vec<&'static str> {
    match hook {
        HookName::Token => vec![hook.interface(), "portcullis:token/introspection@0.1.0"],
        _ => vec![hook.interface()],
    }
}
