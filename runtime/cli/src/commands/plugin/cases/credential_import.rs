//! Cases of the hook `credential-import`: `wit/credential-import/credential-import.wit` in TOML and JSON.

use identity::hooks::{IdentityHooks as _, ImportAttempt, ImportVerdict};
use identity::password::PlainPassword;
use plugin_host::PluginHost;
use primitives::Secret;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};

use super::HookCases;
use super::person::{Person, WrittenOrigin};

/// The hook.
pub(super) struct CredentialImport;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    Verify,
}

/// `import-attempt`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    identifier: String,
    password: String,
    credential: Option<String>,
    person: Option<Person>,
    origin: WrittenOrigin,
}

/// `verdict`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Verdict {
    Correct {},
    Wrong {},
}

impl HookCases for CredentialImport {
    type Function = Function;
    type Request = Request;
    type Answer = Verdict;

    async fn ask(
        host: &PluginHost,
        Function::Verify: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Verdict, HookFailure> {
        let identity = request.person.as_ref().map(Person::of_the_room);
        let attempt = ImportAttempt {
            identifier: request.identifier.clone(),
            password: PlainPassword::new(request.password.clone()),
            credential: request.credential.clone().map(Secret::new),
            identity: identity.as_ref(),
            origin: request.origin.of_the_room(),
        };
        Ok(match host.verify_import(context, &attempt).await? {
            ImportVerdict::Correct => Verdict::Correct {},
            ImportVerdict::Wrong => Verdict::Wrong {},
        })
    }
}
