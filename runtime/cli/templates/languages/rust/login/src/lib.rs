//! Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred,
//! with those in `barred` of their `metadata_admin`.

use portcullis_plugin::login::{CallContext, Decision, Hook, HookError, LoginAttempt, Person};
use portcullis_plugin::{config, log};
use serde::Deserialize;

struct Plugin;

#[derive(Deserialize)]
struct Metadata {
    barred: Option<String>,
}

impl Hook for Plugin {
    /// Nothing is known of the account here: the answer must not depend on whether there is one.
    fn before(_call: CallContext, _attempt: LoginAttempt) -> Result<Decision, HookError> {
        Ok(config::find::<String>(&["closed"])?.map_or(Decision::Allow, Decision::Deny))
    }

    /// The password was right.
    fn after(_call: CallContext, _attempt: LoginAttempt, person: Person) -> Result<Decision, HookError> {
        let metadata: Option<Metadata> = person.metadata_admin()?;
        let Some(words) = metadata.and_then(|metadata| metadata.barred) else { return Ok(Decision::Allow) };
        log::info("somebody is barred");
        Ok(Decision::Deny(words))
    }
}

portcullis_plugin::export_login!(Plugin);
