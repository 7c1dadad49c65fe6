//! Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred,
//! with those in `barred` of their `metadata_admin`. Sends people whose domain the setting `homes` has to sign in there,
//! and keeps the desk that an administrator gave somebody with their session.

use portcullis_plugin::login::{CallContext, Decision, Hook, HookError, LoginAttempt, Outcome, Person};
use portcullis_plugin::{config, log};
use serde::Deserialize;

struct Plugin;

#[derive(Deserialize)]
struct Metadata {
    barred: Option<String>,
    desk: Option<String>,
}

impl Hook for Plugin {
    /// Nothing is known of the account here: the answer must not depend on whether there is one.
    fn before(_call: CallContext, attempt: LoginAttempt) -> Result<Decision, HookError> {
        if let Some(words) = config::find(&["closed"])? {
            return Ok(Decision::Deny(words));
        }
        let (_, domain) = attempt.identifier.rsplit_once('@').unwrap_or_default();
        Ok(config::find(&["homes", domain])?.map_or(Decision::Allow, Decision::Redirect))
    }

    /// The password was right.
    fn after(_call: CallContext, _attempt: LoginAttempt, person: Person) -> Result<Outcome, HookError> {
        let metadata: Option<Metadata> = person.metadata_admin()?;
        match metadata {
            Some(Metadata { barred: Some(words), .. }) => {
                log::info("somebody is barred");
                Ok(Outcome::Deny(words))
            }
            Some(Metadata { desk: Some(desk), .. }) => Outcome::allow().claim("desk", desk),
            Some(_) | None => Ok(Outcome::allow()),
        }
    }
}

portcullis_plugin::export_login!(Plugin);
