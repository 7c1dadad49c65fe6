//! The `credential-import` hook: `verify_import` by way of `portcullis:credential-import/hook`.

use std::sync::Arc;

use identity::hooks::{ImportAttempt, ImportVerdict};
use identity::password::PlainPassword;
use primitives::Secret;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::credential_import::exports::portcullis::credential_import::hook as wit;
use crate::bindings::credential_import::portcullis::call::{people, types};
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::hooks::context::{ContextInput, OriginInput, PersonInput, call_context, origin, person};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

impl PluginHost {
    /// Asks every plugin that is bound, in order, until one says that it is the password.
    pub(super) async fn ask_import(
        &self,
        context: &HookContext,
        attempt: &ImportAttempt<'_>,
    ) -> Result<ImportVerdict, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let mut slots = tenant.matching(HookName::CredentialImport, context).peekable();
        if slots.peek().is_none() {
            return Ok(ImportVerdict::Wrong);
        }
        let input = Arc::new(Input {
            context: ContextInput::new(self.clock.now().micros(), context),
            identifier: attempt.identifier.clone(),
            password: attempt.password.clone(),
            credential: attempt.credential.clone(),
            person: attempt.identity.map(PersonInput::new),
            origin: OriginInput::new(&attempt.origin),
        });
        let caller = Caller { gate: &tenant.gate, context, subject: &attempt.identifier };
        for slot in slots {
            if self.call(caller, slot, ImportCall(Arc::clone(&input)), check).await? == ImportVerdict::Correct
            {
                return Ok(ImportVerdict::Correct);
            }
        }
        Ok(ImportVerdict::Wrong)
    }
}

/// `verify` of an instance.
pub(crate) type Verify = TypedFunc<(types::CallContext<'static>, wit::ImportAttempt<'static>), (Answer,)>;

type Answer = Result<wit::Verdict, types::HookError>;

/// What the guest is told.
struct Input {
    context: ContextInput,
    identifier: String,
    password: PlainPassword,
    credential: Option<Secret<String>>,
    person: Option<PersonInput>,
    origin: OriginInput,
}

/// One call of one plugin.
#[derive(Clone)]
struct ImportCall(Arc<Input>);

impl GuestCall for ImportCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::CredentialImport;

    fn carries_secrets(&self) -> bool {
        true
    }

    fn function(&self) -> FunctionName {
        FunctionName::VerifyImport
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::VerifyImport(verify) = function else { return Err(other_function()) };
        let input = &*self.0;
        let attempt = wit::ImportAttempt {
            identifier: &input.identifier,
            password: input.password.expose(),
            credential: input.credential.as_ref().map(|credential| credential.expose().as_str()),
            person: input.person.as_ref().map(|input| person!(people, input)),
            origin: origin!(people, &input.origin),
            extensions: &[],
        };
        Ok(verify.call_async(store, (call_context!(types, &input.context), attempt)).await?.0)
    }
}

fn check(_: &Plugin, answer: Answer) -> Result<ImportVerdict, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::Verdict::Correct => Ok(ImportVerdict::Correct),
        wit::Verdict::Wrong => Ok(ImportVerdict::Wrong),
    }
}
