//! Cases of the hook `transform`: `wit/transform/transform.wit` in TOML and JSON, with the texts of JSON documents as
//! documents.

use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use primitives::transform::{TransformDecision, TransformHook as _, TransformPlace, TransformRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;
use super::claim_mapper::document;

/// The hook.
pub(super) struct Transform;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Transform,
}

/// `transform-request`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    place: Place,
    template: String,
    input: Map<String, Value>,
}

/// The places that this node has.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    #[default]
    WebhookBody,
    SessionToken,
    MessageBody,
}

/// `transform-decision`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Decision {
    Output { document: Value },
    Cancel {},
}

impl HookCases for Transform {
    type Function = Function;
    type Request = Request;
    type Answer = Decision;

    async fn ask(
        host: &PluginHost,
        Function::Transform: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Decision, HookFailure> {
        let transform = TransformRequest {
            place: match request.place {
                Place::WebhookBody => TransformPlace::WebhookBody,
                Place::SessionToken => TransformPlace::SessionToken,
                Place::MessageBody => TransformPlace::MessageBody,
            },
            template: request.template.clone(),
            subject: None,
            input: document(&request.input)?,
        };
        // The one plugin that is on trial.
        let on_trial = tenancy::TenantPlugins::list(host, &context.tenant);
        let name = on_trial.first().map_or("", |plugin| &plugin.name);
        Ok(match host.transform(context, name, &transform).await? {
            TransformDecision::Output(document) => Decision::Output { document },
            TransformDecision::Cancel => Decision::Cancel {},
        })
    }
}
