//! The cases of a project: what a plugin is asked, and what it must answer.
//!
//! They are TOML or JSON files in `cases`, with the names of the hook's WIT. [`HookCases`] is what differs from hook
//! to hook; each hook is a module here.

mod account;
mod call;
mod claim_mapper;
mod credential_import;
mod event;
mod exchange;
mod expect;
mod identity_schema;
mod login;
mod message;
mod person;
mod policy;
mod registration;
mod token;
mod transform;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use futures_util::future::LocalBoxFuture;
use plugin_host::{HookName, PluginHost};
use primitives::Secret;
use primitives::hooks::{HookContext, HookFailure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::call::Call;
pub(super) use self::exchange::{Exchange, Sent, differences as http_differences};
pub(super) use self::expect::{Expect, FailureName, Outcome};
use super::manifest::Project;
use crate::outcome::Failure;

/// What cases need to know of a hook.
pub(super) trait HookCases {
    /// Its functions, by their names in the WIT.
    type Function: DeserializeOwned + Copy + Sync;
    /// What it is asked, besides the call context.
    type Request: DeserializeOwned + Default + Send + Sync;
    /// What it answers.
    type Answer: DeserializeOwned + Serialize;

    /// Asks the host, as a room would.
    async fn ask(
        host: &PluginHost,
        function: Self::Function,
        context: &HookContext,
        request: &Self::Request,
    ) -> Result<Self::Answer, HookFailure>;
}

/// One case, ready to be asked.
pub(super) struct Case {
    /// The file that it stands in.
    pub(super) file: PathBuf,
    pub(super) name: String,
    /// The settings of this case, instead of the manifest's.
    pub(super) settings: Option<Map<String, Value>>,
    pub(super) call: Call,
    /// The plugin's secrets, by their names.
    pub(super) secrets: BTreeMap<String, Secret<String>>,
    /// What the plugin keeps already.
    pub(super) kept: BTreeMap<String, String>,
    /// What it sends, and what comes back.
    pub(super) http: Vec<Exchange>,
    pub(super) expect: Expect<Value>,
    /// Asks the hook.
    pub(super) ask: Box<Ask>,
}

/// Asks a hook one question, as often as it is called; the answer is in the names of the WIT.
type Ask =
    dyn for<'a> Fn(&'a PluginHost, &'a HookContext) -> LocalBoxFuture<'a, Result<Value, HookFailure>> + Sync;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
struct File<H: HookCases> {
    case: Vec<Written<H>>,
}

/// A case as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
struct Written<H: HookCases> {
    name: String,
    function: H::Function,
    settings: Option<Map<String, Value>>,
    #[serde(default)]
    secrets: BTreeMap<String, Secret<String>>,
    #[serde(default)]
    kv: BTreeMap<String, String>,
    #[serde(default)]
    http: Vec<Exchange>,
    #[serde(default)]
    call: Call,
    #[serde(default)]
    request: H::Request,
    expect: Expect<H::Answer>,
}

/// Reads every case of a project whose name contains `only`.
pub(super) fn read(project: &Project, only: Option<&str>) -> Result<Vec<Case>, Failure> {
    let directory = project.path("cases");
    let mut cases = Vec::new();
    for file in files(&directory)? {
        cases.extend(match project.manifest.hook {
            HookName::Token => read_file::<token::Token>(&file)?,
            HookName::Login => read_file::<login::Login>(&file)?,
            HookName::Policy => read_file::<policy::Policy>(&file)?,
            HookName::ClaimMapper => read_file::<claim_mapper::ClaimMapper>(&file)?,
            HookName::Transform => read_file::<transform::Transform>(&file)?,
            HookName::Message => read_file::<message::Message>(&file)?,
            HookName::Registration => read_file::<registration::Registration>(&file)?,
            HookName::IdentitySchema => read_file::<identity_schema::IdentitySchema>(&file)?,
            HookName::Account => read_file::<account::Account>(&file)?,
            HookName::Event => read_file::<event::Event>(&file)?,
            HookName::CredentialImport => read_file::<credential_import::CredentialImport>(&file)?,
        });
    }
    if let Some(only) = only {
        cases.retain(|case| case.name.contains(only));
        if cases.is_empty() {
            return Err(Failure::Usage(anyhow!("no case has {only:?} in its name")));
        }
    }
    Ok(cases)
}

/// The files of cases, by name. What is no such file is refused rather than passed over.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(directory).with_context(|| format!("no cases: {}", directory.display()))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| directory.display().to_string())?;
    files.retain(|file| !file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    files.sort();
    if files.is_empty() {
        return Err(Failure::Usage(anyhow!("there are no cases in {}", directory.display())));
    }
    Ok(files)
}

fn read_file<H: HookCases + 'static>(path: &Path) -> Result<Vec<Case>, Failure> {
    let read = || fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let name = path.display().to_string();
    let file: File<H> = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => config::read_toml(&read()?, &name)?,
        Some("json") => config::read_json(&read()?, &name)?,
        _ => return Err(Failure::Usage(anyhow!("{name}: cases are in files that end in .toml or .json"))),
    };
    if file.case.is_empty() {
        return Err(Failure::Usage(anyhow!("{name}: there is no case in it")));
    }
    let cases = file.case.into_iter().map(|written| {
        let Written { name, function, settings, secrets, kv, http, call, request, expect } = written;
        let request = std::sync::Arc::new(request);
        let ask: Box<Ask> = Box::new(move |host, context| {
            let request = std::sync::Arc::clone(&request);
            Box::pin(async move {
                let answer = H::ask(host, function, context, &request).await?;
                Ok(in_the_names_of_the_wit(&answer))
            })
        });
        let expect = expect.map(|answer| in_the_names_of_the_wit(&answer));
        Case { file: path.to_owned(), name, settings, secrets, kept: kv, http, call, expect, ask }
    });
    Ok(cases.collect())
}

/// An answer as JSON. Answers have text keys and nothing else that JSON lacks.
fn in_the_names_of_the_wit(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).unwrap_or_default()
}
