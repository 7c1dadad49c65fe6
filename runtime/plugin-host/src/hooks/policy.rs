//! The `policy` hook: [`PolicyHook`] by way of `portcullis:policy/hook`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::policy::{Obligation, Permission, PolicyDecision, PolicyHook, PolicyRequest};
use serde_json::Map;
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::policy::exports::portcullis::policy::hook as wit;
use crate::bindings::policy::portcullis::call::types;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::{check_description, check_object};
use crate::header;
use crate::hooks::context::{ContextInput, bad, call_context, check_extensions, object};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

/// How many obligations, and how many headers, one answer has at most.
const MOST_TERMS: usize = 32;
/// How many bytes the name of an obligation or a header has at most.
const NAME_BYTES: usize = 128;
/// How many bytes a header's value has at most.
const VALUE_BYTES: usize = 4 << 10;

impl PolicyHook for PluginHost {
    fn applies(&self, context: &HookContext) -> bool {
        // Of a tenant whose plugins are not installed nobody knows; the call then fails.
        self.find_tenant(&context.tenant)
            .is_none_or(|tenant| tenant.matching(HookName::Policy, context).next().is_some())
    }

    fn decide<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        Box::pin(self.ask_policy(context, request))
    }
}

impl PluginHost {
    /// Asks every plugin that is bound, in order, until one denies. Terms of all add up.
    async fn ask_policy(
        &self,
        context: &HookContext,
        request: &PolicyRequest,
    ) -> Result<PolicyDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let input = Arc::new(Input {
            context: ContextInput::new(self.clock.now().micros(), context),
            subject: request.subject.clone(),
            action: request.action.clone(),
            resource: request.resource.clone(),
            known: object(&request.context),
        });
        let subject = request.subject.as_deref().unwrap_or_default();
        let caller = Caller { gate: &tenant.gate, context, subject };
        let mut all = Permission::default();
        for slot in tenant.matching(HookName::Policy, context) {
            match self.call(caller, slot, PolicyCall(Arc::clone(&input)), check).await? {
                PolicyDecision::Permit(terms) => {
                    all.obligations.extend(terms.obligations);
                    all.headers.extend(terms.headers);
                }
                denied @ PolicyDecision::Deny { .. } => return Ok(denied),
            }
        }
        Ok(PolicyDecision::Permit(all))
    }
}

/// `decide` of an instance.
pub(crate) type Decide = TypedFunc<(types::CallContext<'static>, wit::PolicyRequest<'static>), (Answer,)>;

type Answer = Result<wit::Decision, types::HookError>;

/// What the guests are told.
struct Input {
    context: ContextInput,
    subject: Option<String>,
    action: String,
    resource: String,
    known: String,
}

/// One call of one plugin.
#[derive(Clone)]
struct PolicyCall(Arc<Input>);

impl GuestCall for PolicyCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Policy;

    fn function(&self) -> FunctionName {
        FunctionName::Decide
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::Decide(decide) = function else { return Err(other_function()) };
        let input = &*self.0;
        let request = wit::PolicyRequest {
            subject: input.subject.as_deref(),
            action: &input.action,
            resource: &input.resource,
            context: &input.known,
            extensions: &[],
        };
        Ok(decide.call_async(store, (call_context!(types, &input.context), request)).await?.0)
    }
}

fn check(_: &Plugin, answer: Answer) -> Result<PolicyDecision, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::Decision::Permit(permission) => {
            check_extensions(&permission.extensions)?;
            if permission.obligations.len() > MOST_TERMS || permission.headers.len() > MOST_TERMS {
                return Err(bad(format!("permits on more than {MOST_TERMS} terms")));
            }
            for (name, value) in &permission.headers {
                check_header(name, value)?;
            }
            let obligation = |obligation: wit::Obligation| {
                let name = &obligation.name;
                if name.len() > NAME_BYTES || name.contains(char::is_control) {
                    return Err(bad(format!(
                        "an obligation's name is one line of at most {NAME_BYTES} bytes"
                    )));
                }
                let parameters = match &*obligation.parameters {
                    "" => Map::new(),
                    text => check_object("parameters", text).map_err(bad)?,
                };
                Ok(Obligation { name: obligation.name, parameters })
            };
            let obligations = permission.obligations.into_iter().map(obligation).collect::<Result<_, _>>()?;
            Ok(PolicyDecision::Permit(Permission { obligations, headers: permission.headers }))
        }
        wit::Decision::Deny(denial) => {
            check_extensions(&denial.extensions)?;
            Ok(PolicyDecision::Deny { reason: check_description(&denial.reason) })
        }
    }
}

/// Attack: a value with a line end in it begins a header of the guest's choice, or a body. So a header is one of
/// RFC 9110 section 5, whoever passes it on.
fn check_header(name: &str, value: &str) -> Result<(), Failure> {
    if name.len() > NAME_BYTES || !header::is_name(name) {
        return Err(bad(format!("a header's name is a token of at most {NAME_BYTES} bytes")));
    }
    if value.len() > VALUE_BYTES || value.contains(char::is_control) {
        return Err(bad(format!("a header's value is one line of at most {VALUE_BYTES} bytes")));
    }
    Ok(())
}
