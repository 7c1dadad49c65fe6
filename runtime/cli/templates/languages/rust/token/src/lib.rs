//! Adds the plan of an app to its tokens, and gives none to apps that may not have them any more.
//!
//! The settings name the plan of each app by its `client_id`; `false` means that it gets no tokens:
//!
//! ```toml
//! [settings.plans]
//! web = "team"
//! legacy = false
//! ```

use portcullis_plugin::token::{CallContext, Decision, Hook, HookError, TokenRequest};
use portcullis_plugin::{config, log};
use serde_json::Value;

struct Plugin;

impl Hook for Plugin {
    fn shape_tokens(call: CallContext, _request: TokenRequest) -> Result<Decision, HookError> {
        let client = call.client.unwrap_or_default();
        match config::find::<Value>(&["plans", &client])? {
            Some(Value::Bool(false)) => Ok(Decision::deny("This app may not get tokens any more.")),
            Some(plan) => Decision::issue().claim("plan", plan),
            None => {
                log::info(format!("no plan for {client}"));
                Ok(Decision::issue())
            }
        }
    }
}

portcullis_plugin::export_token!(Plugin);
