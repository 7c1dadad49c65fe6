//! Cases of the hook `login`: `wit/login/login.wit` in TOML and JSON.

use identity::hooks::{IdentityHooks as _, LoginAttempt, LoginDecision};
use identity::session::Method;
use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};

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

/// `login-decision`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Decision {
    Allow {},
    Deny { message: String },
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
        let decision = match function {
            Function::Before => host.before_login(context, &attempt).await?,
            Function::After => host.after_login(context, &attempt, &request.person.of_the_room()).await?,
        };
        Ok(match decision {
            LoginDecision::Allow => Decision::Allow {},
            LoginDecision::Deny { message } => Decision::Deny { message },
        })
    }
}
