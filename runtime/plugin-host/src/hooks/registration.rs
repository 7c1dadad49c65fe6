//! The `registration` hook: `before_registration` and `after_registration` by way of
//! `portcullis:registration/hook`.

use identity::Identity;
use identity::hooks::{Additions, Refusals, RegistrationDecision, RegistrationForm};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use serde_json::{Map, Value};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::registration::exports::portcullis::registration::hook as wit;
use crate::bindings::registration::portcullis::call::{people, types};
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::{check_object, check_optional_object};
use crate::hooks::context::{
    ContextInput, OriginInput, PersonInput, bad, call_context, check_extensions, check_fields, check_message,
    object, origin, person,
};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

impl PluginHost {
    /// Asks every plugin that is bound, in order: each is told the traits that the one before it gave. The first
    /// one that denies ends it.
    pub(super) async fn register(
        &self,
        context: &HookContext,
        form: &RegistrationForm,
    ) -> Result<RegistrationDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let caller = Caller { gate: &tenant.gate, context, subject: "" };
        let mut given: Option<Map<String, Value>> = None;
        for slot in tenant.matching(HookName::Registration, context) {
            let call = BeforeCall {
                context: ContextInput::new(self.clock.now().micros(), context),
                schema: form.schema.clone(),
                traits: object(given.as_ref().unwrap_or(&form.traits)),
                origin: form.origin.as_ref().map(OriginInput::new),
            };
            match self.call(caller, slot, call, check_before).await? {
                RegistrationDecision::Allow { traits } => given = traits.or(given),
                denied @ RegistrationDecision::Deny(_) => return Ok(denied),
            }
        }
        Ok(RegistrationDecision::Allow { traits: given })
    }

    /// Asks every plugin that is bound, in order. A later one's metadata replaces an earlier one's.
    pub(super) async fn add(
        &self,
        context: &HookContext,
        identity: &Identity,
    ) -> Result<Additions, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let caller = Caller { gate: &tenant.gate, context, subject: "" };
        let mut additions = Additions::default();
        for slot in tenant.matching(HookName::Registration, context) {
            let call = AfterCall {
                context: ContextInput::new(self.clock.now().micros(), context),
                person: PersonInput::new(identity),
            };
            let added = self.call(caller, slot, call, check_after).await?;
            additions.metadata_public = added.metadata_public.or(additions.metadata_public);
            additions.metadata_admin = added.metadata_admin.or(additions.metadata_admin);
        }
        Ok(additions)
    }
}

/// `before` of an instance.
pub(crate) type Before =
    TypedFunc<(types::CallContext<'static>, wit::RegistrationForm<'static>), (BeforeAnswer,)>;
/// `after` of an instance.
pub(crate) type After = TypedFunc<(types::CallContext<'static>, people::Person<'static>), (AfterAnswer,)>;

type BeforeAnswer = Result<wit::RegistrationDecision, types::HookError>;
type AfterAnswer = Result<wit::Additions, types::HookError>;

/// One call of `before`.
#[derive(Clone)]
struct BeforeCall {
    context: ContextInput,
    schema: String,
    traits: String,
    origin: Option<OriginInput>,
}

impl GuestCall for BeforeCall {
    type Answer = BeforeAnswer;

    const HOOK: HookName = HookName::Registration;

    fn function(&self) -> FunctionName {
        FunctionName::BeforeRegistration
    }

    async fn run(
        self,
        function: GuestFunction,
        store: &mut Store<CallState>,
    ) -> wasmtime::Result<BeforeAnswer> {
        let GuestFunction::BeforeRegistration(before) = function else { return Err(other_function()) };
        let call = call_context!(types, &self.context);
        let form = wit::RegistrationForm {
            source: if self.origin.is_some() { wit::Source::SelfService } else { wit::Source::Admin },
            schema: &self.schema,
            traits: &self.traits,
            origin: self.origin.as_ref().map(|input| origin!(people, input)),
            extensions: &[],
        };
        Ok(before.call_async(store, (call, form)).await?.0)
    }
}

/// One call of `after`.
#[derive(Clone)]
struct AfterCall {
    context: ContextInput,
    person: PersonInput,
}

impl GuestCall for AfterCall {
    type Answer = AfterAnswer;

    const HOOK: HookName = HookName::Registration;

    fn function(&self) -> FunctionName {
        FunctionName::AfterRegistration
    }

    async fn run(
        self,
        function: GuestFunction,
        store: &mut Store<CallState>,
    ) -> wasmtime::Result<AfterAnswer> {
        let GuestFunction::AfterRegistration(after) = function else { return Err(other_function()) };
        let (call, person) = (call_context!(types, &self.context), person!(people, &self.person));
        Ok(after.call_async(store, (call, person)).await?.0)
    }
}

fn check_before(_: &Plugin, answer: BeforeAnswer) -> Result<RegistrationDecision, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::RegistrationDecision::Allow(allowance) => {
            check_extensions(&allowance.extensions)?;
            let traits =
                allowance.traits.map(|text| check_object("traits", &text).map_err(bad)).transpose()?;
            Ok(RegistrationDecision::Allow { traits })
        }
        wit::RegistrationDecision::Deny(denial) => {
            check_extensions(&denial.extensions)?;
            let form = match denial.form {
                Some(refusal) => {
                    check_extensions(&refusal.extensions)?;
                    Some(check_message(&refusal.message))
                }
                None => None,
            };
            Ok(RegistrationDecision::Deny(Refusals {
                form,
                fields: check_fields(denial.fields)?,
                ..Refusals::default()
            }))
        }
    }
}

fn check_after(_: &Plugin, answer: AfterAnswer) -> Result<Additions, Failure> {
    let added = answer.map_err(|error| (HookFailureKind::GuestError, error.message))?;
    check_extensions(&added.extensions)?;
    let metadata = |document: &str, text: &str| check_optional_object(document, text).map_err(bad);
    Ok(Additions {
        metadata_public: metadata("metadata-public", &added.metadata_public)?,
        metadata_admin: metadata("metadata-admin", &added.metadata_admin)?,
        ..Additions::default()
    })
}
