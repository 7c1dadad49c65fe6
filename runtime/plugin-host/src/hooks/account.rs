//! The `account` hook: `after_account` by way of `portcullis:account/hook`.

use std::sync::Arc;

use identity::hooks::{AccountEvent, Happening};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::account::exports::portcullis::account::hook as wit;
use crate::bindings::account::portcullis::call::{people, types};
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::hooks::context::{ContextInput, OriginInput, PersonInput, call_context, origin, person};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

impl PluginHost {
    /// Tells every plugin that is bound, in order, whatever becomes of the others; those that failed.
    pub(super) async fn tell_account(
        &self,
        context: &HookContext,
        event: &AccountEvent<'_>,
    ) -> Vec<HookFailure> {
        let Some(tenant) = self.find_tenant(&context.tenant) else { return vec![not_installed()] };
        let mut slots = tenant.matching(HookName::Account, context).peekable();
        if slots.peek().is_none() {
            return Vec::new();
        }
        let input = Arc::new(Input {
            context: ContextInput::new(self.clock.now().micros(), context),
            what: event.what,
            person: PersonInput::new(event.identity),
            session: event.session.map(|session| session.to_string()),
            origin: OriginInput::new(&event.origin),
        });
        let caller = Caller { gate: &tenant.gate, context, subject: &input.person.id };
        let mut failures = Vec::new();
        for slot in slots {
            failures.extend(self.call(caller, slot, AccountCall(Arc::clone(&input)), check).await.err());
        }
        failures
    }
}

/// `after` of an instance.
pub(crate) type After = TypedFunc<(types::CallContext<'static>, wit::AccountEvent<'static>), (Answer,)>;

type Answer = Result<(), types::HookError>;

/// What the guests are told.
struct Input {
    context: ContextInput,
    what: Happening,
    person: PersonInput,
    session: Option<String>,
    origin: OriginInput,
}

/// One call of one plugin.
#[derive(Clone)]
struct AccountCall(Arc<Input>);

impl GuestCall for AccountCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Account;

    fn function(&self) -> FunctionName {
        FunctionName::AfterAccount
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::AfterAccount(after) = function else { return Err(other_function()) };
        let input = &*self.0;
        let event = wit::AccountEvent {
            what: match input.what {
                Happening::Profile => wit::Happening::Profile,
                Happening::Password => wit::Happening::Password,
                Happening::Logout => wit::Happening::Logout,
                Happening::Recovery => wit::Happening::Recovery,
                Happening::Verification => wit::Happening::Verification,
            },
            person: person!(people, &input.person),
            session: input.session.as_deref(),
            origin: origin!(people, &input.origin),
            extensions: &[],
        };
        Ok(after.call_async(store, (call_context!(types, &input.context), event)).await?.0)
    }
}

fn check(_: &Plugin, answer: Answer) -> Result<(), Failure> {
    answer.map_err(|error| (HookFailureKind::GuestError, error.message))
}
