//! The `identity-schema` hook: `validate_traits` by way of `portcullis:identity-schema/hook`.

use identity::hooks::{TraitsCandidate, TraitsVerdict};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use serde_json::{Map, Value};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::identity_schema::exports::portcullis::identity_schema::hook as wit;
use crate::bindings::identity_schema::portcullis::call::types;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::check_object;
use crate::hooks::context::{ContextInput, bad, call_context, check_fields, object};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

impl PluginHost {
    /// Asks every plugin that is bound, in order: each is told the traits that the one before it gave. The first
    /// one that finds them invalid ends it.
    pub(super) async fn validate(
        &self,
        context: &HookContext,
        candidate: &TraitsCandidate,
    ) -> Result<TraitsVerdict, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let replaces = candidate.replaces.map(|identity| identity.to_string());
        let caller = Caller { gate: &tenant.gate, context, subject: replaces.as_deref().unwrap_or_default() };
        let mut given: Option<Map<String, Value>> = None;
        for slot in tenant.matching(HookName::IdentitySchema, context) {
            let call = ValidateCall {
                context: ContextInput::new(self.clock.now().micros(), context),
                schema: candidate.schema.clone(),
                traits: object(given.as_ref().unwrap_or(&candidate.traits)),
                replaces: replaces.clone(),
            };
            match self.call(caller, slot, call, check).await? {
                TraitsVerdict::Valid(traits) => given = traits.or(given),
                invalid @ (TraitsVerdict::Invalid(_) | TraitsVerdict::Refused(_)) => return Ok(invalid),
            }
        }
        Ok(TraitsVerdict::Valid(given))
    }
}

/// `validate` of an instance.
pub(crate) type Validate = TypedFunc<(types::CallContext<'static>, wit::Candidate<'static>), (Answer,)>;

type Answer = Result<wit::Verdict, types::HookError>;

/// One call of one plugin.
#[derive(Clone)]
struct ValidateCall {
    context: ContextInput,
    schema: String,
    traits: String,
    replaces: Option<String>,
}

impl GuestCall for ValidateCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::IdentitySchema;

    fn function(&self) -> FunctionName {
        FunctionName::ValidateTraits
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::ValidateTraits(validate) = function else { return Err(other_function()) };
        let candidate = wit::Candidate {
            schema: &self.schema,
            traits: &self.traits,
            replaces: self.replaces.as_deref(),
            extensions: &[],
        };
        Ok(validate.call_async(store, (call_context!(types, &self.context), candidate)).await?.0)
    }
}

fn check(_: &Plugin, answer: Answer) -> Result<TraitsVerdict, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::Verdict::Valid(None) => Ok(TraitsVerdict::Valid(None)),
        wit::Verdict::Valid(Some(text)) => {
            check_object("traits", &text).map(|traits| TraitsVerdict::Valid(Some(traits))).map_err(bad)
        }
        wit::Verdict::Invalid(fields) if fields.is_empty() => {
            Err(bad("the traits are invalid, but no field is named"))
        }
        wit::Verdict::Invalid(fields) => check_fields(fields).map(TraitsVerdict::Invalid),
    }
}
