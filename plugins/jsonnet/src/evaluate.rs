//! Runs a program, with nothing but what it is given: no imports, no files, no time.

use std::collections::HashMap;

use jrsonnet_evaluator::error::ErrorKind;
use jrsonnet_evaluator::manifest::JsonFormat;
use jrsonnet_evaluator::stack::limit_stack_depth;
use jrsonnet_evaluator::tla::{TlaArg, apply_tla};
use jrsonnet_evaluator::trace::{CompactFormat, PathResolver, TraceFormat as _};
use jrsonnet_evaluator::{Error, IStr, State, Val};
use jrsonnet_stdlib::ContextInitializer;
use portcullis_plugin::policy::HookError;
use serde_json::{Map, Value};

/// How deep functions may call each other.
const DEPTH: usize = 200;

/// Why there is no document.
pub(crate) enum NoDocument {
    /// The program says so: `error "…"`, or an assertion.
    Said(String),
    /// The program is wrong.
    Failed(HookError),
}

impl From<NoDocument> for HookError {
    fn from(none: NoDocument) -> Self {
        match none {
            NoDocument::Said(words) => Self::new(words),
            NoDocument::Failed(error) => error,
        }
    }
}

/// The document that a program makes of what it is given: by name for `std.extVar`, and, where the program is a
/// function, for its parameters. Every run has a state of its own: nothing that was made of one person's claims is there
/// for the next.
pub(crate) fn document(name: &str, program: &str, given: &Map<String, Value>) -> Result<Value, NoDocument> {
    let standard = ContextInitializer::new(PathResolver::Absolute);
    for (name, value) in given {
        let value = Val::from_serde(value).map_err(|error| no_document(&error))?;
        standard.add_ext_var(name.as_str().into(), value);
    }
    let mut state = State::builder();
    // Nothing resolves imports: that is the builder's default.
    state.context_initializer(standard);
    let state = state.build();
    let _entered = state.try_enter();
    let _bounded = limit_stack_depth(DEPTH);
    // The text is made here and not by `serde`, whose errors are words alone.
    let made = state.evaluate_snippet(name, program).and_then(|made| call(made, given));
    let text =
        made.and_then(|made| made.manifest(JsonFormat::minify())).map_err(|error| no_document(&error))?;
    serde_json::from_str(&text).map_err(|error| NoDocument::Failed(format!("the document: {error}").into()))
}

/// Whether a program can be run at all: it parses, and every name in it means something. Nothing of it is run.
pub(crate) fn check(name: &str, program: &str) -> Result<(), HookError> {
    let mut state = State::builder();
    state.context_initializer(ContextInitializer::new(PathResolver::Absolute));
    let state = state.build();
    let _entered = state.try_enter();
    state.prepare_snippet(name, program).map(drop).map_err(|error| in_words(&error))
}

/// Calls what is a function, with those of its parameters that there are values for.
fn call(made: Val, given: &Map<String, Value>) -> Result<Val, Error> {
    let Val::Func(function) = &made else { return Ok(made) };
    let mut arguments: HashMap<IStr, TlaArg> = HashMap::new();
    for parameter in function.params().iter() {
        let Some(name) = parameter.name().as_str() else { continue };
        if let Some(value) = given.get(name) {
            arguments.insert(name.into(), TlaArg::Val(Val::from_serde(value)?));
        }
    }
    apply_tla(&arguments, made)
}

fn no_document(error: &Error) -> NoDocument {
    match error.error() {
        ErrorKind::RuntimeError(words) => NoDocument::Said(words.to_string()),
        ErrorKind::AssertionFailed(words) => NoDocument::Said(words.to_string()),
        _ => NoDocument::Failed(in_words(error)),
    }
}

/// An error with its places, in one line.
fn in_words(error: &Error) -> HookError {
    let text = CompactFormat::default().format(error).unwrap_or_else(|_| error.to_string());
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    HookError::new(lines.join("; "))
}
