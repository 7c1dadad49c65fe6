//! The `transform` hook: [`TransformHook`] by way of `portcullis:transform/hook`.

#[cfg(test)]
pub(crate) mod second_version;

use futures_util::future::BoxFuture;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::transform::{TransformDecision, TransformHook, TransformRequest};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::transform::exports::portcullis::transform::hook as wit;
use crate::bindings::transform::portcullis::call::types;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::check_value;
use crate::hooks::context::{ContextInput, bad, call_context, check_extensions};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

impl TransformHook for PluginHost {
    fn transform<'a>(
        &'a self,
        context: &'a HookContext,
        plugin: &'a str,
        request: &'a TransformRequest,
    ) -> BoxFuture<'a, Result<TransformDecision, HookFailure>> {
        Box::pin(self.ask_transform(context, plugin, request))
    }
}

impl PluginHost {
    async fn ask_transform(
        &self,
        context: &HookContext,
        plugin: &str,
        request: &TransformRequest,
    ) -> Result<TransformDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let slot = tenant.matching(HookName::Transform, context).find(|slot| slot.name() == plugin);
        let slot = slot.ok_or_else(|| HookFailure {
            plugin: plugin.to_owned(),
            kind: HookFailureKind::Unavailable,
            detail: "a template names it, but it is not bound to the hook transform here".to_owned(),
        })?;
        let call = TransformCall {
            context: ContextInput::new(self.clock.now().micros(), context),
            request: request.clone(),
        };
        let subject = request.subject.as_deref().unwrap_or_default();
        self.call(Caller { gate: &tenant.gate, context, subject }, slot, call, check).await
    }
}

/// `transform` of an instance.
pub(crate) type Transform =
    TypedFunc<(types::CallContext<'static>, wit::TransformRequest<'static>), (Answer,)>;

type Answer = Result<wit::TransformDecision, types::HookError>;

/// One call of one plugin.
#[derive(Clone)]
struct TransformCall {
    context: ContextInput,
    request: TransformRequest,
}

impl GuestCall for TransformCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Transform;

    fn carries_secrets(&self) -> bool {
        self.request.place.carries_secrets()
    }

    fn function(&self) -> FunctionName {
        FunctionName::Transform
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        #[cfg(test)]
        if let GuestFunction::TransformNext(transform) = function {
            return second_version::run(self, transform, store).await;
        }
        let GuestFunction::Transform(transform) = function else { return Err(other_function()) };
        let request = wit::TransformRequest {
            place: self.request.place.as_str(),
            template: &self.request.template,
            input: self.request.input.as_str(),
            extensions: &[],
        };
        Ok(transform.call_async(store, (call_context!(types, &self.context), request)).await?.0)
    }
}

fn check(_: &Plugin, answer: Answer) -> Result<TransformDecision, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::TransformDecision::Cancel => Ok(TransformDecision::Cancel),
        wit::TransformDecision::Output(output) => {
            check_extensions(&output.extensions)?;
            Ok(TransformDecision::Output(check_value("document", &output.document).map_err(bad)?))
        }
    }
}
