//! What a new project is made of: templates per language and hook, the language's SDK, and the contract.
//!
//! All of it is in the binary, each file from its one place in the repository: `templates/hooks/<hook>` and
//! `templates/languages/<language>/{all,<hook>}` in this crate, `plugins/sdk/<language>` and `wit`.
//!
//! A new hook needs a directory of its name in `templates/hooks` and in each language that is to have it, a module in
//! [`cases`](super::cases), and for C a directory in `plugins/sdk/c/generated`, which `cargo xtask bindings` fills. An
//! interface that a hook has besides needs the same, in directories named `<hook>+<interface>`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use plugin_host::HookName;

use super::language::Language;

/// The embedded files: their paths in the repository, and what is in them.
static FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

const TEMPLATES: &str = "runtime/cli/templates";

/// The files below a directory of the repository, by their paths in it.
fn below(directory: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES
        .iter()
        .filter_map(move |(path, text)| Some((path.strip_prefix(directory)?.strip_prefix('/')?, *text)))
}

fn find(path: &str) -> &'static str {
    FILES.iter().find(|(embedded, _)| *embedded == path).map_or("", |(_, text)| text)
}

/// What a project implements: a hook, and maybe an interface that the hook has besides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) hook: HookName,
    pub(super) with: Option<String>,
}

impl Kind {
    /// As it stands in the paths of templates and bindings, e.g. `token` or `token+introspection`.
    fn parse(word: &str) -> Option<Self> {
        let (hook, with) = word.split_once('+').map_or((word, None), |(hook, with)| (hook, Some(with)));
        let hook = HookName::ALL.into_iter().find(|known| known.as_str() == hook)?;
        Some(Self { hook, with: with.map(str::to_owned) })
    }
}

impl From<HookName> for Kind {
    fn from(hook: HookName) -> Self {
        Self { hook, with: None }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hook.as_str())?;
        self.with.iter().try_for_each(|with| write!(f, "+{with}"))
    }
}

/// What the language has templates for.
pub(super) fn kinds(language: Language) -> BTreeSet<Kind> {
    let languages = format!("{TEMPLATES}/languages/{}", language.as_str());
    below(&languages).filter_map(|(path, _)| Kind::parse(path.split('/').next()?)).collect()
}

/// The files of a new project, by their paths in it.
pub(super) fn render(name: &str, language: Language, kind: &Kind) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for directory in [
        format!("{TEMPLATES}/hooks/{kind}"),
        format!("{TEMPLATES}/languages/{}/all", language.as_str()),
        format!("{TEMPLATES}/languages/{}/{kind}", language.as_str()),
    ] {
        for (path, text) in below(&directory) {
            files.insert(path.replace("dot-", "."), fill(text, name, language, kind.hook));
        }
    }
    match language {
        Language::Rust => files.extend(rust()),
        Language::C => files.extend(c(kind)),
        Language::JavaScript | Language::Python => {
            files.extend(wit(kind.hook));
            // Beside the plugin, where its tool looks for modules.
            for (path, text) in below(&format!("plugins/sdk/{}", language.as_str())) {
                files.insert(format!("src/{path}"), text.to_owned());
            }
        }
    }
    files
}

/// Fills the places of a template. The name has no character that means something in any of the languages.
fn fill(text: &str, name: &str, language: Language, hook: HookName) -> String {
    text.replace("{{name}}", name)
        .replace("{{language}}", language.as_str())
        .replace("{{hook}}", hook.as_str())
        .replace("{{limits}}", limits(language))
}

/// The limits that a language's runtime needs where the usual ones are too small.
const fn limits(language: Language) -> &'static str {
    match language {
        Language::Rust | Language::C | Language::JavaScript => "",
        Language::Python => {
            "\n# The interpreter inside wants more memory than the usual 32 MiB.\n\
             [limits]\nmemory_bytes = 134217728\n"
        }
    }
}

/// The SDK, which finds the contract inside of it rather than in the repository; the versions that it was built with;
/// and how its guests are linked.
fn rust() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (path, text) in below("plugins/sdk/rust") {
        files.insert(format!("sdk/{path}"), text.replace("../../../wit/", "wit/"));
    }
    for (path, text) in below("wit") {
        files.insert(format!("sdk/wit/{path}"), text.to_owned());
    }
    files.insert("Cargo.lock".to_owned(), find("plugins/Cargo.lock").to_owned());
    files.insert(".cargo/config.toml".to_owned(), find("plugins/.cargo/config.toml").to_owned());
    files
}

/// The SDK with the bindings of the hook, and the contract.
fn c(kind: &Kind) -> BTreeMap<String, String> {
    let mut files = wit(kind.hook);
    for (path, text) in below("plugins/sdk/c").filter(|(path, _)| !path.starts_with("generated/")) {
        files.insert(format!("sdk/{path}"), text.to_owned());
    }
    for (path, text) in below(&format!("plugins/sdk/c/generated/{kind}")) {
        files.insert(format!("sdk/{path}"), text.to_owned());
    }
    files
}

/// The package of what any plugin may say of itself.
const OF_PLUGINS: &str = "plugin";

/// The contract of one hook, laid out as every WIT tool expects: its package, and below `deps` those that it names, and
/// the one of what any plugin may say of itself.
fn wit(hook: HookName) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let own = package(hook.interface()).unwrap_or_default();
    for (path, text) in contract(&[own, OF_PLUGINS]) {
        let place = match path.split_once('/') {
            Some((package, file)) if package == own => format!("wit/{file}"),
            _ => format!("wit/deps/{path}"),
        };
        files.insert(place, text.to_owned());
    }
    files
}

/// The files of WIT packages and of those that they name, below `wit`.
fn contract(packages: &[&str]) -> Vec<(&'static str, &'static str)> {
    let mut wanted = packages.to_vec();
    let mut found = BTreeSet::new();
    while let Some(package) = wanted.pop() {
        if found.insert(package) {
            let named = below("wit").filter(|(path, _)| path.split('/').next() == Some(package));
            wanted.extend(named.flat_map(|(_, text)| text.split_whitespace().filter_map(self::package)));
        }
    }
    let is_found = |path: &str| path.split_once('/').is_some_and(|(package, _)| found.contains(package));
    below("wit").filter(|(path, _)| is_found(path)).collect()
}

/// The package of ours in a word of WIT, such as `portcullis:host/log@0.1.0;`.
fn package(word: &str) -> Option<&str> {
    word.strip_prefix("portcullis:")?.split(['/', '@', ';', '.']).next()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use serde_json::Value;

    use super::*;
    use crate::commands::plugin::manifest::{FILE, Manifest};

    fn every_project() -> Vec<(Language, Kind, BTreeMap<String, String>)> {
        let languages = Language::value_variants().iter().copied();
        languages
            .flat_map(|language| kinds(language).into_iter().map(move |kind| (language, kind)))
            .map(|(language, kind)| (language, kind.clone(), render("a-plan", language, &kind)))
            .collect()
    }

    #[test]
    fn every_language_has_a_template_for_every_hook() {
        let introspection = Kind::parse("token+introspection").unwrap();
        for language in Language::value_variants() {
            let kinds = kinds(*language);
            for kind in HookName::ALL.map(Kind::from).iter().chain([&introspection]) {
                assert!(kinds.contains(kind), "{kind} in {}", language.title());
            }
        }
    }

    #[test]
    fn every_project_is_whole_and_filled_in() {
        assert!(!every_project().is_empty());
        for (language, kind, files) in every_project() {
            let manifest: Manifest = config::read_toml(&files[FILE], FILE).unwrap();
            assert_eq!(
                (manifest.name.as_str(), manifest.language, manifest.hook),
                ("a-plan", language, kind.hook)
            );
            assert_eq!(manifest.with, BTreeSet::from_iter(kind.with));
            assert!(files["README.md"].contains("a-plan"));
            assert!(files.keys().any(|path| path.starts_with("cases/")));
            assert!(files.contains_key(".gitignore"));
            for (path, text) in &files {
                assert!(!text.is_empty() && !text.contains("{{name"), "{path}");
            }
        }
    }

    #[test]
    fn nothing_in_a_project_names_a_file_outside_of_it() {
        for (_, _, files) in every_project() {
            for (path, text) in files {
                assert!(!path.contains("..") && !text.contains("../"), "{path}");
            }
        }
    }

    #[test]
    fn contract_of_a_hook_has_what_it_names_and_what_any_plugin_may_say() {
        let files: Vec<String> = wit(HookName::Token).into_keys().collect();
        let deps = ["call", "host", "plugin"].map(|package| format!("wit/deps/{package}/{package}.wit"));
        assert_eq!(files[..3], deps);
        assert_eq!(files[3..], ["wit/token.wit"]);
    }

    #[test]
    fn project_in_rust_is_built_as_the_plugins_of_the_repository_are() {
        let ours: Value = config::read_toml(find("plugins/Cargo.toml"), "Cargo.toml").unwrap();
        let files = render("a-plan", Language::Rust, &HookName::Token.into());
        let theirs: Value = config::read_toml(&files["Cargo.toml"], "Cargo.toml").unwrap();
        for part in ["dependencies/serde", "dependencies/serde_json", "dependencies/wit-bindgen", "package"] {
            let part = format!("/workspace/{part}");
            assert!(ours.pointer(&part).is_some());
            assert_eq!(ours.pointer(&part), theirs.pointer(&part), "{part}");
        }
        assert_eq!(ours["profile"], theirs["profile"]);
        assert!(files["sdk/src/bindings.rs"].contains("wit/token"));
    }
}
