//! The contract as it was released: `wit/frozen/<version>`, to which `wit/` keeps (see `wit/README.md`).
//!
//! Before its release a version may change, and its copy is written anew with it (`cargo xtask freeze`). From the file
//! `RELEASED` on it stands: `cargo xtask tidy` fails for a change that would break a component that somebody has.

use anyhow::{Context as _, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};
use wit_bindgen_core::wit_parser::{PackageId, Resolve};
use wit_component::{OutputToString, WitPrinter};

use crate::workspace;

/// Marks a version that stands.
const RELEASED: &str = "RELEASED";
/// The package of what guests import, and its host offers: it may offer more.
const IMPORTED: &str = "host";
/// The packages that others name.
const NAMED: [&str; 2] = ["call", IMPORTED];

/// Writes the copies of what is not released.
pub(crate) fn write() -> anyhow::Result<()> {
    let wit = workspace::root().join("wit");
    for (package, text) in texts(&wit)? {
        let version = version(&text).with_context(|| format!("wit/{package} has no version"))?;
        let frozen = wit.join("frozen").join(version);
        if frozen.join(RELEASED).exists() {
            continue;
        }
        let directory = frozen.join(&package);
        fs::create_dir_all(&directory)?;
        let file = directory.join(format!("{package}.wit"));
        fs::write(&file, text)?;
        println!("{}", file.display());
    }
    Ok(())
}

/// What is wrong with `wit/`, by the versions that are kept beside it.
pub(crate) fn check(wit: &Path) -> anyhow::Result<Vec<String>> {
    let now = texts(wit)?;
    let (mut wrong, mut kept) = (Vec::new(), 0);
    for name in directories(&wit.join("frozen"))? {
        let directory = wit.join("frozen").join(&name);
        let then = texts(&directory)?;
        kept += then.len();
        if directory.join(RELEASED).exists() {
            wrong.extend(changes(&interfaces(&then)?, &interfaces(&now)?));
            continue;
        }
        for (package, text) in now.iter().filter(|(_, text)| version(text) == Some(&*name)) {
            if then.get(package) != Some(text) {
                wrong.push(format!("wit/frozen/{name}/{package} is not up to date; run: cargo xtask freeze"));
            }
        }
    }
    if kept == 0 {
        bail!("no version is kept in wit/frozen");
    }
    Ok(wrong)
}

/// What would break components: a package that keeps its version keeps its interfaces as they were.
fn changes(then: &Interfaces, now: &Interfaces) -> Vec<String> {
    let mut wrong = Vec::new();
    let packages: BTreeSet<&str> = now.keys().map(|name| package(name)).collect();
    // What went on to another version is another package.
    for (name, items) in then.iter().filter(|(name, _)| packages.contains(package(name))) {
        let Some(found) = now.get(name) else {
            wrong.push(format!("{name} was released and is gone"));
            continue;
        };
        for item in items.difference(found) {
            wrong.push(format!("{name} was released with: {item}"));
        }
        if !name.starts_with(&format!("portcullis:{IMPORTED}/")) {
            wrong.extend(found.difference(items).map(|item| format!("{name} was released without: {item}")));
        }
    }
    wrong
}

/// The items of each interface, by its name with its version.
type Interfaces = BTreeMap<String, BTreeSet<String>>;

/// The package's name and version in the name of an interface.
fn package(interface: &str) -> &str {
    interface.split_once(' ').map_or(interface, |(_, package)| package)
}

fn interfaces(texts: &BTreeMap<String, String>) -> anyhow::Result<Interfaces> {
    let mut resolve = Resolve::default();
    let named = NAMED.iter().filter_map(|name| texts.get_key_value(*name));
    let others = texts.iter().filter(|(name, _)| !NAMED.contains(&name.as_str()));
    let mut all = Interfaces::new();
    for (name, text) in named.chain(others) {
        let package = resolve.push_str(format!("{name}.wit"), text)?;
        all.extend(of_package(&resolve, package)?);
    }
    Ok(all)
}

fn of_package(resolve: &Resolve, id: PackageId) -> anyhow::Result<Interfaces> {
    let package = resolve.packages.get(id).context("a package")?;
    let mut all = Interfaces::new();
    for (name, interface) in &package.interfaces {
        let mut printer = WitPrinter::new(OutputToString::default());
        printer.emit_docs(false);
        printer.print_interface(resolve, *interface)?;
        let (of, version) = (&package.name, package.name.version.as_ref());
        let version = version.map(ToString::to_string).unwrap_or_default();
        let name = format!("{}:{}/{name} {}:{}@{version}", of.namespace, of.name, of.namespace, of.name);
        all.insert(name, items(&String::from(printer.output)));
    }
    Ok(all)
}

/// Its functions and types, each on one line.
fn items(text: &str) -> BTreeSet<String> {
    let (mut items, mut item, mut open) = (BTreeSet::new(), String::new(), 0_usize);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        item = if item.is_empty() { line.to_owned() } else { format!("{item} {line}") };
        open = (open + line.matches('{').count()).saturating_sub(line.matches('}').count());
        if open == 0 {
            items.insert(std::mem::take(&mut item));
        }
    }
    items
}

/// The text of each package, by its directory.
fn texts(wit: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for package in directories(wit)?.into_iter().filter(|package| package != "frozen") {
        let file: PathBuf = wit.join(&package).join(format!("{package}.wit"));
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        texts.insert(package, text);
    }
    Ok(texts)
}

/// The version in `package portcullis:token@0.1.0;`.
fn version(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|line| line.strip_prefix("package "))?;
    line.trim_end_matches(';').split_once('@').map(|(_, version)| version)
}

fn directories(place: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(place).with_context(|| place.display().to_string())?;
    let entries = entries.collect::<io::Result<Vec<_>>>()?;
    let directories = entries.into_iter().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        directories.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong when one package that was released becomes another.
    fn check_change(package: &str, [then, now]: [&str; 2], expect: &[&str]) {
        let wit = tempfile::tempdir().unwrap();
        let put = |directory: &str, text: &str| {
            let directory = wit.path().join(directory).join(package);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(format!("{package}.wit")), text).unwrap();
        };
        let head = format!("package portcullis:{package}@0.1.0; interface hook {{");
        put("frozen/0.1.0", &format!("{head} {then} }}"));
        fs::write(wit.path().join("frozen/0.1.0/RELEASED"), "").unwrap();
        put("", &if now.starts_with("package") { now.to_owned() } else { format!("{head} {now} }}") });
        let found = check(wit.path()).unwrap();
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.contains(expect), "{found}");
        }
    }

    #[test]
    fn released_package_keeps_its_records_functions_and_interfaces() {
        let f = "f: func(a: string);";
        check_change("token", [f, f], &[]);
        check_change("token", [f, "/// Says more.\n f: func(a: string);"], &[]);
        check_change(
            "token",
            [f, "f: func(a: string, b: u32);"],
            &["released with: f", "released without: f"],
        );
        check_change("token", [f, "f: func(a: string); g: func();"], &["released without: g"]);
        check_change("token", [f, ""], &["released with: f"]);
        let [then, now] = ["record a { b: u32 }", "record a { b: u32, c: u32 }"];
        check_change("token", [then, now], &["released with: record a", "released without: record a"]);
        let gone = "package portcullis:token@0.1.0; interface other {}";
        check_change("token", [f, gone], &["is gone"]);
        let next = "package portcullis:token@0.2.0; interface hook { g: func(); }";
        check_change("token", [f, next], &[]);
    }

    #[test]
    fn what_the_host_offers_may_become_more() {
        let f = "f: func(a: string);";
        check_change("host", [f, "f: func(a: string); g: func();"], &[]);
        check_change("host", [f, "g: func();"], &["released with: f"]);
        let [then, now] = ["variant a { b }", "variant a { b, c }"];
        check_change("host", [then, now], &["released with: variant a"]);
    }

    #[test]
    fn copy_of_what_is_not_released_is_up_to_date() {
        let wit = tempfile::tempdir().unwrap();
        for (directory, text) in [("frozen/0.1.0/token", "one"), ("token", "two")] {
            fs::create_dir_all(wit.path().join(directory)).unwrap();
            let text = format!("package portcullis:token@0.1.0;\n// {text}\n");
            fs::write(wit.path().join(directory).join("token.wit"), text).unwrap();
        }
        let found = check(wit.path()).unwrap();
        assert!(found.iter().any(|wrong| wrong.contains("cargo xtask freeze")), "{found:?}");
    }
}
