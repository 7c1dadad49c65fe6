//! The `login` hook: `before_login` and `after_login` by way of `portcullis:login/hook`.

use std::sync::Arc;

use identity::Identity;
use identity::hooks::{LoginAttempt, LoginDecision};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::login::exports::portcullis::login::hook as wit;
use crate::bindings::login::portcullis::call::{people, types};
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::hooks::context::{
    ContextInput, OriginInput, PersonInput, call_context, check_extensions, check_message, origin, person,
};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

impl PluginHost {
    /// Asks every plugin that is bound, in order, until one denies. With an identity it is `after`.
    pub(super) async fn login(
        &self,
        context: &HookContext,
        attempt: &LoginAttempt,
        identity: Option<&Identity>,
    ) -> Result<LoginDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let mut slots = tenant.matching(HookName::Login, context).peekable();
        if slots.peek().is_none() {
            return Ok(LoginDecision::Allow);
        }
        let input = Arc::new(Input {
            context: ContextInput::new(self.clock.now().micros(), context),
            identifier: attempt.identifier.clone(),
            method: attempt.method.as_str(),
            refresh: attempt.refresh,
            origin: OriginInput::new(&attempt.origin),
            person: identity.map(PersonInput::new),
        });
        let caller = Caller { gate: &tenant.gate, context, subject: &attempt.identifier };
        for slot in slots {
            let denied = self.call(caller, slot, LoginCall(Arc::clone(&input)), check).await?;
            if let LoginDecision::Deny { .. } = denied {
                return Ok(denied);
            }
        }
        Ok(LoginDecision::Allow)
    }
}

/// `before` of an instance.
pub(crate) type Before = TypedFunc<(types::CallContext<'static>, wit::LoginAttempt<'static>), (Answer,)>;
/// `after` of an instance.
pub(crate) type After =
    TypedFunc<(types::CallContext<'static>, wit::LoginAttempt<'static>, people::Person<'static>), (Answer,)>;

/// What both functions answer.
type Answer = Result<wit::LoginDecision, types::HookError>;

/// What the guests are told.
struct Input {
    context: ContextInput,
    identifier: String,
    method: &'static str,
    refresh: bool,
    origin: OriginInput,
    person: Option<PersonInput>,
}

/// One call of one plugin.
struct LoginCall(Arc<Input>);

impl GuestCall for LoginCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Login;

    fn function(&self) -> FunctionName {
        if self.0.person.is_some() { FunctionName::AfterLogin } else { FunctionName::BeforeLogin }
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let input = &*self.0;
        let call = call_context!(types, &input.context);
        let attempt = wit::LoginAttempt {
            identifier: &input.identifier,
            method: input.method,
            refresh: input.refresh,
            origin: origin!(people, &input.origin),
            extensions: &[],
        };
        match (function, &input.person) {
            (GuestFunction::BeforeLogin(before), _) => Ok(before.call_async(store, (call, attempt)).await?.0),
            (GuestFunction::AfterLogin(after), Some(input)) => {
                Ok(after.call_async(store, (call, attempt, person!(people, input))).await?.0)
            }
            _ => Err(other_function()),
        }
    }
}

fn check(_: &Plugin, answer: Answer) -> Result<LoginDecision, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::LoginDecision::Allow => Ok(LoginDecision::Allow),
        wit::LoginDecision::Deny(refusal) => {
            check_extensions(&refusal.extensions)?;
            Ok(LoginDecision::Deny { message: check_message(&refusal.message) })
        }
    }
}
