//! Cases of the hook `policy`: `wit/policy/policy.wit` in TOML and JSON, with the texts of JSON objects as objects.

use std::collections::BTreeMap;

use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use primitives::policy::{PolicyDecision, PolicyHook as _, PolicyRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;

/// The hook.
pub(super) struct Policy;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Decide,
}

/// `policy-request`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    subject: Option<String>,
    action: String,
    resource: String,
    context: Map<String, Value>,
}

/// `decision`, with obligations and headers by their names. What is empty is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Decision {
    Permit {
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        obligations: BTreeMap<String, Map<String, Value>>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    Deny {
        reason: String,
    },
}

impl HookCases for Policy {
    type Function = Function;
    type Request = Request;
    type Answer = Decision;

    async fn ask(
        host: &PluginHost,
        Function::Decide: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Decision, HookFailure> {
        let request = PolicyRequest {
            subject: request.subject.clone(),
            action: request.action.clone(),
            resource: request.resource.clone(),
            context: request.context.clone(),
        };
        Ok(match host.decide(context, &request).await? {
            PolicyDecision::Permit(permission) => Decision::Permit {
                obligations: permission
                    .obligations
                    .into_iter()
                    .map(|one| (one.name, one.parameters))
                    .collect(),
                headers: permission.headers.into_iter().collect(),
            },
            PolicyDecision::Deny { reason } => Decision::Deny { reason },
        })
    }
}
