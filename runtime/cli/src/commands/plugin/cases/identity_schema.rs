//! Cases of the hook `identity-schema`: `wit/identity-schema/identity-schema.wit` in TOML and JSON, with the texts of
//! JSON objects as objects.

use std::collections::BTreeMap;

use identity::hooks::{IdentityHooks as _, Refusals, TraitsCandidate, TraitsVerdict};
use plugin_host::PluginHost;
use primitives::IdentityId;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;
use super::person::SCHEMA;

/// The hook.
pub(super) struct IdentitySchema;

/// Its function.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Validate,
}

/// `candidate`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    schema: Option<String>,
    traits: Map<String, Value>,
    replaces: Option<IdentityId>,
}

/// `verdict`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Verdict {
    Valid {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        traits: Option<Map<String, Value>>,
    },
    Invalid(BTreeMap<String, String>),
}

impl HookCases for IdentitySchema {
    type Function = Function;
    type Request = Request;
    type Answer = Verdict;

    async fn ask(
        host: &PluginHost,
        function: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Verdict, HookFailure> {
        let Function::Validate = function;
        let candidate = TraitsCandidate {
            schema: request.schema.clone().unwrap_or_else(|| SCHEMA.to_owned()),
            traits: request.traits.clone(),
            replaces: request.replaces,
        };
        Ok(match host.validate_traits(context, &candidate).await? {
            TraitsVerdict::Valid(traits) => Verdict::Valid { traits },
            TraitsVerdict::Invalid(fields) | TraitsVerdict::Refused(Refusals { fields, .. }) => {
                Verdict::Invalid(fields.into_iter().collect())
            }
        })
    }
}
