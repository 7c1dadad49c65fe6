//! The `event` hook: [`EventHook`] by way of `portcullis:event/hook`.

use futures_util::future::BoxFuture;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::{Actor, RequestId, TenantId};
use tenancy::plugin::{Consumed, EventHook, HookName, PluginEvent};
use uuid::Uuid;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::event::exports::portcullis::event::hook as wit;
use crate::bindings::event::portcullis::call::types;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::hooks::context::{ContextInput, call_context, object};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

impl EventHook for PluginHost {
    fn consume<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugin: &'a str,
        events: &'a [PluginEvent],
    ) -> BoxFuture<'a, Result<Consumed, HookFailure>> {
        Box::pin(self.offer(tenant, plugin, events))
    }
}

impl PluginHost {
    async fn offer(
        &self,
        tenant: &TenantId,
        plugin: &str,
        events: &[PluginEvent],
    ) -> Result<Consumed, HookFailure> {
        let installed = self.find_tenant(tenant).ok_or_else(not_installed)?;
        // Not of a request: what logs tell batches apart by is the event that they begin with.
        let request = RequestId(events.first().map_or_else(Uuid::nil, |event| event.id));
        let (tenant, actor) = (tenant.clone(), Actor::System);
        let context = HookContext { tenant, organisation: None, client: None, actor, request };
        let Some(slot) = installed.matching(HookName::Event, &context).find(|slot| slot.name() == plugin)
        else {
            return Ok(Consumed::NotBound);
        };
        let call = EventCall {
            context: ContextInput::new(self.clock.now().micros(), &context),
            events: events.iter().map(EventInput::new).collect(),
        };
        let caller = Caller { gate: &installed.gate, context: &context, subject: "" };
        self.call(caller, slot, call, check).await.map(|()| Consumed::Taken)
    }
}

/// `consume` of an instance.
pub(crate) type Consume = TypedFunc<(types::CallContext<'static>, &'static [wit::Event<'static>]), (Answer,)>;

type Answer = Result<(), types::HookError>;

/// One call of one plugin.
#[derive(Clone)]
struct EventCall {
    context: ContextInput,
    events: Vec<EventInput>,
}

#[derive(Clone)]
struct EventInput {
    id: String,
    event: PluginEvent,
    organisation: Option<String>,
    details: String,
}

impl EventInput {
    fn new(event: &PluginEvent) -> Self {
        Self {
            id: event.id.to_string(),
            organisation: event.organisation.map(|organisation| organisation.to_string()),
            details: object(&event.details),
            event: event.clone(),
        }
    }
}

impl GuestCall for EventCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Event;

    fn function(&self) -> FunctionName {
        FunctionName::ConsumeEvents
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::ConsumeEvents(consume) = function else { return Err(other_function()) };
        let events: Vec<wit::Event<'_>> = self
            .events
            .iter()
            .map(|input| wit::Event {
                id: &input.id,
                at: input.event.at.micros(),
                action: &input.event.action,
                actor: &input.event.actor,
                target_kind: &input.event.target_kind,
                target_id: &input.event.target_id,
                organisation: input.organisation.as_deref(),
                details: &input.details,
                extensions: &[],
            })
            .collect();
        Ok(consume.call_async(store, (call_context!(types, &self.context), &events)).await?.0)
    }
}

fn check(_: &Plugin, answer: Answer) -> Result<(), Failure> {
    answer.map_err(|error| (HookFailureKind::GuestError, error.message))
}
