//! `portcullis plugin new`: a project that stands alone.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use plugin_host::HookName;

use super::language::Language;
use super::manifest::check_name;
use super::template::{self, Kind};
use crate::outcome::Failure;

/// Options of `plugin new`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The directory to make; there must be nothing yet
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The language to write it in
    #[arg(long, short, value_enum, default_value_t = Language::Rust)]
    language: Language,
    /// The hook that it implements
    #[arg(long, value_parser = hook_parser(), default_value = HookName::Token.as_str())]
    hook: HookName,
    /// An interface that the hook has besides, to implement too, e.g. `introspection` of `token`
    #[arg(long, value_name = "INTERFACE")]
    with: Option<String>,
    /// The plugin's name [default: the directory's]
    #[arg(long)]
    name: Option<String>,
}

/// Takes the hooks that this binary knows, and names them where another word is given.
fn hook_parser() -> impl clap::builder::TypedValueParser<Value = HookName> {
    PossibleValuesParser::new(HookName::ALL.map(HookName::as_str))
        .try_map(|word| HookName::ALL.into_iter().find(|hook| hook.as_str() == word).ok_or("not a hook"))
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let Options { directory, language, hook, with, name } = options;
    let name = match name {
        Some(name) => name.clone(),
        None => name_of(directory)?,
    };
    check_name(&name).map_err(|reason| Failure::Usage(anyhow!("{name:?}: {reason}; see --name")))?;
    let (kind, kinds) = (Kind { hook: *hook, with: with.clone() }, template::kinds(*language));
    if !kinds.contains(&kind) {
        let of_hook = kinds.iter().filter(|known| known.hook == *hook).map(|known| match &known.with {
            Some(with) => format!("with `{with}`"),
            None => "without `--with`".to_owned(),
        });
        return Err(Failure::Usage(anyhow!(
            "there is no template in {} for `{kind}`; for the hook `{}` there is one {}",
            language.title(),
            hook.as_str(),
            of_hook.collect::<Vec<_>>().join(", and one ")
        )));
    }
    write(directory, &name, *language, &kind)?;
    println!(
        "{}: a plugin in {} on the hook `{}`. Next:",
        directory.display(),
        language.title(),
        hook.as_str()
    );
    println!();
    println!("  cd {}", directory.display());
    for step in language.before_the_first_build() {
        println!("  {step}");
    }
    println!("  portcullis plugin build");
    println!("  portcullis plugin test");
    Ok(())
}

fn name_of(directory: &Path) -> Result<String, Failure> {
    let name = directory.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} has no name to take; see --name", directory.display()));
    name.map(str::to_owned).map_err(Failure::Usage)
}

/// Makes the directory, so that nothing of anybody's is ever overwritten, and the files in it.
fn write(directory: &Path, name: &str, language: Language, kind: &Kind) -> Result<(), Failure> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::Usage(anyhow!(
                "{} exists already; a project is made where there is nothing",
                directory.display()
            )));
        }
        made => made.with_context(|| directory.display().to_string())?,
    }
    for (path, text) in template::render(name, language, kind) {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        let written = fs::File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
