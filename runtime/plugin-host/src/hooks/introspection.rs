//! The `introspection` interface of the `token` hook, for plugins that export it.

use std::sync::Arc;

use oauth2::hooks::{IntrospectedToken, IntrospectionDecision};
use primitives::ClientId;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use serde_json::Map;
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use super::token::{SubjectInput, strings};
use crate::PluginHost;
use crate::bindings::introspection::exports::portcullis::token::introspection as wit;
use crate::bindings::introspection::portcullis::call::types;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::check_claims;
use crate::hooks::context::{ContextInput, bad, call_context, check_extensions, object};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::installed::Slot;
use crate::plugin::Plugin;
use crate::state::CallState;

impl PluginHost {
    /// Whether introspection has anybody to ask. Of a tenant whose plugins are not installed nobody knows, and of a plugin
    /// that cannot be loaded neither; the call then fails.
    pub(super) fn has_introspecting(&self, context: &HookContext) -> bool {
        self.find_tenant(&context.tenant)
            .is_none_or(|tenant| tenant.matching(HookName::Token, context).any(|slot| introspects(slot)))
    }

    /// Asks every plugin that is bound and introspects, in order. A later one's claim replaces an earlier one's of the same
    /// name; the first one for which the token is inactive ends it.
    pub(super) async fn introspect(
        &self,
        context: &HookContext,
        token: &IntrospectedToken,
    ) -> Result<IntrospectionDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let input = Arc::new(Input {
            context: ContextInput::new(self.clock.now().micros(), context),
            subject: token.subject.as_ref().map(SubjectInput::new),
            scopes: token.scopes.clone(),
            audience: token.audience.clone(),
            claims: object(&token.claims),
            resource_server: token.resource_server.clone(),
        });
        let subject = token.subject.as_ref().map_or("", |subject| subject.id.as_str());
        let caller = Caller { gate: &tenant.gate, context, subject };
        let mut claims = Map::new();
        for slot in tenant.matching(HookName::Token, context).filter(|slot| introspects(slot)) {
            match self.call(caller, slot, IntrospectionCall(Arc::clone(&input)), check).await? {
                IntrospectionDecision::Answer(added) => claims.extend(added),
                IntrospectionDecision::Inactive => return Ok(IntrospectionDecision::Inactive),
            }
        }
        Ok(IntrospectionDecision::Answer(claims))
    }
}

fn introspects(slot: &Slot) -> bool {
    slot.plugin().map_or(true, |plugin| plugin.introspects)
}

/// `shape-introspection` of an instance.
pub(crate) type ShapeIntrospection =
    TypedFunc<(types::CallContext<'static>, wit::IntrospectedToken<'static>), (Answer,)>;

type Answer = Result<wit::IntrospectionDecision, types::HookError>;

/// What the guests are told.
struct Input {
    context: ContextInput,
    subject: Option<SubjectInput>,
    scopes: Vec<String>,
    audience: Vec<String>,
    claims: String,
    resource_server: Option<ClientId>,
}

/// One call of one plugin.
#[derive(Clone)]
struct IntrospectionCall(Arc<Input>);

impl GuestCall for IntrospectionCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Token;

    fn function(&self) -> FunctionName {
        FunctionName::ShapeIntrospection
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::ShapeIntrospection(shape) = function else { return Err(other_function()) };
        let input = &*self.0;
        let (scopes, audience) = (strings(&input.scopes), strings(&input.audience));
        let methods = input.subject.as_ref().map_or_else(Vec::new, |subject| strings(&subject.methods));
        let token = wit::IntrospectedToken {
            subject: input.subject.as_ref().map(|subject| wit::IntrospectedSubject {
                id: &subject.id,
                session: subject.session.as_deref(),
                assurance: &subject.assurance,
                methods: &methods,
                traits: &subject.traits,
                metadata: &subject.metadata,
                session_claims: &subject.session_claims,
                extensions: &[],
            }),
            scopes: &scopes,
            audience: &audience,
            claims: &input.claims,
            resource_server: input.resource_server.as_ref().map(ClientId::as_str),
            extensions: &[],
        };
        Ok(shape.call_async(store, (call_context!(types, &input.context), token)).await?.0)
    }
}

fn check(plugin: &Plugin, answer: Answer) -> Result<IntrospectionDecision, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::IntrospectionDecision::Inactive => Ok(IntrospectionDecision::Inactive),
        wit::IntrospectionDecision::Answer(added) => {
            check_extensions(&added.extensions)?;
            let claims = check_claims("claims", &added.claims, plugin.may_set_groups()).map_err(bad)?;
            Ok(IntrospectionDecision::Answer(claims))
        }
    }
}
