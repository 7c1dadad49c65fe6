//! What the settings say, parsed: policies, their schema, entities.

use std::error::Error;
use std::fmt::Write as _;

use cedar_policy::{
    AuthorizationError, Authorizer, Effect, Entities, Policy, PolicyId, PolicySet, Response, Schema,
    ValidationMode, Validator,
};
use miette::Diagnostic;
use portcullis_plugin::config;
use portcullis_plugin::policy::{CallContext, HookError, PolicyRequest};
use serde_json::Value;

use crate::request;

/// What decides.
pub(crate) struct Engine {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    schema: Option<Schema>,
}

impl Engine {
    /// Reads the settings. What is wrong with them is told with its place.
    pub(crate) fn from_settings() -> Result<Self, HookError> {
        let text: String = config::find(&["policies"])?.ok_or("the settings have no `policies`")?;
        let policies = policies(&text)?;
        let schema = config::find::<Value>(&["schema"])?.map(schema).transpose()?;
        if let Some(schema) = &schema {
            validate(schema, &policies, &text)?;
        }
        let entities = match config::find::<Value>(&["entities"])? {
            None => Entities::empty(),
            Some(entities) => Entities::from_json_value(entities, schema.as_ref())
                .map_err(|error| format!("entities: {}", in_words(&error)))?,
        };
        Ok(Self { authorizer: Authorizer::new(), policies, entities, schema })
    }

    /// Asks the policies.
    pub(crate) fn decide(&self, call: &CallContext, request: &PolicyRequest) -> Result<Response, HookError> {
        let request = request::in_cedar(call, request, self.schema.as_ref())?;
        Ok(self.authorizer.is_authorized(&request, &self.policies, &self.entities))
    }

    /// Whether the policy of an error is a `forbid`.
    pub(crate) fn forbids(&self, error: &AuthorizationError) -> bool {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        // One that is not found is taken for what is worse.
        self.policies.policy(error.policy_id()).is_none_or(|policy| policy.effect() == Effect::Forbid)
    }
}

/// Parses policies; each goes by its annotation `@id("…")`, where it has one.
fn policies(text: &str) -> Result<PolicySet, HookError> {
    let parsed: PolicySet = text.parse().map_err(|error| placed("policies", text, &error))?;
    if parsed.templates().next().is_some() {
        return Err("policies: a template decides nothing by itself, and nothing here links it".into());
    }
    let named = parsed.policies().map(|policy| match policy.annotation("id") {
        None | Some("") => policy.clone(),
        Some(id) => policy.new_id(PolicyId::new(id)),
    });
    let named: Vec<Policy> = named.collect();
    PolicySet::from_policies(named).map_err(|error| format!("policies: {}", in_words(&error)).into())
}

/// A text is in Cedar's own form, an object in its JSON.
fn schema(value: Value) -> Result<Schema, HookError> {
    let Value::String(text) = value else {
        return Schema::from_json_value(value)
            .map_err(|error| format!("schema: {}", in_words(&error)).into());
    };
    match Schema::from_cedarschema_str(&text) {
        Ok((schema, _)) => Ok(schema),
        Err(error) => Err(placed("schema", &text, &error)),
    }
}

/// Policies that name what the schema does not have decide nothing that anybody asks.
fn validate(schema: &Schema, policies: &PolicySet, text: &str) -> Result<(), HookError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    match result.validation_errors().next() {
        None => Ok(()),
        Some(error) => Err(placed("policies", text, error)),
    }
}

/// An error in a text: where, counted from one, and what.
fn placed(what: &str, text: &str, error: &(impl Diagnostic + Error)) -> HookError {
    let at = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let before = at.and_then(|at| text.get(..at));
    let place = before.map_or(String::new(), |before| {
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("line {line}, column {column}: ")
    });
    format!("{what}: {place}{}", in_words(error)).into()
}

/// An error with what it came from.
fn in_words(error: &impl Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing into a string does not fail.
        let _ = write!(words, ": {error}");
        source = error.source();
    }
    words
}
