//! The hooks of the room `identity`: [`IdentityHooks`], each by the adapter of its own interface.

use identity::Identity;
use identity::hooks::{
    AccountEvent, Additions, Answer, IdentityHooks, ImportAttempt, ImportVerdict, LoginAttempt,
    LoginDecision, LoginOutcome, RegistrationDecision, RegistrationForm, Told, TraitsCandidate,
    TraitsVerdict,
};
use primitives::hooks::HookContext;

use crate::PluginHost;

impl IdentityHooks for PluginHost {
    fn before_login<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a LoginAttempt,
    ) -> Answer<'a, LoginDecision> {
        Box::pin(self.ask_before_login(context, attempt))
    }

    fn after_login<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a LoginAttempt,
        identity: &'a Identity,
    ) -> Answer<'a, LoginOutcome> {
        Box::pin(self.ask_after_login(context, attempt, identity))
    }

    fn after_account<'a>(&'a self, context: &'a HookContext, event: &'a AccountEvent<'a>) -> Told<'a> {
        Box::pin(self.tell_account(context, event))
    }

    fn verify_import<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a ImportAttempt<'a>,
    ) -> Answer<'a, ImportVerdict> {
        Box::pin(self.ask_import(context, attempt))
    }

    fn before_registration<'a>(
        &'a self,
        context: &'a HookContext,
        form: &'a RegistrationForm,
    ) -> Answer<'a, RegistrationDecision> {
        Box::pin(self.register(context, form))
    }

    fn after_registration<'a>(
        &'a self,
        context: &'a HookContext,
        identity: &'a Identity,
    ) -> Answer<'a, Additions> {
        Box::pin(self.add(context, identity))
    }

    fn validate_traits<'a>(
        &'a self,
        context: &'a HookContext,
        candidate: &'a TraitsCandidate,
    ) -> Answer<'a, TraitsVerdict> {
        Box::pin(self.validate(context, candidate))
    }
}
