//! The `login` hook: `before_login` and `after_login` by way of `portcullis:login/hook`.

use std::sync::Arc;

use identity::Identity;
use identity::hooks::{LoginAttempt, LoginDecision, LoginOutcome};
use primitives::SessionClaims;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::login::exports::portcullis::login::hook as wit;
use crate::bindings::login::portcullis::call::{people, types};
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::check_object;
use crate::hooks::context::{
    ContextInput, OriginInput, PersonInput, bad, call_context, check_extensions, check_message, origin,
    person,
};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

/// How many bytes an address has at most to which people are sent.
const URL_BYTES: usize = 2048;

impl PluginHost {
    /// Asks every plugin that is bound, in order, until one denies or redirects.
    pub(super) async fn ask_before_login(
        &self,
        context: &HookContext,
        attempt: &LoginAttempt,
    ) -> Result<LoginDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let mut slots = tenant.matching(HookName::Login, context).peekable();
        if slots.peek().is_none() {
            return Ok(LoginDecision::Allow);
        }
        let input = Arc::new(AttemptInput::new(self.clock.now().micros(), context, attempt));
        let caller = Caller { gate: &tenant.gate, context, subject: &attempt.identifier };
        for slot in slots {
            match self.call(caller, slot, BeforeCall(Arc::clone(&input)), check_before).await? {
                LoginDecision::Allow => {}
                decided => return Ok(decided),
            }
        }
        Ok(LoginDecision::Allow)
    }

    /// Asks every plugin that is bound, in order, until one does not allow. A later one's claim replaces an earlier
    /// one's of the same name.
    pub(super) async fn ask_after_login(
        &self,
        context: &HookContext,
        attempt: &LoginAttempt,
        identity: &Identity,
    ) -> Result<LoginOutcome, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let mut claims = SessionClaims::default();
        let mut slots = tenant.matching(HookName::Login, context).peekable();
        if slots.peek().is_none() {
            return Ok(LoginOutcome::Allow { claims });
        }
        let attempt_input = AttemptInput::new(self.clock.now().micros(), context, attempt);
        let input = Arc::new((attempt_input, PersonInput::new(identity)));
        let caller = Caller { gate: &tenant.gate, context, subject: &attempt.identifier };
        for slot in slots {
            let before = claims.clone();
            let check = move |_: &Plugin, answer| check_after(answer, &before);
            match self.call(caller, slot, AfterCall(Arc::clone(&input)), check).await? {
                LoginOutcome::Allow { claims: all } => claims = all,
                decided => return Ok(decided),
            }
        }
        Ok(LoginOutcome::Allow { claims })
    }
}

/// `before` of an instance.
pub(crate) type Before =
    TypedFunc<(types::CallContext<'static>, wit::LoginAttempt<'static>), (BeforeAnswer,)>;
/// `after` of an instance.
pub(crate) type After = TypedFunc<
    (types::CallContext<'static>, wit::LoginAttempt<'static>, people::Person<'static>),
    (AfterAnswer,),
>;

type BeforeAnswer = Result<wit::LoginDecision, types::HookError>;
type AfterAnswer = Result<wit::LoginOutcome, types::HookError>;

/// What the guests of both functions are told.
struct AttemptInput {
    context: ContextInput,
    identifier: String,
    method: &'static str,
    refresh: bool,
    origin: OriginInput,
}

impl AttemptInput {
    fn new(now: i64, context: &HookContext, attempt: &LoginAttempt) -> Self {
        Self {
            context: ContextInput::new(now, context),
            identifier: attempt.identifier.clone(),
            method: attempt.method.as_str(),
            refresh: attempt.refresh,
            origin: OriginInput::new(&attempt.origin),
        }
    }

    fn attempt(&self) -> wit::LoginAttempt<'_> {
        wit::LoginAttempt {
            identifier: &self.identifier,
            method: self.method,
            refresh: self.refresh,
            origin: origin!(people, &self.origin),
            extensions: &[],
        }
    }
}

/// One call of `before`.
#[derive(Clone)]
struct BeforeCall(Arc<AttemptInput>);

impl GuestCall for BeforeCall {
    type Answer = BeforeAnswer;

    const HOOK: HookName = HookName::Login;

    fn function(&self) -> FunctionName {
        FunctionName::BeforeLogin
    }

    async fn run(
        self,
        function: GuestFunction,
        store: &mut Store<CallState>,
    ) -> wasmtime::Result<BeforeAnswer> {
        let GuestFunction::BeforeLogin(before) = function else { return Err(other_function()) };
        let call = call_context!(types, &self.0.context);
        Ok(before.call_async(store, (call, self.0.attempt())).await?.0)
    }
}

/// One call of `after`.
#[derive(Clone)]
struct AfterCall(Arc<(AttemptInput, PersonInput)>);

impl GuestCall for AfterCall {
    type Answer = AfterAnswer;

    const HOOK: HookName = HookName::Login;

    fn function(&self) -> FunctionName {
        FunctionName::AfterLogin
    }

    async fn run(
        self,
        function: GuestFunction,
        store: &mut Store<CallState>,
    ) -> wasmtime::Result<AfterAnswer> {
        let GuestFunction::AfterLogin(after) = function else { return Err(other_function()) };
        let (attempt, input) = &*self.0;
        let call = call_context!(types, &attempt.context);
        Ok(after.call_async(store, (call, attempt.attempt(), person!(people, input))).await?.0)
    }
}

/// Whether the address may be gone to is the room's to say, which knows the tenant's settings.
fn check_before(_: &Plugin, answer: BeforeAnswer) -> Result<LoginDecision, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::LoginDecision::Allow => Ok(LoginDecision::Allow),
        wit::LoginDecision::Deny(refusal) => {
            check_extensions(&refusal.extensions)?;
            Ok(LoginDecision::Deny { message: check_message(&refusal.message) })
        }
        wit::LoginDecision::Redirect(redirection) => {
            check_extensions(&redirection.extensions)?;
            if redirection.url.len() > URL_BYTES {
                return Err(bad(format!("redirects to an address of more than {URL_BYTES} bytes")));
            }
            // Whoever reads it as a URL may leave them out, and then it is another one.
            if redirection.url.contains(char::is_control) {
                return Err(bad("redirects to an address with control characters"));
            }
            Ok(LoginDecision::Redirect { url: redirection.url })
        }
    }
}

/// `before` is what earlier plugins said of the session.
fn check_after(answer: AfterAnswer, before: &SessionClaims) -> Result<LoginOutcome, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::LoginOutcome::Allow(additions) => {
            check_extensions(&additions.extensions)?;
            let mut claims = before.as_object().clone();
            if !additions.claims.is_empty() {
                claims.extend(check_object("claims", &additions.claims).map_err(bad)?);
            }
            let claims = SessionClaims::check(claims).map_err(|error| bad(error.to_string()))?;
            Ok(LoginOutcome::Allow { claims })
        }
        wit::LoginOutcome::Deny(refusal) => {
            check_extensions(&refusal.extensions)?;
            Ok(LoginOutcome::Deny { message: check_message(&refusal.message) })
        }
        wit::LoginOutcome::RequireSecondFactor => Ok(LoginOutcome::RequireSecondFactor),
    }
}
