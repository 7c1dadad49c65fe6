//! Cases of the hook `registration`: `wit/registration/registration.wit` in TOML and JSON, with the texts of JSON
//! objects as objects.

use std::collections::BTreeMap;

use identity::hooks::{Additions, IdentityHooks as _, Refusals, RegistrationDecision, RegistrationForm};
use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;
use super::person::{Person, SCHEMA, WrittenOrigin};

/// The hook.
pub(super) struct Registration;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Before,
    After,
}

/// `registration-form`, and the `person` that `after` is told of.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    source: Source,
    schema: Option<String>,
    traits: Map<String, Value>,
    origin: WrittenOrigin,
    person: Person,
}

/// `source`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Source {
    #[default]
    SelfService,
    Admin,
}

/// `registration-decision` and `additions`. What is empty is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Answer {
    Allow {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        traits: Option<Map<String, Value>>,
    },
    Deny {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        form: Option<String>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<String, String>,
    },
    #[serde(rename_all = "kebab-case")]
    Add {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata_public: Option<Map<String, Value>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata_admin: Option<Map<String, Value>>,
    },
}

impl HookCases for Registration {
    type Function = Function;
    type Request = Request;
    type Answer = Answer;

    async fn ask(
        host: &PluginHost,
        function: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Answer, HookFailure> {
        let form = RegistrationForm {
            schema: request.schema.clone().unwrap_or_else(|| SCHEMA.to_owned()),
            traits: request.traits.clone(),
            origin: (request.source == Source::SelfService).then(|| request.origin.of_the_room()),
        };
        Ok(match function {
            Function::Before => match host.before_registration(context, &form).await? {
                RegistrationDecision::Allow { traits } => Answer::Allow { traits },
                RegistrationDecision::Deny(Refusals { form, fields, .. }) => {
                    Answer::Deny { form, fields: fields.into_iter().collect() }
                }
            },
            Function::After => {
                let Additions { metadata_public, metadata_admin, .. } =
                    host.after_registration(context, &request.person.of_the_room()).await?;
                Answer::Add { metadata_public, metadata_admin }
            }
        })
    }
}
