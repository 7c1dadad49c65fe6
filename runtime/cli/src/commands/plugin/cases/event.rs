//! Cases of the hook `event`: `wit/event/event.wit` in TOML and JSON, with the texts of JSON objects as objects.

use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use primitives::{OrganisationId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tenancy::plugin::{EventHook as _, PluginEvent};
use uuid::Uuid;

use super::HookCases;

/// The hook.
pub(super) struct Event;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Consume,
}

/// What is offered.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    events: Vec<Written>,
}

/// `event`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Written {
    id: Uuid,
    at: i64,
    action: String,
    actor: String,
    target_kind: String,
    target_id: String,
    organisation: Option<OrganisationId>,
    details: Map<String, Value>,
}

/// Nothing is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl HookCases for Event {
    type Function = Function;
    type Request = Request;
    type Answer = Nothing;

    async fn ask(
        host: &PluginHost,
        Function::Consume: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Nothing, HookFailure> {
        let events: Vec<PluginEvent> = request.events.iter().cloned().map(Written::of_the_room).collect();
        for plugin in tenancy::TenantPlugins::list(host, &context.tenant) {
            host.consume(&context.tenant, &plugin.name, &events).await?;
        }
        Ok(Nothing {})
    }
}

impl Written {
    fn of_the_room(self) -> PluginEvent {
        PluginEvent {
            id: self.id,
            at: Timestamp::from_micros(self.at),
            action: self.action,
            actor: self.actor,
            target_kind: self.target_kind,
            target_id: self.target_id,
            organisation: self.organisation,
            details: self.details,
        }
    }
}
