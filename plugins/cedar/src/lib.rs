//! Decides the hook `policy` by policies in [Cedar](https://www.cedarpolicy.com), which are in its settings.
//!
//! Policies that do not parse, or do not fit their schema, are refused when they are given.
//!
//! A call is [`request`]: what the hook is asked, in Cedar's terms. An instance parses its settings at its first call
//! and serves the next ones with what it parsed ([`engine`]): the host gives an instance to one plugin with one
//! declaration, so that they are the same settings.

mod engine;
mod request;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use cedar_policy::{Decision as Verdict, Response};
use portcullis_plugin::log;
use portcullis_plugin::policy::{CallContext, Decision, Hook, HookError, PolicyRequest};
use portcullis_plugin::settings::Settings;

use engine::Engine;

struct Cedar;

thread_local! {
    /// What the settings say.
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
}

impl Hook for Cedar {
    fn decide(call: CallContext, request: PolicyRequest) -> Result<Decision, HookError> {
        ENGINE.with(|kept| {
            if kept.get().is_none() {
                let _ = kept.set(Engine::from_settings()?);
            }
            let engine = kept.get().ok_or("the settings were not read")?;
            answer(engine, &engine.decide(&call, &request)?)
        })
    }
}

impl Settings for Cedar {
    fn check() -> Result<(), HookError> {
        Engine::from_settings().map(drop)
    }
}

/// Cedar passes over a policy that cannot be evaluated. That is safe of a `permit`, and of a `forbid` it is not: what
/// would be permitted without one that was passed over could not be decided.
fn answer(engine: &Engine, response: &Response) -> Result<Decision, HookError> {
    let errors: BTreeSet<String> = response.diagnostics().errors().map(ToString::to_string).collect();
    for error in &errors {
        log::warn(error);
    }
    let permits = response.decision() == Verdict::Allow;
    if permits && response.diagnostics().errors().any(|error| engine.forbids(error)) {
        let errors: Vec<String> = errors.into_iter().collect();
        return Err(format!("a `forbid` could not be evaluated: {}", errors.join("; ")).into());
    }
    if permits {
        return Ok(Decision::permit());
    }
    // Sorted, so that equal requests get equal answers.
    let by: BTreeSet<&str> = response.diagnostics().reason().map(AsRef::as_ref).collect();
    if by.is_empty() {
        return Ok(Decision::deny("No policy permits it."));
    }
    let by: Vec<&str> = by.into_iter().collect();
    Ok(Decision::deny(format!("Forbidden by {}.", by.join(", "))))
}

portcullis_plugin::export_policy!(Cedar);
portcullis_plugin::export_settings!(Cedar);
