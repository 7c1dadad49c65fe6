//! `portcullis plugin shadow`

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::signature::SignatureOption;
use super::{ask, name, path};
use crate::commands::{Common, OfTenant, delete, read_json, show};
use crate::configuration::Place;
use crate::outcome::Failure;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Its name; without it, that of the project in this directory
    name: Option<String>,
    /// The version that is to shadow what runs; without it, the report of the one that does is shown
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
    /// Of a thousand calls, it sees so many; without it, 100
    #[arg(long, value_name = "NUMBER", requires = "version")]
    per_mille: Option<u16>,
    /// A file with what is other than of what runs, as JSON: `settings`, `grants`, `limits`, `http_origins`; `-` is
    /// standard input
    #[arg(long, value_name = "FILE", requires = "version")]
    declaration: Option<PathBuf>,
    #[command(flatten)]
    signature: SignatureOption,
    /// Ends it
    #[arg(long, conflicts_with = "version")]
    end: bool,
    #[command(flatten)]
    of: OfTenant,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let name = name(options.name.as_deref())?;
    let path_of = |rest| path(&options.of, &name, rest);
    if options.end {
        return delete(place, &path_of("/shadow"));
    }
    let shadow = match options.version {
        None => ask(place, Method::GET, &path_of("/shadow"), None)?,
        Some(version) => {
            let known = ask(place, Method::GET, &path_of(""), None)?;
            let wanted = wanted(options, version, &known)?;
            ask(place, Method::POST, &path_of("/shadow"), Some(&wanted))?
        }
    };
    tell(&options.common, &shadow);
    Ok(())
}

fn wanted(options: &Options, version: u32, known: &Value) -> Result<Value, Failure> {
    let mut wanted = match &options.declaration {
        None => Map::new(),
        Some(file) => match read_json(file)? {
            Value::Object(wanted) => wanted,
            _ => return Err(Failure::Usage(anyhow!("{} holds no JSON object", file.display()))),
        },
    };
    options.signature.put(known, version.into(), &mut wanted)?;
    wanted.insert("version".to_owned(), json!(version));
    if let Some(per_mille) = options.per_mille {
        wanted.insert("per_mille".to_owned(), json!(per_mille));
    }
    Ok(wanted.into())
}

/// The figures, then the differences.
fn tell(common: &Common, shadow: &Value) {
    if common.json {
        return show::object(true, shadow);
    }
    let find = |place: &str| shadow.pointer(place).cloned().unwrap_or_default();
    let mut figures = Map::new();
    for key in ["name", "current_version", "version", "per_mille"] {
        figures.insert(key.to_owned(), find(&format!("/{key}")));
    }
    if let Value::Object(report) = find("/report") {
        figures.extend(report.into_iter().filter(|(key, _)| key != "examples"));
    }
    show::object(false, &figures.into());
    if let Value::Array(examples) = find("/report/examples")
        && !examples.is_empty()
    {
        let columns = [("HOOK", "/hook"), ("CURRENT", "/current"), ("CANDIDATE", "/candidate")];
        show::list(false, &examples, &columns);
    }
}
