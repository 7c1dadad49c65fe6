//! Whether somebody may do something, by a tenant's plugins: what several rooms ask.

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::hooks::{FailurePolicy, HookContext, HookFailure, HookFailureKind};

/// What happens when it cannot be decided: it is not done.
pub const POLICY_FAILURE_POLICY: FailurePolicy = FailurePolicy::Closed;

/// What is to be decided.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRequest {
    /// Who; none when a client acts for itself.
    pub subject: Option<String>,
    /// What they want to do.
    pub action: String,
    /// To what.
    pub resource: String,
    /// What is known besides.
    pub context: Map<String, Value>,
}

/// Whether it may be done.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyDecision {
    /// It may.
    Permit(Permission),
    /// It may not.
    Deny {
        /// Shown to whoever asked: printable ASCII.
        reason: String,
    },
}

/// On what terms it may be done: those of every plugin together.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "what is not met is not permitted"]
pub struct Permission {
    /// What whoever asked must do besides.
    pub obligations: Vec<Obligation>,
    /// Headers to go on with.
    pub headers: Vec<(String, String)>,
}

/// Something to do besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Obligation {
    /// What.
    pub name: String,
    /// In which way.
    pub parameters: Map<String, Value>,
}

impl Permission {
    /// For a place that knows no terms.
    ///
    /// Attack: a plugin permits on a condition, and the place that asked passes over the condition. So any is a failure.
    pub fn without_terms(self) -> Result<(), HookFailure> {
        if self.obligations.is_empty() && self.headers.is_empty() {
            return Ok(());
        }
        let detail = "it permits on terms that cannot be met here".to_owned();
        Err(HookFailure { plugin: String::new(), kind: HookFailureKind::BadAnswer, detail })
    }
}

/// Decides. Where a tenant has no plugin on the hook, everything is permitted: whoever needs more than that asks whether
/// one [`applies`](PolicyHook::applies).
pub trait PolicyHook: Send + Sync + fmt::Debug {
    /// Whether the tenant has a plugin on this hook; where it has none, no input is gathered.
    fn applies(&self, context: &HookContext) -> bool;

    /// Called before it is done.
    fn decide<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>>;
}

/// For a node without plugins: permits.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPolicyHook;

impl PolicyHook for NoPolicyHook {
    fn applies(&self, _: &HookContext) -> bool {
        false
    }

    fn decide<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        Box::pin(async { Ok(PolicyDecision::Permit(Permission::default())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_that_knows_no_terms_permits_on_none() {
        let obligation = Obligation { name: "log".to_owned(), parameters: Map::new() };
        let header = ("x-role".to_owned(), "admin".to_owned());
        for (obligations, headers, is_met) in
            [(vec![], vec![], true), (vec![obligation], vec![], false), (vec![], vec![header], false)]
        {
            assert_eq!(Permission { obligations, headers }.without_terms().is_ok(), is_met);
        }
    }
}
