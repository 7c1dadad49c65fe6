//! Lets apps have only people who signed in as strongly as the setting `assurance` says for them, e.g.
//! `"client:bank" = "aal2"`.

use portcullis_plugin::config;
use portcullis_plugin::policy::{CallContext, Decision, Hook, HookError, PolicyRequest};
use serde::Deserialize;

struct Plugin;

#[derive(Deserialize)]
struct Context {
    assurance: Option<String>,
}

impl Hook for Plugin {
    fn decide(_call: CallContext, request: PolicyRequest) -> Result<Decision, HookError> {
        let Some(wanted) = config::find::<String>(&["assurance", &request.resource])? else {
            return Ok(Decision::permit());
        };
        if request.subject.is_none() || request.context::<Context>()?.assurance.as_ref() == Some(&wanted) {
            return Ok(Decision::permit());
        }
        Ok(Decision::deny(format!("This app wants {wanted}.")))
    }
}

portcullis_plugin::export_policy!(Plugin);
