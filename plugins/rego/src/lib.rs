//! Decides the hook `policy` by policies in [Rego](https://www.openpolicyagent.org/docs/policy-language), which are in
//! its settings. Modules that do not parse are refused when they are given.
//!
//! An instance parses its settings at its first call and serves the next ones with what it parsed: the host gives an
//! instance to one plugin with one declaration, so that they are the same settings.

mod input;
mod verdict;

use std::cell::RefCell;
use std::collections::BTreeMap;

use portcullis_plugin::policy::{CallContext, Decision, Hook, HookError, PolicyRequest};
use portcullis_plugin::settings::Settings;
use portcullis_plugin::{config, log};
use regorus::Engine;
use serde_json::Value;

/// The rule that is asked unless the settings name another.
const QUERY: &str = "data.portcullis.allow";

struct Rego;

/// What the settings say.
struct Prepared {
    engine: Engine,
    query: String,
}

thread_local! {
    static PREPARED: RefCell<Option<Prepared>> = const { RefCell::new(None) };
}

impl Hook for Rego {
    fn decide(call: CallContext, request: PolicyRequest) -> Result<Decision, HookError> {
        // Taken out: after an error the next call begins anew.
        let mut prepared = match PREPARED.take() {
            Some(prepared) => prepared,
            None => Prepared::from_settings()?,
        };
        let decision = prepared.decide(&call, &request)?;
        PREPARED.set(Some(prepared));
        Ok(decision)
    }
}

impl Settings for Rego {
    fn check() -> Result<(), HookError> {
        Prepared::from_settings().map(drop)
    }
}

impl Prepared {
    /// Reads the settings. What is wrong with a module is told with its place.
    fn from_settings() -> Result<Self, HookError> {
        let mut engine = Engine::new();
        // A function that fails is no answer. Undefined, as it is by default elsewhere, would be `true` below a `not`.
        engine.set_strict_builtin_errors(true);
        engine.set_gather_prints(true);
        let modules: BTreeMap<String, String> =
            config::find(&["modules"])?.ok_or("the settings have no `modules`")?;
        for (name, text) in modules {
            engine.add_policy(name, text).map_err(|error| in_words("modules", &error))?;
        }
        if let Some(data) = config::find::<Value>(&["data"])? {
            engine.add_data_json(&data.to_string()).map_err(|error| in_words("data", &error))?;
        }
        let query = config::find(&["query"])?.unwrap_or_else(|| QUERY.to_owned());
        Ok(Self { engine, query })
    }

    /// Asks the rule.
    fn decide(&mut self, call: &CallContext, request: &PolicyRequest) -> Result<Decision, HookError> {
        let input = input::document(call, request)?;
        self.engine.set_input_json(&input.to_string()).map_err(|error| in_words("the input", &error))?;
        let value = self.engine.eval_rule(self.query.clone());
        for line in self.engine.take_prints().unwrap_or_default() {
            log::info(line);
        }
        let value = value.map_err(|error| in_words(&self.query, &error))?;
        verdict::of(&value).map_err(|error| format!("{}: {error}", self.query).into())
    }
}

/// An error of the engine, in one line: it draws the place of an error in several.
fn in_words(what: &str, error: &impl std::fmt::Display) -> HookError {
    let error = error.to_string();
    let lines: Vec<&str> = error.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("{what}: {}", lines.join(" ")).into()
}

portcullis_plugin::export_policy!(Rego);
portcullis_plugin::export_settings!(Rego);
