//! Cases of the hook `login`: `wit/login/login.wit` in TOML and JSON.

use identity::hooks::{IdentityHooks as _, LoginAttempt, LoginDecision, LoginOutcome};
use identity::session::Method;
use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;
use super::person::{Person, WrittenOrigin};

/// The hook.
pub(super) struct Login;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Before,
    After,
}

/// `login-attempt`, and the `person` that `after` is told of.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    identifier: String,
    refresh: bool,
    origin: WrittenOrigin,
    person: Person,
}

/// `login-decision` and `login-outcome`. What is empty is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Decision {
    Allow {
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        claims: Map<String, Value>,
    },
    Deny {
        message: String,
    },
    Redirect {
        url: String,
    },
    RequireSecondFactor {},
}

impl HookCases for Login {
    type Function = Function;
    type Request = Request;
    type Answer = Decision;

    async fn ask(
        host: &PluginHost,
        function: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Decision, HookFailure> {
        let attempt = LoginAttempt {
            identifier: request.identifier.clone(),
            method: Method::Password,
            refresh: request.refresh,
            origin: request.origin.of_the_room(),
        };
        Ok(match function {
            Function::Before => match host.before_login(context, &attempt).await? {
                LoginDecision::Allow => Decision::Allow { claims: Map::new() },
                LoginDecision::Deny { message } => Decision::Deny { message },
                LoginDecision::Redirect { url } => Decision::Redirect { url },
            },
            Function::After => {
                match host.after_login(context, &attempt, &request.person.of_the_room()).await? {
                    LoginOutcome::Allow { claims } => Decision::Allow { claims: claims.as_object().clone() },
                    LoginOutcome::Deny { message } => Decision::Deny { message },
                    LoginOutcome::RequireSecondFactor => Decision::RequireSecondFactor {},
                }
            }
        })
    }
}
