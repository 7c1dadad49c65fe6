//! The reference for plugin authors: `plugins/reference`, a page for each hook, from the comments of `wit/`, the limits
//! of the code and the templates of `portcullis plugin new`, which `cargo xtask plugins` builds and tests.
//!
//! The pages are committed; a test here says when they no longer are what they come from.

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tenancy::plugin::{HookName, Limits};
use wit_bindgen_core::wit_parser::{
    Docs, Function, Interface, PackageId, Resolve, Type, TypeDef, TypeDefKind, TypeOwner,
};

use crate::workspace;

/// Where the pages are, from the root.
const PAGES: &str = "plugins/reference";
/// The page of what hooks share.
const SHARED: &str = "call";

/// Writes the pages.
pub(crate) fn write() -> anyhow::Result<()> {
    workspace::write_generated(generate(&workspace::root())?)
}

/// The pages by their paths in the repository.
fn generate(root: &Path) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut resolve = Resolve::default();
    let push = |resolve: &mut Resolve, name: &str| -> anyhow::Result<PackageId> {
        Ok(resolve.push_dir(root.join("wit").join(name))?.0)
    };
    let shared = push(&mut resolve, SHARED)?;
    push(&mut resolve, "host")?;
    let mut pages = BTreeMap::from([(page(SHARED), shared_page(&resolve, shared)?)]);
    for hook in HookName::ALL {
        let package = push(&mut resolve, hook.as_str())?;
        let text = hook_page(root, &resolve, package, hook).with_context(|| hook.as_str())?;
        pages.insert(page(hook.as_str()), text);
    }
    Ok(pages)
}

fn page(name: &str) -> PathBuf {
    Path::new(PAGES).join(format!("{name}.md"))
}

const GENERATED: &str = "<!-- Written by `cargo xtask reference`; do not edit. -->\n";

fn shared_page(resolve: &Resolve, package: PackageId) -> anyhow::Result<String> {
    let package = resolve.packages.get(package).context("a package")?;
    let mut text = format!("{GENERATED}# What the hooks share\n\n{}\n", docs(&package.docs));
    for id in package.interfaces.values() {
        let interface = resolve.interfaces.get(*id).context("an interface")?;
        types(&mut text, resolve, interface)?;
    }
    Ok(text)
}

fn hook_page(root: &Path, resolve: &Resolve, package: PackageId, hook: HookName) -> anyhow::Result<String> {
    let package = resolve.packages.get(package).context("a package")?;
    let mut text = format!("{GENERATED}# The hook `{}`\n\n{}\n\n", hook.as_str(), docs(&package.docs));
    limits(&mut text, hook);
    for (name, id) in &package.interfaces {
        let interface = resolve.interfaces.get(*id).context("an interface")?;
        let version = package.name.version.as_ref().context("a version")?;
        let named = format!("portcullis:{}/{name}@{version}", package.name.name);
        let _ = writeln!(text, "## `{named}`\n\n{}\n", docs(&interface.docs));
        for function in interface.functions.values() {
            let _ = writeln!(text, "### `{}`\n", function.name);
            let _ = writeln!(
                text,
                "```wit\n{}\n```\n\n{}\n",
                signature(resolve, function)?,
                docs(&function.docs)
            );
        }
        types(&mut text, resolve, interface)?;
    }
    examples(&mut text, root, hook)?;
    Ok(text)
}

/// What a call may use where the operator does not say.
fn limits(text: &mut String, hook: HookName) {
    let Limits { cpu_ms, memory_bytes, output_bytes, host_calls, http_calls, .. } = Limits::default();
    let _ = writeln!(
        text,
        "## Limits\n\nUnless the operator says otherwise, a call has {wall} ms, of which {cpu_ms} ms on the CPU, \
         {memory} MiB of memory, an answer of {output} KiB, {host_calls} calls of the host and {http_calls} HTTP \
         requests. A call that exceeds one ends, and the failure policy below applies. See \
         [what a plugin can rely on](../README.md#what-a-plugin-can-rely-on).\n",
        wall = hook.usual_wall_ms(),
        memory = memory_bytes >> 20,
        output = output_bytes >> 10,
    );
}

fn types(text: &mut String, resolve: &Resolve, interface: &Interface) -> anyhow::Result<()> {
    for (name, id) in &interface.types {
        let ty = resolve.types.get(*id).context("a type")?;
        // What is another package's stands on the page of that.
        if matches!(ty.kind, TypeDefKind::Type(_)) {
            continue;
        }
        let _ = writeln!(text, "### `{name}`\n\n{}\n", docs(&ty.docs));
        let rows = rows(resolve, ty)?;
        let has_types = rows.iter().any(|(_, ty, _)| !ty.is_empty());
        text.push_str(if has_types { "| | type | |\n|---|---|---|\n" } else { "| | |\n|---|---|\n" });
        for (name, ty, docs) in rows {
            let docs = docs.replace('\n', " ").replace('|', "\\|");
            let ty = if has_types { format!(" {ty} |") } else { String::new() };
            let _ = writeln!(text, "| `{name}` |{ty} {docs} |");
        }
        text.push('\n');
    }
    Ok(())
}

/// Fields or cases: the name, the type, the words.
fn rows(resolve: &Resolve, ty: &TypeDef) -> anyhow::Result<Vec<(String, String, String)>> {
    let row = |name: &str, ty: Option<&Type>, of: &Docs| -> anyhow::Result<_> {
        let ty = ty.map_or_else(|| Ok(String::new()), |ty| linked(resolve, ty))?;
        Ok((name.to_owned(), ty, docs(of)))
    };
    match &ty.kind {
        TypeDefKind::Record(of) => {
            of.fields.iter().map(|field| row(&field.name, Some(&field.ty), &field.docs)).collect()
        }
        TypeDefKind::Variant(of) => {
            of.cases.iter().map(|case| row(&case.name, case.ty.as_ref(), &case.docs)).collect()
        }
        TypeDefKind::Enum(of) => of.cases.iter().map(|case| row(&case.name, None, &case.docs)).collect(),
        other => anyhow::bail!("the reference has no words for a {}", other.as_str()),
    }
}

fn signature(resolve: &Resolve, function: &Function) -> anyhow::Result<String> {
    let parameters = function.params.iter().map(|of| Ok(format!("{}: {}", of.name, name(resolve, &of.ty)?)));
    let parameters = parameters.collect::<anyhow::Result<Vec<_>>>()?.join(", ");
    let result = function.result.as_ref().context("a result")?;
    Ok(format!("{}: func({parameters}) -> {};", function.name, name(resolve, result)?))
}

/// A type, with a link to the page of the hooks' own types where it is one of those.
fn linked(resolve: &Resolve, ty: &Type) -> anyhow::Result<String> {
    let written = format!("`{}`", name(resolve, ty)?);
    let Type::Id(id) = ty else { return Ok(written) };
    let ty = resolve.types.get(*id).context("a type")?;
    let Some(named) = &ty.name else { return Ok(written) };
    let page = if is_shared(resolve, ty)? { format!("{SHARED}.md") } else { String::new() };
    Ok(format!("[{written}]({page}#{named})"))
}

fn is_shared(resolve: &Resolve, ty: &TypeDef) -> anyhow::Result<bool> {
    // A name that is taken from another interface leads to the type there.
    if let TypeDefKind::Type(Type::Id(id)) = &ty.kind {
        return is_shared(resolve, resolve.types.get(*id).context("a type")?);
    }
    let TypeOwner::Interface(id) = ty.owner else { return Ok(false) };
    let interface = resolve.interfaces.get(id).context("an interface")?;
    let package = interface.package.and_then(|id| resolve.packages.get(id)).context("a package")?;
    Ok(package.name.name == SHARED)
}

fn name(resolve: &Resolve, ty: &Type) -> anyhow::Result<String> {
    let Type::Id(id) = ty else {
        return Ok(match ty {
            Type::String => "string".to_owned(),
            Type::Bool => "bool".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        });
    };
    let ty = resolve.types.get(*id).context("a type")?;
    if let Some(name) = &ty.name {
        return Ok(name.clone());
    }
    Ok(match &ty.kind {
        TypeDefKind::List(of) => format!("list<{}>", name(resolve, of)?),
        TypeDefKind::Option(of) => format!("option<{}>", name(resolve, of)?),
        TypeDefKind::Tuple(of) => {
            let types = of.types.iter().map(|ty| name(resolve, ty)).collect::<anyhow::Result<Vec<_>>>()?;
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Result(of) => {
            let part = |ty: &Option<Type>| ty.as_ref().map_or(Ok("_".to_owned()), |ty| name(resolve, ty));
            format!("result<{}, {}>", part(&of.ok)?, part(&of.err)?)
        }
        other => anyhow::bail!("the reference has no name for a {}", other.as_str()),
    })
}

/// The templates of `portcullis plugin new`, as they are: of the hook, and of it with what else it has.
fn examples(text: &mut String, root: &Path, hook: HookName) -> anyhow::Result<()> {
    text.push_str("## Examples\n\nWhat `portcullis plugin new` begins with. CI builds and tests it as it stands here.\n");
    let templates = root.join("runtime/cli/templates");
    example(text, &templates, hook.as_str(), "")?;
    let begin = format!("{}+", hook.as_str());
    for directory in sorted(&templates.join("hooks"))? {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(with) = name.strip_prefix(&begin) {
            example(text, &templates, hook.as_str(), with)?;
        }
    }
    Ok(())
}

/// One kind of project, in two languages, with its cases.
fn example(text: &mut String, templates: &Path, hook: &str, with: &str) -> anyhow::Result<()> {
    let (kind, options, title) = if with.is_empty() {
        (hook.to_owned(), format!("--hook {hook}"), String::new())
    } else {
        (format!("{hook}+{with}"), format!("--hook {hook} --with {with}"), format!(", with `{with}`"))
    };
    for (language_title, language, file) in
        [("Rust", "rust", "src/lib.rs"), ("JavaScript", "javascript", "src/plugin.js")]
    {
        let path = templates.join("languages").join(language).join(&kind).join(file);
        let code = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let _ = writeln!(
            text,
            "\n### {language_title}{title}\n\n`portcullis plugin new --language {language} {options}`: `{file}`\n"
        );
        let _ = writeln!(text, "```{language}\n{}\n```", code.trim_end());
    }
    let _ = writeln!(
        text,
        "\n### Its cases{title}\n\nThe same for all languages; `portcullis plugin test` runs them."
    );
    for file in sorted(&templates.join("hooks").join(&kind).join("cases"))? {
        let _ = writeln!(text, "\n```toml\n{}\n```", fs::read_to_string(&file)?.trim_end());
    }
    Ok(())
}

/// What is in a directory, by name.
fn sorted(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn docs(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_pages_are_what_they_come_from() {
        let root = workspace::root();
        let generated = generate(&root).unwrap();
        assert_eq!(generated.len(), HookName::ALL.len() + 1);
        for (path, text) in &generated {
            let committed = fs::read_to_string(root.join(path)).unwrap_or_default();
            assert!(committed == *text, "{} is not up to date; run: cargo xtask reference", path.display());
        }
        let pages = fs::read_dir(root.join(PAGES)).unwrap().count();
        assert_eq!(pages, generated.len(), "a page of a hook that there is not");
    }

    #[test]
    fn every_field_and_case_has_words() {
        for (path, text) in generate(&workspace::root()).unwrap() {
            let bare: Vec<&str> =
                text.lines().filter(|line| line.starts_with("| `") && line.ends_with("|  |")).collect();
            assert_eq!(bare, [""; 0], "{}", path.display());
        }
    }
}
