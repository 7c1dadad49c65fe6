//! Cases of the hook `account`: `wit/account/account.wit` in TOML and JSON.

use identity::hooks::{AccountEvent, Happening, IdentityHooks as _};
use plugin_host::PluginHost;
use primitives::SessionId;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};

use super::HookCases;
use super::person::{Person, WrittenOrigin};

/// The hook.
pub(super) struct Account;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    After,
}

/// `account-event`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    what: What,
    person: Person,
    session: Option<SessionId>,
    origin: WrittenOrigin,
}

/// `happening`.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    #[default]
    Profile,
    Password,
    Logout,
    Recovery,
    Verification,
}

/// Nothing is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl HookCases for Account {
    type Function = Function;
    type Request = Request;
    type Answer = Nothing;

    async fn ask(
        host: &PluginHost,
        Function::After: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Nothing, HookFailure> {
        let identity = request.person.of_the_room();
        let event = AccountEvent {
            what: match request.what {
                What::Profile => Happening::Profile,
                What::Password => Happening::Password,
                What::Logout => Happening::Logout,
                What::Recovery => Happening::Recovery,
                What::Verification => Happening::Verification,
            },
            identity: &identity,
            session: request.session,
            origin: request.origin.of_the_room(),
        };
        match host.after_account(context, &event).await.into_iter().next() {
            Some(failure) => Err(failure),
            None => Ok(Nothing {}),
        }
    }
}
